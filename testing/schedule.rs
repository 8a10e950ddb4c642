//! [`Schedule`]: how a seed chooses whose turn is next.

#![forbid(unsafe_code)]

use std::fmt;

/// How a seed chooses whose turn is next among the ready tasks.
///
/// ```
/// use taketurns::testing::{Explorer, Schedule};
/// use taketurns::{spawn, yield_now};
///
/// let slow_start = || async {
///     let (set, read) = std::sync::mpsc::channel();
///     let cache = spawn(async move { set.send("warm").unwrap() });
///     for _ in 0..30 {
///         yield_now().await; // a long way, on which the cache is given no turn
///     }
///     assert_eq!(read.try_recv(), Ok("warm"));
///     cache.await.unwrap();
/// };
/// Explorer::new().run(0..1000, slow_start); // a uniform choice passes: the chance is 2^-30
/// let failure = std::panic::catch_unwind(|| {
///     Explorer::new().schedule(Schedule::Pct { depth: 1 }).run(0..100, slow_start)
/// });
/// assert!(failure.is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// Each ready task is as likely to be next as any other, at every turn.
    ///
    /// It finds a bug that needs few turns in an unusual order. To keep one of two tasks back for *n* turns, it has to choose
    /// the other *n* times in a row, and the chance of that is 2^-n.
    #[default]
    Uniform,
    /// By priorities: PCT, probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte: *A Randomized
    /// Scheduler with Probabilistic Guarantees of Finding Bugs*, ASPLOS 2010).
    ///
    /// Each task has a random priority from its first appearance on, and the ready task of the highest priority is next. At
    /// `depth - 1` random choices the task that would be next is given a low priority instead. So a task is kept back for
    /// as long as others are ready, however many turns that is.
    ///
    /// A bug of depth *d* is one that shows whenever *d* turns come in a certain order, whatever else comes between them. With
    /// *n* tasks and *k* turns, a run of depth *d* finds it with a chance of at least 1 / (n k^(d-1)). Most bugs are of depth
    /// 1 or 2, and 3 is a good `depth` to begin with. A greater one finds deeper bugs, and each of them less often.
    ///
    /// *k* is an estimate, the turns of a first run, which is in plain order and has to pass too. So a seed is still one schedule,
    /// whatever seeds are tried before it.
    ///
    /// A task that wakes itself until another has done something would keep that other one back for ever. So a task that has
    /// taken more turns than the whole first run, while others were ready, is given the lowest priority. It may take half as
    /// many before that happens again. (Coyote and shuttle lower the priority at each yield. Here that would take the long
    /// waits away which PCT is for, as a yield is how a test stands for any wait.)
    Pct {
        /// 1 plus the number of changes of priority in a run.
        depth: u32,
    },
}

/// The depth of `pct` without a number.
const DEPTH: u32 = 3;

impl Schedule {
    /// `uniform`, `pct` or `pct:4`: the inverse of `Display`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let depth = |text: &str| text.parse().ok().filter(|&depth| depth > 0);
        match text.split_once(':') {
            None if text == "uniform" => Some(Self::Uniform),
            None if text == "pct" => Some(Self::Pct { depth: DEPTH }),
            Some(("pct", text)) => Some(Self::Pct { depth: depth(text)? }),
            _ => None,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Pct { depth } => write!(f, "pct:{depth}"),
        }
    }
}
