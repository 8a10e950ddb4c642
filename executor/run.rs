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
//!   [`unconstrained`](crate::task::unconstrained)).
//! * **F5** When the root completes, each task queued at that moment takes one last turn; then `block_on`
//!   returns. The others stay, and go on in the next.
//!
//! Under [`Order::Shuffled`](crate::Order::Shuffled), for tests, each look also chooses who is first in the
//! queue: then neither F2's place nor F5's "each" holds.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::panic::{Location, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use super::contain::Held;
use super::schedule::Schedule;
use super::task::{self, HubHandle, HubOwner};
use super::{Driver, Info, JoinHandle, Nested, budget};

/// Turns between two looks, unless told otherwise. tokio's number: a look is a system call when a
/// socket is waited for, which costs many short turns, so it is spread over some.
pub const EVENT_INTERVAL: NonZeroU32 = NonZeroU32::new(61).unwrap();

/// An executor for the thread that makes it, over a [`Driver`].
///
/// [`Runtime`](crate::Runtime) is this over timers, reactor and thread pool; most programs want that.
/// Dropping it ends every task that is left, as [`close`](Self::close) does.
///
/// Its tasks may borrow what outlives it, which `'env` says:
///
/// ```
/// use std::cell::Cell;
/// use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
///
/// let sum = Cell::new(0);
/// let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
/// let tasks = [1, 2, 3].map(|number| {
///     let sum = &sum;
///     executor.spawn(async move { sum.set(sum.get() + number) })
/// });
/// executor.block_on(async {
///     for task in tasks {
///         task.await.unwrap();
///     }
/// });
/// assert_eq!(sum.get(), 6);
/// ```
///
/// # Why that is sound
///
/// A task's future and output are touched in three places only: in a run, which borrows the executor; when
/// the executor is dropped or closed, which drops every future; and by the `JoinHandle<T>`, whose type has
/// `T`'s lifetimes. So it comes down to `'env` outliving the executor and staying what it is. The executor's
/// part that drops the futures has `'env` in its type and implements `Drop`, so the compiler wants `'env` to
/// outlive it:
///
/// ```compile_fail,E0597
/// # use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
/// let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
/// let text = String::from("dropped before the executor");
/// executor.spawn(async { println!("{text}") }).detach();
/// ```
///
/// `'env` is invariant, so no shorter one can be passed off for it:
///
/// ```compile_fail
/// # use taketurns::executor::{Executor, ParkThread};
/// fn shorter<'a, 'long: 'a>(it: &'a Executor<'long, ParkThread>) -> &'a Executor<'a, ParkThread> {
///     it
/// }
/// ```
///
/// nor a longer one:
///
/// ```compile_fail
/// # use taketurns::executor::{Executor, ParkThread};
/// fn longer<'a, 'b>(it: &'b Executor<'a, ParkThread>) -> &'b Executor<'static, ParkThread> {
///     it
/// }
/// ```
///
/// A task cannot borrow the executor it is in; a future given to [`block_on`](Self::block_on) may, as it
/// ends before the borrow does:
///
/// ```compile_fail,E0597
/// # use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
/// let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
/// let it = &executor;
/// it.spawn(async move { it.spawn(async {}).await.unwrap() }).detach();
/// ```
///
/// The output cannot be kept longer than what it borrows either:
///
/// ```compile_fail,E0597
/// # use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
/// let text = String::from("short");
/// let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
/// let output: &'static str = executor.block_on(executor.spawn(async { &*text })).unwrap();
/// ```
///
/// nor its handle:
///
/// ```compile_fail,E0597
/// # use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
/// let handle = {
///     let text = String::from("short");
///     let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
///     executor.spawn(async { &*text })
/// };
/// drop(handle);
/// ```
///
/// The free [`spawn`](super::spawn()) cannot know `'env`, and takes `'static` futures only. Forgetting the
/// executor leaks its tasks and nothing else: nobody runs them any more.
pub struct Executor<'env, D: Driver> {
    hub: HubOwner<'env>,
    driver: RefCell<D>,
    /// `None`: the task at the head of the run queue is next.
    schedule: Option<RefCell<Box<dyn Schedule>>>,
    event_interval: u32,
    /// How many turns may pass until the next look (F3).
    turns_left: Cell<u32>,
}

