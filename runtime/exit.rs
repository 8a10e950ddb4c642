//! [`OnExit`]: what the end of a runtime does with tasks that have not ended. [`cancelled`]: how a task hears of it.

#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use crate::common::{scoped, waits};
use crate::executor::{budget, contain};

/// What the end of a runtime does with tasks that have not ended. Its times are by the real clock, also in a runtime with
/// a virtual one, so that it ends.
///
/// A runtime that is dropped inside a run, or while its thread panics, drops the tasks at once.
///
/// `Cancel` and `Wait` also run the tasks that a [`Handle`](crate::Handle) has sent. They return before their time when
/// each task has ended or can never go on, as it has no waker left ([`State::Stuck`](crate::task::State::Stuck)). A panic
/// of the loop ends the wait; the runtime goes on to end, and reports the panic as an
/// [unhandled](crate::task::Unhandled) failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnExit {
    /// The tasks are dropped where they stand, in the order of spawning.
    #[default]
    Drop,
    /// The tasks are asked to end: [`task::cancelled`](crate::task::cancelled) completes in each. They run on until they
    /// have ended, but at most for `grace`. The tasks that are left then are dropped.
    Cancel {
        /// How long the tasks have to clean up.
        grace: Duration,
    },
    /// The tasks run on until they have ended, but at most for `deadline`. The tasks that are left then are dropped.
    Wait {
        /// How long the tasks may take, from the beginning of the end.
        deadline: Duration,
    },
}

thread_local! {
    static CURRENT: scoped::Scoped<ExitRequest> = const { scoped::empty() };
}

/// Whether the tasks of a runtime have been asked to end, and the wakers of the tasks that wait for that.
#[derive(Default)]
pub(super) struct ExitRequest {
    asked: Cell<bool>,
    /// By the number of their [`Cancelled`], and so in the order in which those were made.
    waiting: RefCell<BTreeMap<u64, Waker>>,
    last_key: Cell<u64>,
}

impl ExitRequest {
    pub(super) fn enter(self: &Rc<Self>) -> scoped::Entered<Self> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Asks all tasks to end, now and in future. `panicked` is called with the panic of a waker.
    pub(super) fn ask(&self, panicked: impl Fn(Box<dyn Any + Send>)) {
        self.asked.set(true);
        for waker in self.waiting.take().into_values() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                panicked(payload);
            }
        }
    }

    fn new_key(&self) -> u64 {
        self.last_key.set(self.last_key.get() + 1);
        self.last_key.get()
    }
}

/// Completes when this task is asked to end, as it is when its runtime ends under [`OnExit::Cancel`]. A task that has
/// something to clean up waits for this beside its work.
///
/// It does not complete on an `abort` of the task, which drops the future where it stands: then only destructors clean up.
///
/// # Cancellation
///
/// Nothing is lost: it may be dropped and made anew at any time.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// use std::time::Duration;
/// use taketurns::{OnExit, task};
///
/// let grace = Duration::from_secs(1);
/// let runtime = taketurns::Builder::new().on_exit(OnExit::Cancel { grace }).build()?;
/// runtime.block_on(async {
///     taketurns::spawn(async {
///         task::cancelled().await;
///         println!("cleaned up");
///     })
///     .detach();
/// });
/// assert!(runtime.shutdown().lost().is_empty());
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn cancelled() -> Cancelled {
    let request = scoped::needed_by("task::cancelled", &CURRENT);
    Cancelled { key: request.new_key(), request, is_done: false }
}

/// See [`cancelled`].
#[must_use = "futures do nothing unless awaited"]
pub struct Cancelled {
    request: Rc<ExitRequest>,
    key: u64,
    pub(crate) is_done: bool,
}

impl Cancelled {
    fn poll_asked(&self, waker: &Waker) -> Poll<()> {
        let is_asked = || self.request.asked.get();
        let is_known = |known: Option<&Waker>| known.is_some_and(|known| known.will_wake(waker));
        if is_asked() {
            return Poll::Ready(());
        }
        if is_known(self.request.waiting.borrow().get(&self.key)) {
            waits::note(|| "`task::cancelled`".to_owned());
            return Poll::Pending;
        }
        let waker = waker.clone();
        // Checked again: the clone may have done anything, such as ending the runtime.
        let (polled, unused) = match is_asked() {
            true => (Poll::Ready(()), Some(waker)),
            false => (Poll::Pending, self.request.waiting.borrow_mut().insert(self.key, waker)),
        };
        contain(|| drop(unused));
        polled
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(budget::poll_ready(cx));
        ready!(self.poll_asked(cx.waker()));
        budget::spend();
        self.is_done = true;
        Poll::Ready(())
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        let waker = self.request.waiting.borrow_mut().remove(&self.key);
        contain(|| drop(waker));
    }
}

impl std::fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancelled").field("asked", &self.request.asked.get()).finish()
    }
}
