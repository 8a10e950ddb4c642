//! [`Explorer`]: how a test is run under many schedules. [`explore`]: the short form.

#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::Location;

use super::environment;
use super::failure::Failure;
use super::report::Report;
use super::schedule::Schedule;
use super::search::Search;
use crate::executor::with_current;

/// Runs `body` once for each seed, each time in a new runtime in which the seed chooses whose turn is next among the ready
/// tasks ([`Order::Shuffled`](crate::Order::Shuffled)). One seed gives one schedule, on every machine, so a failure can be
/// seen again.
///
/// Time is virtual and advances by itself ([`Clock::AutoAdvance`](crate::time::Clock::AutoAdvance)), so sleeps and timeouts
/// take no real time. A run fails
///
/// * when `body` panics, or a task whose panic no handle receives, or a destructor as the runtime ends;
/// * when it is deadlocked: no task is ready, and nothing is left that could wake one. If a plain thread is to wake a task,
///   it has to [hold](crate::time::hold) the clock; otherwise the run does not wait for it. (While a
///   [`Handle`](crate::Handle) is out, a run is not taken for deadlocked, but the clock goes on.)
/// * after a million turns.
///
/// At the first failure this panics. The text has the seed, what panicked, the turns of the shortest
/// schedule that fails, and the line that replays it:
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use taketurns::{spawn, testing::explore, yield_now};
///
/// async fn deposit(balance: Rc<Cell<u32>>, amount: u32) {
///     let before = balance.get();
///     yield_now().await; // as if a server were asked
///     balance.set(before + amount);
/// }
///
/// async fn two_deposits() {
///     let balance = Rc::new(Cell::new(0));
///     let wages = spawn(deposit(Rc::clone(&balance), 100));
///     yield_now().await;
///     yield_now().await; // in order, the first deposit is over now
///     deposit(Rc::clone(&balance), 20).await;
///     wages.await.unwrap();
///     assert_eq!(balance.get(), 120);
/// }
///
/// taketurns::block_on(two_deposits()); // it passes
/// let failure = std::panic::catch_unwind(|| explore(0..100, two_deposits)).unwrap_err();
/// println!("{}", failure.downcast::<String>().unwrap());
/// // seed 0 fails, after 0 that passed
/// //   panicked at src/main.rs:17:5: assertion `left == right` failed
/// //   left: 20
/// //  right: 120
/// // shortest schedule: 3 choices by the seed, then in order, 6 turns:
/// //    turn       clock  task
/// //       1         0ns  the future of `block_on`
/// //       2         0ns  task #1, spawned at src/main.rs:12:17
/// //       3         0ns  the future of `block_on`
/// //       4 *       0ns  the future of `block_on`
/// //       5         0ns  task #1, spawned at src/main.rs:12:17
/// //       6         0ns  the future of `block_on`
/// //       * the seed took it before others that were queued
/// // again: run it with TAKETURNS_SEED=0 in the environment
/// //    or: taketurns::testing::explore([0], ..)
/// ```
///
/// With `TAKETURNS_SEED` in the environment every `explore` of the process runs that seed alone.
///
/// The shortest schedule follows the seed for as few choices as are found to be enough, and then gives turns in order. (A
/// choice is a turn before which more than one task is ready.)
///
/// # What it does not see
///
/// If no seed fails, that proves nothing. A turn is one poll, and no schedule divides it. Threads run as they please. Time
/// stands still while a task is ready, so no timeout ends before work that is ready. A turn that never ends is not ended.
/// And it waits in real time for what it cannot choose: while a [`Handle`](crate::Handle), a [`hold`](crate::time::hold) or
/// a blocking job is out, or a socket was awaited and has had no event since.
///
/// # The panic hook
///
/// The first call puts a panic hook in front of the one it finds, for the life of the process. It keeps the panics of a
/// thread that explores (with the first backtrace if `RUST_BACKTRACE` asks for one), so that runs that pass print nothing.
/// Every other panic goes to the hook before. (Where panics abort, `panic = "abort"`, it keeps none, and the first panic
/// ends the exploration.)
///
/// # Panics
///
/// At the first seed that fails; inside of a running executor; if `TAKETURNS_SEED` is not a number; if a runtime cannot be
/// made.
#[track_caller]
pub fn explore<F, Fut>(seeds: impl IntoIterator<Item = u64>, body: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    Explorer::new().run(seeds, body);
}