impl<'env, D: Driver> Executor<'env, D> {
    /// An executor that looks outside after at most `event_interval` turns.
    #[track_caller]
    pub fn new(driver: D, event_interval: NonZeroU32) -> Self {
        let hub = HubOwner::new(driver.unparker());
        let event_interval = event_interval.get();
        let turns_left = Cell::new(0);
        let driver = RefCell::new(driver);
        Self { hub, driver, schedule: None, event_interval, turns_left }
    }

    /// The same executor, with a schedule that chooses whose turn is next. It does so in a look, so there is one
    /// before each turn.
    pub(crate) fn with_schedule(self, schedule: Box<dyn Schedule>) -> Self {
        Self { schedule: Some(RefCell::new(schedule)), event_interval: 1, ..self }
    }

    /// Spawns a task, before, between or during runs. It takes its first turn in a run.
    #[track_caller]
    pub fn spawn<F: Future + 'env>(&self, future: F) -> JoinHandle<F::Output> {
        self.hub.spawn(future, Location::caller())
    }

    /// A way in from other threads.
    pub(crate) fn remote(&self) -> HubHandle {
        HubHandle::new(&self.hub)
    }

    /// Calls `hook` at once for each failure that no handle receives. `Option<Info>`: the task it happened in; `None`
    /// between turns. `Box<dyn Error>`: what failed, for a panic a [`JoinError`](super::JoinError). Without a hook
    /// failures are printed. A panic of the hook ends there.
    pub fn on_unhandled(&self, hook: impl Fn(Option<Info>, Box<dyn Error>) + 'static) {
        self.hub.on_unhandled(Rc::new(hook));
    }

    /// How many tasks have not ended.
    pub fn live(&self) -> usize {
        self.hub.live()
    }

    /// Between runs: whether no task that is left can ever go on, as nobody holds a waker of any.
    pub(crate) fn is_stuck(&self) -> bool {
        self.hub.is_stuck()
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
        self.try_block_on_at(Location::caller(), future)
    }

    /// As [`try_block_on`](Self::try_block_on), called at `site`.
    pub(crate) fn try_block_on_at<F: Future>(
        &self,
        site: &'static Location<'static>,
        future: F,
    ) -> Result<F::Output, Nested> {
        let outcome = task::enter(&self.hub, site, || {
            let slot = pin!(Some(future));
            let mut root = Held::new(slot);
            let outcome = self.hub.with_root(Pin::new(&mut root), site, |root| {
                self.run_until(|| root.is_done());
            });
            budget::lift(); // the last turn's does not bind the future's destructor
            root.end(outcome)
        })?;
        Ok(outcome.unwrap_or_else(|error| match error.into_panic() {
            Ok(payload) => resume_unwind(payload),
            Err(error) => unreachable!("the root cannot be aborted: {error}"),
        }))
    }

    /// Runs the loop until [`Handle::stop`](crate::Handle::stop) is called. A `stop` that came before ends it
    /// at once.
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor.
    #[track_caller]
    pub fn run_forever(&self) {
        if let Err(nested) = self.try_run_forever() {
            panic!("`run_forever`: {nested}");
        }
    }

    /// As [`run_forever`](Self::run_forever), with an error for the nested call.
    ///
    /// # Errors
    ///
    /// [`Nested`] when this thread is inside of an executor already.
    #[track_caller]
    pub fn try_run_forever(&self) -> Result<(), Nested> {
        task::enter(&self.hub, Location::caller(), || self.run_until(|| self.hub.take_stop()))
    }

    /// Takes one step for a host loop: gives the next task its turn, with a look first where one
    /// is due (F3); never waits. `false` when no task is ready: then wait as
    /// [`next_deadline`](Self::next_deadline) says, and from now on a wake from elsewhere uses the
    /// driver's [`Unpark`](super::Unpark).
    ///
    /// # Errors
    ///
    /// [`Nested`] when this thread is inside of an executor already.
    #[track_caller]
    pub fn try_tick(&self) -> Result<bool, Nested> {
        self.tick_within(Duration::ZERO, Location::caller())
    }

    /// Gives turns, and looks between them, until no task is ready; never waits. Tasks that wake themselves
    /// without end keep it for ever. Afterwards it is as after a `false` of
    /// [`try_tick`](Self::try_tick).
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor.
    #[track_caller]
    pub fn run_until_stalled(&self) {
        if let Err(nested) = self.try_run_until_stalled() {
            panic!("`run_until_stalled`: {nested}");
        }
    }

    /// As [`run_until_stalled`](Self::run_until_stalled), with an error for the nested call.
    ///
    /// # Errors
    ///
    /// [`Nested`] when this thread is inside of an executor already.
    #[track_caller]
    pub fn try_run_until_stalled(&self) -> Result<(), Nested> {
        task::enter(&self.hub, Location::caller(), || while self.step(Duration::ZERO) {})
    }

    /// As [`try_tick`](Self::try_tick), called at `site`; when no task is ready it waits for one, at most
    /// `limit`.
    pub(crate) fn tick_within(
        &self,
        limit: Duration,
        site: &'static Location<'static>,
    ) -> Result<bool, Nested> {
        task::enter(&self.hub, site, || self.step(limit))
    }

    /// How long from now a host loop may wait before the next [`try_tick`](Self::try_tick): zero
    /// while a task is ready or the last tick was not `false`; else until the next timer is due. `None`: until the
    /// driver's [`Unpark`](super::Unpark) is used.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.driver.try_borrow() {
            Ok(driver) if self.hub.is_parked() && !self.hub.has_ready() => {
                driver.pending().next_deadline
            }
            _ => Some(Duration::ZERO),
        }
    }

    /// Ends every task that is left, in the order of spawning: drops its future, resolves its handle to
    /// an error that [is_shutdown](super::JoinError::is_shutdown). Returns what was lost, in that order.
    #[track_caller]
    pub fn close(mut self) -> Vec<Info> {
        let lost = self.end(Location::caller());
        drop(self); // here, as rustc leaks a function's result when the drop of a local panics behind it
        lost
    }

    /// As [`close`](Self::close), called at `site`. Good for nothing but to be dropped after this.
    pub(crate) fn end(&mut self, site: &'static Location<'static>) -> Vec<Info> {
        self.hub.close(site)
    }

    /// The loop. Then F5: those that are queued have one last turn, and no others.
    fn run_until(&self, done: impl Fn() -> bool) {
        self.turns_left.set(0);
        while !done() {
            if !self.turn() {
                self.look_or_wait();
            }
        }
        let mut owed = self.hub.ready();
        while owed > 0 {
            if self.turn() {
                owed -= 1;
            } else {
                self.look(Some(Duration::ZERO));
            }
        }
    }

    fn step(&self, limit: Duration) -> bool {
        while !self.turn() {
            self.look(Some(Duration::ZERO));
            if !self.hub.has_ready() && self.hub.park() {
                if !limit.is_zero() {
                    self.look(Some(limit));
                }
                self.turns_left.set(0);
                return false;
            }
        }
        true
    }

    /// Gives the next task its turn; `false` when it is time to look instead.
    #[inline]
    fn turn(&self) -> bool {
        let left = self.turns_left.get();
        if left == 0 || !self.hub.turn() {
            return false;
        }
        self.turns_left.set(left - 1);
        true
    }

    /// Looks outside; waits there when there is nothing to do here.
    fn look_or_wait(&self) {
        let wait = !self.hub.has_ready() && self.hub.park();
        self.look(if wait { None } else { Some(Duration::ZERO) });
    }

    /// Looks outside, after a wait of at most `limit` (`None`: until something happens).
    fn look(&self, limit: Option<Duration>) {
        budget::lift(); // the last turn's does not bind a waker that runs here
        let mut driver = self.driver.borrow_mut();
        driver.wait(limit);
        self.hub.take_in(); // after the wait, and before a clock may move: see `common/tokens.rs`
        driver.wake(self.hub.has_ready());
        drop(driver);
        if let Some(schedule) = &self.schedule {
            let mut schedule = schedule.borrow_mut();
            let next = self.hub.choose_next(|ready| schedule.choose(ready));
            next.into_iter().for_each(|task| schedule.turn(task));
        }
        self.turns_left.set(self.event_interval);
    }
}

/// Says how many tasks are ready.
impl<D: Driver> fmt::Debug for Executor<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("ready", &self.hub.ready()).finish_non_exhaustive()
    }
}
