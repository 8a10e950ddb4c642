//! [`Executor`]: what a program calls, and why its tasks may borrow. The loop behind it is in `run.rs`.

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

use super::chooser::Chooser;
use super::contain::Held;
#[cfg(feature = "tracing")]
use super::frame::OpenScope;
use super::observe::Observe;
use super::task::{self, Hub, HubHandle, HubOwner};
use super::{Driver, Id, Info, JoinHandle, Nested, Reason, budget};

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
/// `T`'s lifetimes. So it comes down to `'env` outliving the executor and staying what it is. The part of the executor
/// that drops the futures (`HubOwner`) has `'env` in its type and implements `Drop`, so the compiler wants `'env` to
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
/// executor (`mem::forget`) leaks its tasks, and is sound: no code runs them any more.
pub struct Executor<'env, D: Driver> {
    /// What the executor shares with its tasks: the run queue, the inbox, and so on.
    pub(super) hub: HubOwner<'env>,
    pub(super) driver: RefCell<D>,
    /// `None`: the task at the head of the run queue is next.
    pub(super) chooser: Option<RefCell<Box<dyn Chooser>>>,
    pub(super) event_interval: u32,
    /// How many turns have ended when the next look is due (F3).
    pub(super) next_look: Cell<u64>,
}

impl<'env, D: Driver> Executor<'env, D> {
    /// An executor that looks outside after at most `event_interval` turns.
    #[track_caller]
    pub fn new(driver: D, event_interval: NonZeroU32) -> Self {
        let hub = HubOwner::new(driver.unparker());
        let event_interval = event_interval.get();
        let next_look = Cell::new(0);
        let driver = RefCell::new(driver);
        Self { hub, driver, chooser: None, event_interval, next_look }
    }

    /// The same executor, with a chooser of whose turn is next. It is asked in a look, so there is one before each turn.
    pub(crate) fn with_chooser(self, chooser: Box<dyn Chooser>) -> Self {
        Self { chooser: Some(RefCell::new(chooser)), event_interval: 1, ..self }
    }

    /// Spawns a task, before, between or during runs. It takes its first turn in a run.
    #[track_caller]
    pub fn spawn<F: Future + 'env>(&self, future: F) -> JoinHandle<F::Output> {
        let handle = self.hub.spawn_in_env(future, Location::caller());
        #[cfg(feature = "tracing")]
        handle.open_scope();
        handle
    }

    /// A way in from other threads.
    pub(crate) fn remote(&self) -> HubHandle {
        HubHandle::new(&self.hub)
    }

    /// From now on `open` is asked for a scope of each task that is spawned.
    #[cfg(feature = "tracing")]
    pub(crate) fn open_scopes(&self, open: OpenScope) {
        self.hub.open_scopes(open);
    }

    /// For reports.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Before the first run: from then on other threads see which task has its turn ([`HubHandle::pulse`]).
    pub(crate) fn watch(&self) {
        self.hub.watch();
    }

    /// Before the first run: from then on `observer` is told of each step.
    pub(crate) fn observe(&self, observer: Box<dyn Observe>) {
        self.hub.observe(observer);
    }

    /// Calls `hook` at once for each failure that no handle receives. `Option<Info>`: the task it happened in; `None`
    /// between turns. `Box<dyn Error>`: what failed, for a panic a [`JoinError`](super::JoinError). Without a hook
    /// failures are printed. A panic of the hook ends there.
    pub fn on_unhandled(&self, hook: impl Fn(Option<Info>, Box<dyn Error>) + 'static) {
        self.hub.on_unhandled(Rc::new(hook));
    }

    /// How many tasks have not ended. A task that another thread has sent counts once a look has taken it in.
    pub fn live(&self) -> usize {
        self.hub.live()
    }

    /// Between two runs: whether no waker is left of any task, so that none of them can ever go on.
    pub(crate) fn is_stuck(&self) -> bool {
        self.hub.are_tasks_stuck()
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
        let result = task::enter(&self.hub, site, || {
            // The future stays in this frame, as it may borrow. The root task has only a borrow of it, so the task's end
            // does not drop it. The end of the frame would; `Held` does it better: when the poll panics the future is
            // dropped as the thread unwinds, a second panic of that drop does not end the process, and a panic of the
            // drop at the end does not leak the result.
            let slot = pin!(Some(future));
            let mut held = Held::new(slot);
            let result = self.hub.with_root(Pin::new(&mut held), site, |root| {
                self.run_until(|| root.is_done());
            });
            budget::lift(); // what the last turn has spent does not bind the future's destructor
            self.hub.pulse().show(Id::ROOT.0, site);
            held.drop_then(result)
        })?;
        Ok(result.unwrap_or_else(|error| match error.into_panic() {
            Ok(payload) => resume_unwind(payload),
            Err(error) => unreachable!("no handle could abort the root: {error}"),
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
    /// [`next_deadline`](Self::next_deadline) says. From then on a wake from another thread uses the
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
    /// without end keep it for ever. When it returns, the executor waits as after a `false` of
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

    /// As [`try_tick`](Self::try_tick), called at `site`. When no task is ready it waits outside, at most `limit`, and
    /// returns `false` whatever came of the wait: the next call gives the turn.
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
            // A task that its `JoinHandle` has aborted since the last tick is ready though the inbox is still parked: that
            // abort does not go through the inbox.
            Ok(driver) if self.hub.is_parked() && !self.hub.has_ready() => {
                driver.pending().next_deadline
            }
            // Not parked; or asked by a waker inside a look, which borrows the driver.
            _ => Some(Duration::ZERO),
        }
    }

    /// Asks every task to end, now and in future. Called at `site`.
    pub(crate) fn ask_all(&self, reason: &Reason, site: &'static Location<'static>) {
        // Inside another executor nothing runs that could hear of it.
        let _ = task::enter(&self.hub, site, || self.hub.ask_all(reason));
    }

    /// Ends every task that is left, in the order of spawning: drops its future, resolves its handle to
    /// an error that [is_shutdown](super::JoinError::is_shutdown). Returns what was lost, in that order.
    #[track_caller]
    pub fn close(mut self) -> Vec<Info> {
        let lost = self.close_at(Location::caller());
        // Here and not at the end of the scope: if a local's drop panicked there, rustc would leak the result.
        drop(self);
        lost
    }

    /// As [`close`](Self::close), called at `site`. After this the executor is good for nothing but to be dropped.
    pub(crate) fn close_at(&mut self, site: &'static Location<'static>) -> Vec<Info> {
        self.hub.close(site)
    }
}

/// Says how many tasks are ready.
impl<D: Driver> fmt::Debug for Executor<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("ready", &self.hub.ready()).finish_non_exhaustive()
    }
}
