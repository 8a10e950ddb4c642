//! The loop: turns, and looks between them.
//!
//! A **turn** is one poll of one task. A **look** is a glance outside: the inbox, then what the
//! [`Driver`] stands for. What the loop promises:
//!
//! * **F1** A task is in the run queue at most once; waking a queued task changes nothing.
//! * **F2** A task that enters with *n* queued takes the (n+1)th turn from then. There is no "next" slot.
//!   A self-wake enters when its poll returns.
//! * **F3** At most `event_interval` turns pass between looks, and an empty queue looks at once. A look
//!   takes the whole inbox in push order, then the timers due by one reading of the clock in (deadline,
//!   arm) order, then a bounded number of reactor events, all to the tail.
//! * **F4** Leaf operations of this crate return `Pending` after 128 in one poll (see
//!   [`unconstrained`](super::unconstrained)).
//! * **F5** When the root completes, each task queued at that moment takes one last turn; then `block_on`
//!   returns. The others stay, and go on in the next.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::panic::{Location, resume_unwind};
use std::pin::pin;
use std::time::Duration;

use super::task::{self, HubHandle, HubOwner};
use super::{Driver, Handle, JoinHandle, LostTask, Nested};

/// Turns between two looks, unless told otherwise. tokio's number: a look is a system call when a
/// socket is waited for, which costs many short turns, so it is spread over some.
pub const EVENT_INTERVAL: NonZeroU32 = NonZeroU32::new(61).unwrap();

/// An executor for the thread that makes it, over a [`Driver`].
///
/// [`Runtime`](crate::Runtime) is this over timers, reactor and thread pool; most programs want that.
/// Dropping it ends every task that is left, as [`close`](Self::close) does.
///
/// ```
/// use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
///
/// let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
/// let double = executor.spawn(async { 2 * 21 });
/// assert_eq!(executor.block_on(double).unwrap(), 42);
/// ```
pub struct Executor<D: Driver> {
    hub: HubOwner,
    driver: RefCell<D>,
    event_interval: u32,
}

impl<D: Driver> Executor<D> {
    /// An executor that looks outside after at most `event_interval` turns.
    pub fn new(driver: D, event_interval: NonZeroU32) -> Self {
        let hub = HubOwner::new(driver.unparker());
        Self { hub, driver: RefCell::new(driver), event_interval: event_interval.get() }
    }

    /// Spawns a task, before, between or during runs. It takes its first turn in a run.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.hub.spawn(future, Location::caller(), None)
    }

    /// A way in from other threads.
    pub fn handle(&self) -> Handle {
        Handle::new(HubHandle::new(&self.hub))
    }

    /// Runs the loop until `future` completes, and gives its output. `future` may borrow.
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor; with the panic of `future` if it panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.try_block_on(future) {
            Ok(output) => output,
            Err(nested) => panic!("`block_on`: {nested}"),
        }
    }

    /// As [`block_on`](Self::block_on), with an error for the nested call.
    ///
    /// # Errors
    ///
    /// [`Nested`] when this thread is inside of an executor already; `future` is dropped.
    ///
    /// # Panics
    ///
    /// With the panic of `future` if it panics.
    #[track_caller]
    pub fn try_block_on<F: Future>(&self, future: F) -> Result<F::Output, Nested> {
        let site = Location::caller();
        let outcome = task::enter(&self.hub, site, || {
            let future = pin!(future);
            self.hub.with_root(future, site, |root| {
                let mut looks = Looks { executor: self, turns_left: 0 };
                looks.run_until(|| root.is_done());
                looks.last_turns();
            })
        })?;
        Ok(outcome.unwrap_or_else(|error| match error.into_panic() {
            Ok(payload) => resume_unwind(payload),
            Err(error) => unreachable!("the root cannot be aborted: {error}"),
        }))
    }

    /// Runs the loop until [`Handle::stop`] is called. A `stop` that came before ends it at once.
    ///
    /// # Errors
    ///
    /// [`Nested`] when this thread is inside of an executor already.
    #[track_caller]
    pub fn run_forever(&self) -> Result<(), Nested> {
        task::enter(&self.hub, Location::caller(), || {
            let mut looks = Looks { executor: self, turns_left: 0 };
            looks.run_until(|| self.hub.take_stop());
            looks.last_turns();
        })
    }

    /// Ends every task that is left, in the order of spawning: drops its future, resolves its handle to
    /// an error that [is_shutdown](super::JoinError::is_shutdown). Returns what was lost, in that order.
    #[track_caller]
    pub fn close(mut self) -> Vec<LostTask> {
        self.end()
    }

    /// As [`close`](Self::close). Good for nothing but to be dropped after this.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Vec<LostTask> {
        self.hub.close(Location::caller())
    }
}

/// The loop's own state for one run: how many turns may pass until the next look (F3).
struct Looks<'a, D: Driver> {
    executor: &'a Executor<D>,
    turns_left: u32,
}

impl<D: Driver> Looks<'_, D> {
    fn run_until(&mut self, done: impl Fn() -> bool) {
        while !done() {
            if !self.turn() {
                self.look();
            }
        }
    }

    /// F5: those that are queued now, and no others.
    fn last_turns(&mut self) {
        let mut owed = self.executor.hub.ready();
        while owed > 0 {
            if self.turn() {
                owed -= 1;
            } else {
                self.look();
            }
        }
    }

    /// Gives the next task its turn; `false` when it is time to look instead.
    #[inline]
    fn turn(&mut self) -> bool {
        if self.turns_left == 0 || !self.executor.hub.turn() {
            return false;
        }
        self.turns_left -= 1;
        true
    }

    /// Looks outside; waits there when there is nothing to do here.
    fn look(&mut self) {
        let hub = &self.executor.hub;
        let wait = !hub.has_ready() && hub.park();
        let limit = if wait { None } else { Some(Duration::ZERO) };
        self.executor.driver.borrow_mut().turn(limit, &mut || {
            hub.take_in();
            hub.has_ready()
        });
        self.turns_left = self.executor.event_interval;
    }
}

/// Says how many tasks are ready, and what the driver waits for (unless it is at work).
impl<D: Driver> fmt::Debug for Executor<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.driver.try_borrow().ok().map(|driver| driver.pending());
        f.debug_struct("Executor")
            .field("ready", &self.hub.ready())
            .field("pending", &pending)
            .finish_non_exhaustive()
    }
}