/// Runs a test under many schedules, as [`explore`] does, with settings of your choice. What a run is, when it fails and what
/// the failure tells is said there.
///
/// ```
/// use taketurns::testing::{Explorer, Schedule};
/// use taketurns::{spawn, yield_now};
///
/// async fn body() {
///     let other = spawn(yield_now());
///     yield_now().await;
///     other.await.unwrap();
/// }
///
/// // By priorities, each run twice and compared.
/// let explorer = Explorer::new().schedule(Schedule::Pct { depth: 3 }).check_determinism(true);
/// let report = explorer.run(0..100, body);
/// assert_eq!(report.to_string(), "100 schedules passed, and there may be more");
///
/// // All schedules that there are.
/// let report = Explorer::new().exhaust(1000, body);
/// assert_eq!(report.to_string(), "all 3 schedules passed");
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "an explorer does nothing until `run`, `exhaust` or `replay`"]
pub struct Explorer {
    schedule: Schedule,
    check_determinism: bool,
}

impl Explorer {
    /// One with each setting at its default: a uniform schedule, and each run once.
    pub fn new() -> Self {
        Self::default()
    }

    /// How a seed chooses whose turn is next: uniformly by default. `TAKETURNS_SCHEDULE` in the environment, `uniform` or
    /// `pct:3`, is the schedule of every [`run`](Self::run) of the process instead.
    ///
    /// # Panics
    ///
    /// When the depth of [`Schedule::Pct`] is 0.
    #[track_caller]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        let has_depth = schedule != Schedule::Pct { depth: 0 };
        assert!(
            has_depth,
            "the depth of `Schedule::Pct` must be at least 1: with 1, no priority changes"
        );
        self.schedule = schedule;
        self
    }

    /// Whether each schedule is run twice and the two runs are compared, turn by turn: the task, where it was spawned, and
    /// the clock. Off by default.
    ///
    /// Two runs with the same choices differ where the body depends on something else: the order of a `HashMap`, real time,
    /// an address, a thread. A failure of such a body may never be seen again. With this the exploration fails at the first
    /// turn that differs, and names both tasks.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use taketurns::{spawn, testing::Explorer};
    ///
    /// let failure = std::panic::catch_unwind(|| {
    ///     Explorer::new().check_determinism(true).run(0..100, || async {
    ///         let steps = HashMap::from([(1, "open"), (2, "write"), (3, "close")]);
    ///         for (number, _) in steps {
    ///             if number == 1 {
    ///                 spawn(async {}).await.unwrap();
    ///             } else {
    ///                 spawn(async {}).await.unwrap();
    ///             }
    ///         }
    ///     })
    /// });
    /// let text = *failure.unwrap_err().downcast::<String>().unwrap();
    /// assert!(text.contains("it was run twice with the same choices, and turn "));
    /// ```
    pub fn check_determinism(mut self, check: bool) -> Self {
        self.check_determinism = check;
        self
    }

    /// Runs `body` once for each seed. `TAKETURNS_SEED` in the environment is the only seed instead. Under
    /// [`Schedule::Pct`] one more run comes first, in plain order, and the report does not count it.
    ///
    /// # Panics
    ///
    /// As [`explore`]; and if `TAKETURNS_SCHEDULE` is no schedule.
    #[track_caller]
    pub fn run<F, Fut>(self, seeds: impl IntoIterator<Item = u64>, body: F) -> Report
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ()>,
    {
        let search = self.search(&body);
        let schedule = environment::schedule().unwrap_or(self.schedule);
        passed(match environment::seed() {
            Some(seed) => search.seeds(schedule, [seed]),
            None => search.seeds(schedule, seeds),
        })
    }

    /// Runs `body` under every schedule that there is, but at most under `limit`. The report says whether that was all.
    ///
    /// A schedule is a list of choices: for each turn before which more than one task is ready, which of them it is, counted
    /// from the head of the queue and from 0. The first run is in plain order, all of whose choices are 0. Each run after it
    /// changes the last choice that has an alternative left (depth first). A failure says the choices, and
    /// `TAKETURNS_CHOICES=0,2,1` in the environment makes them again, in every `exhaust` of the process.
    ///
    /// The number of schedules is exponential in the number of choices: three tasks of three turns each have 1680. It is
    /// infinite if a task yields until another has done something. So this is for a few tasks of a few turns. Schedules that
    /// differ only in turns that have nothing to do with each other are all run: to leave some out, as model checkers do
    /// (partial-order reduction), one has to know what each turn reads and writes. loom knows, as the code under test uses
    /// loom's types; here the code is as it is.
    ///
    /// # Panics
    ///
    /// At the first schedule that fails; when a run does not come to the same choices as the run before; inside of a running
    /// executor; if `TAKETURNS_CHOICES` is no list of choices; if a runtime cannot be made.
    ///
    /// ```
    /// use taketurns::{spawn, testing::Explorer};
    ///
    /// let report = Explorer::new().exhaust(1000, || async {
    ///     let tasks = [1, 2, 3].map(|number| spawn(async move { number }));
    ///     for task in tasks {
    ///         task.await.unwrap();
    ///     }
    /// });
    /// assert!(report.complete, "{report}");
    /// ```
    #[must_use = "`complete` says whether all schedules were seen"]
    #[track_caller]
    pub fn exhaust<F, Fut>(self, limit: u64, body: F) -> Report
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ()>,
    {
        let search = self.search(&body);
        passed(match environment::choices() {
            Some(choices) => search.replay(choices),
            None => search.all(limit),
        })
    }

    /// Runs `body` once, with these choices and then in plain order, as a failure of [`exhaust`](Self::exhaust) names them.
    ///
    /// # Panics
    ///
    /// If it fails; if a choice names a task that is not there; inside of a running executor; if a runtime cannot be made.
    ///
    /// ```
    /// use std::{cell::RefCell, rc::Rc};
    /// use taketurns::{spawn, testing::Explorer};
    ///
    /// Explorer::new().replay([0, 1], || async {
    ///     let order = Rc::new(RefCell::new(Vec::new()));
    ///     let tasks = [1, 2, 3].map(|number| {
    ///         let order = Rc::clone(&order);
    ///         spawn(async move { order.borrow_mut().push(number) })
    ///     });
    ///     for task in tasks {
    ///         task.await.unwrap();
    ///     }
    ///     assert_eq!(*order.borrow(), [1, 3, 2]); // the first of three, then the second of the two that were left
    /// });
    /// ```
    #[track_caller]
    pub fn replay<F, Fut>(self, choices: impl IntoIterator<Item = usize>, body: F) -> Report
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ()>,
    {
        let search = self.search(&body);
        passed(search.replay(choices.into_iter().collect()))
    }

    #[track_caller]
    fn search<F>(self, body: &F) -> Search<'_, F> {
        assert!(
            with_current(|_| ()).is_none(),
            "`testing::explore` makes runtimes of its own: call it outside of `block_on`, in a plain test"
        );
        Search { body, twice: self.check_determinism, site: Location::caller() }
    }
}

#[track_caller]
fn passed(outcome: Result<Report, Box<Failure>>) -> Report {
    match outcome {
        Ok(report) => report,
        Err(failure) => panic!("{failure}"),
    }
}
