//! The whole: an executor over timers over a reactor, beside a thread pool.
//!
//! A global runtime, made at its first use, would spare programs this type. But then no code could say which thread it
//! belongs to, when it ends, or what it still had. So a [`Runtime`] is a value: it belongs to the thread that made it,
//! ends where it is dropped, and says then what was lost. Only while a thread runs one does a thread-local lead to its
//! parts.
//!
//! # Layout
//!
//! 1. This file: [`Runtime`], and the free [`block_on`]. `builder.rs`: what can be set.
//! 2. `parts.rs`: the parts that the enabled features provide, entered together. The one file on the loop's way that
//!    knows them.
//! 3. `outside.rs`: the executor's [`Driver`](crate::executor::Driver) over them: how long a look may wait, and what it
//!    wakes. `order.rs`: which ready task runs next, when not first come, first served.
//! 4. `insights.rs`: what other threads see of it. `measured.rs`: what it measures for them. `ask.rs`: how they ask.
//!    `inspect.rs`: what other programs may ask.
//! 5. `exit.rs`: [`OnExit`]. `end.rs`: the end itself, step by step.

#![forbid(unsafe_code)]

mod ask;
mod builder;
mod end;
#[cfg(all(test, not(loom), feature = "offload"))]
mod end_tests;
mod exit;
mod insights;
#[cfg(feature = "inspect")]
mod inspect;
mod measured;
mod order;
mod outside;
mod parts;

use std::fmt;
use std::future::Future;
use std::io;
#[cfg(feature = "net")]
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{
    AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind,
};
use std::time::Duration;

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::executor::{Executor, JoinHandle, Nested, silence, with_current};
#[cfg(doc)]
use crate::insight::UnhandledPanic;
use crate::insight::{ExitReport, Watchdog};
use crate::threads::{Handle, Handles};

pub use builder::Builder;
use builder::OnLost;
pub use exit::OnExit;
pub use order::Order;
#[cfg(feature = "time")]
pub(crate) use order::Shuffle;
use outside::Outside;
use parts::Parts;

/// An executor with its timers, its reactor and its thread pool.
///
/// It belongs to the thread that made it (`!Send`); other threads reach it by a [`Handle`]. Tasks live from one
/// [`block_on`](Self::block_on) to the next. Dropping the runtime ends it, as [`shutdown`](Self::shutdown) does, without
/// the report.
///
/// The runtime owns its tasks. So if a task owns the runtime, by an `Rc<Runtime>`, both live for ever: neither is dropped,
/// and no report is made. Give tasks a [`Handle`], or a `Weak`.
///
/// ```
/// let runtime = taketurns::Runtime::new()?;
/// let answer = runtime.block_on(async { taketurns::spawn(async { 42 }).await.unwrap() });
/// assert_eq!(answer, 42);
/// assert!(runtime.shutdown().lost().is_empty());
/// # std::io::Result::Ok(())
/// ```
///
/// It cannot be given to another thread, as its tasks need not be `Send`:
///
/// ```compile_fail,E0277
/// let runtime = taketurns::Runtime::new()?;
/// std::thread::spawn(move || runtime.block_on(async {}));
/// # std::io::Result::Ok(())
/// ```
pub struct Runtime {
    executor: Executor<'static, Outside>,
    parts: Parts,
    watchdog: Option<Watchdog>,
    on_exit: OnExit,
    on_lost: Option<OnLost>,
    ended: bool,
    /// Where it was made, to name a runtime that is dropped: a destructor does not learn where it is called.
    made: &'static Location<'static>,
}

// A panic that leaves a run leaves the runtime as it was: it can be run again.
impl UnwindSafe for Runtime {}
impl RefUnwindSafe for Runtime {}

impl Runtime {
    /// A runtime with the defaults of [`Builder`].
    ///
    /// # Errors
    ///
    /// When the system gives no descriptor for the reactor.
    #[track_caller]
    pub fn new() -> io::Result<Self> {
        Builder::new().build()
    }

    /// Spawns a task, before or between runs. It takes its first turn in a run.
    ///
    /// Each turn has a budget; [`task`](crate::task#the-budget-of-a-turn) explains when it shows. Box a
    /// [large future](crate::spawn#large-futures) first.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.executor.spawn(future)
    }

    /// Runs the loop until `future` completes, and returns its output. `future` may borrow.
    ///
    /// Each task that is queued at that moment takes one last turn. The other tasks stay, and go on in the next `block_on`.
    ///
    /// # Cancellation
    ///
    /// Blocking jobs run on after it. The end of the runtime waits for the jobs that still run then, at most for
    /// `Builder::blocking_deadline`, 5 s by default. It names the jobs that run on after that in the [`ExitReport`], and
    /// leaves their threads to them.
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor; with the panic of `future` if it panics; under
    /// [`UnhandledPanic::Stop`] with an unhandled failure; under a virtual clock, when the run can
    /// never end (`Builder::deadlock_grace`).
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
    /// With the panic of `future` if it panics; under [`UnhandledPanic::Stop`] with an unhandled
    /// failure; under a virtual clock, when the run can never end (`Builder::deadlock_grace`).
    ///
    /// ```
    /// let outer = taketurns::Runtime::new()?;
    /// let inner = taketurns::Runtime::new()?;
    /// let error = outer.block_on(async { inner.try_block_on(async {}).unwrap_err() });
    /// assert_eq!(error.outer().file(), file!());
    /// # std::io::Result::Ok(())
    /// ```
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
        let _entered = self.enter();
        let run = || self.executor.try_block_on_at(site, future);
        self.after(catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
            // In a deadlock the future too is asked what it waits for, and its panic must not take the verdict's place.
            let Some(text) = self.parts.deadlock.take() else { resume_unwind(payload) };
            silence(|| drop(payload));
            panic!("{text}");
        }))
    }

    /// Runs the loop until [`Handle::stop`] is called; then each task that is queued takes one last turn.
    /// A `stop` that came before ends it at once.
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor; under [`UnhandledPanic::Stop`] with an unhandled
    /// failure; under a virtual clock, when the run can never end (`Builder::deadlock_grace`).
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// runtime.spawn(async move { handle.stop() }).detach();
    /// runtime.run_forever();
    /// # std::io::Result::Ok(())
    /// ```
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
    ///
    /// # Panics
    ///
    /// As [`run_forever`](Self::run_forever), but for the nested call.
    #[track_caller]
    pub fn try_run_forever(&self) -> Result<(), Nested> {
        let entered = self.enter();
        let _stops = entered.as_ref().map(|_| StopsWaits(&self.parts.handles));
        self.after(self.executor.try_run_forever())
    }

    /// Takes one step for a host loop: gives the next task its turn, after a look outside if one is due. Never waits.
    /// `false` if no task is ready.
    ///
    /// A host loop calls it until it gives `false`. Then it waits until
    #[cfg_attr(feature = "net", doc = "[`as_fd`](Self::as_fd) is readable")]
    #[cfg_attr(not(feature = "net"), doc = "it is told to go on (by a waker of its own)")]
    /// or [`next_deadline`](Self::next_deadline) has passed. `examples/foreign_loop.rs` is one.
    ///
    /// If the clock advances by itself, a tick that finds no task ready moves it to the next deadline, instead of the host
    /// loop's wait: `next_deadline` is zero then.
    ///
    /// # Errors
    ///
    /// [`Nested`] when this thread is inside of an executor already.
    ///
    /// # Panics
    ///
    /// Under [`UnhandledPanic::Stop`] with an unhandled failure.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let task = runtime.spawn(taketurns::yield_now());
    /// let ticks = [(); 3].map(|()| runtime.try_tick().unwrap());
    /// assert_eq!(ticks, [true, true, false]);
    /// assert!(task.is_finished());
    /// assert_eq!(runtime.next_deadline(), None);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn try_tick(&self) -> Result<bool, Nested> {
        let _entered = self.enter();
        self.after(self.executor.try_tick())
    }

    /// Gives turns, with looks between them, until no task is ready. Never waits. If a task wakes itself without end, this
    /// does not return.
    ///
    /// A clock that advances by itself stays where it is, as an interval would keep this from returning. To move the clock,
    /// use [`block_on`](Self::block_on) or [`try_tick`](Self::try_tick). An `advance` in progress goes on.
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor; under [`UnhandledPanic::Stop`] with an unhandled
    /// failure.
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
    ///
    /// # Panics
    ///
    /// Under [`UnhandledPanic::Stop`] with an unhandled failure.
    #[track_caller]
    pub fn try_run_until_stalled(&self) -> Result<(), Nested> {
        let _entered = self.enter();
        #[cfg(feature = "time")]
        let _auto_advance_off = self.parts.turn_auto_advance_off();
        self.after(self.executor.try_run_until_stalled())
    }

    /// How long from now a host loop may wait before the next [`try_tick`](Self::try_tick). Zero while a task is ready, or
    /// before a tick has given `false`. Otherwise until the next timer is due. `None`: until
    #[cfg_attr(feature = "net", doc = "[`as_fd`](Self::as_fd) is readable.")]
    #[cfg_attr(not(feature = "net"), doc = "a waker wakes a task.")]
    ///
    /// It is a duration, as the waits of host loops take durations: ask for it right before each wait. If the wait takes
    /// milliseconds, round it up: rounded down, the host loop would spin during the rest of the last millisecond.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.executor.next_deadline()
    }

    /// Enters the parts before a run. If the executor will refuse the run, it does not, so that a refused call changes
    /// nothing.
    fn enter(&self) -> Option<parts::Entered> {
        with_current(|_| ()).is_none().then(|| self.parts.enter())
    }

    /// Passes on what a run has returned.
    ///
    /// # Panics
    ///
    /// With the failure that is to stop the run, or the deadlock that was found in it.
    fn after<R>(&self, run: Result<R, Nested>) -> Result<R, Nested> {
        let stops = run.as_ref().ok().and_then(|_| {
            let deadlock = self.parts.deadlock.take();
            deadlock.or_else(|| self.parts.failures.stops_the_run())
        });
        let Some(text) = stops else { return run };
        silence(|| drop(run)); // not while unwinding, as its destructor may panic
        panic!("{text}");
    }

    /// A way in from other threads. While a `Handle` is out, another thread may send work, so a run under a virtual clock
    /// waits and is not taken for a deadlock. The clock does not wait for that work: it goes on to the next deadline. To
    /// hold the clock, use `time::hold`.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.parts.handles.new_handle()
    }

    /// Ends the runtime, and reports what was lost.
    ///
    /// 1. The tasks are treated as [`Builder::on_exit`] says.
    /// 2. The tasks that are left are dropped, in the order of spawning, inside of the runtime: timers, reactor and pool are
    ///    still there for their destructors. Tasks that the destructors spawn are dropped too, up to 100,000 of them.
    /// 3. Blocking jobs that have not begun are dropped. Jobs that have begun are waited for, until `Builder`'s
    ///    `blocking_deadline`.
    #[must_use = "the report says what was lost; drop the runtime if you do not want it"]
    #[track_caller]
    pub fn shutdown(mut self) -> ExitReport {
        let report = self.end(Location::caller());
        drop(self); // not as this returns: a destructor that panics then would leak the report
        report
    }
}

/// However `run_forever` ends, the threads that wait for its tasks are told.
struct StopsWaits<'a>(&'a Handles);

impl Drop for StopsWaits<'_> {
    fn drop(&mut self) {
        self.0.stop_waits();
    }
}

/// The descriptor that a host loop waits for. It is readable when another thread has woken a task since the last
/// [`try_tick`](Runtime::try_tick) that gave `false`, or when a source is ready. Do nothing with it but wait.
#[cfg(feature = "net")]
impl AsFd for Runtime {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.parts.as_fd()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("executor", &self.executor).finish_non_exhaustive()
    }
}

/// Spawns detached.
impl LocalSpawn for Runtime {
    #[track_caller]
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawn(future).detach();
        Ok(())
    }
}

/// Spawns detached.
impl Spawn for Runtime {
    #[track_caller]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawn(future).detach();
        Ok(())
    }
}

/// Runs `future` on a new [`Runtime`], which then ends: the tasks that it still has are dropped.
///
/// This is for a program that needs one run. To keep tasks between runs, or to get the report of what was lost, make a
/// [`Runtime`].
///
/// # Cancellation
///
/// If a blocking job still runs at the end, this waits for it, at most for 5 s (`Builder::blocking_deadline`). Then it
/// returns, and the job's thread runs on.
///
/// # Panics
///
/// With the text of [`Nested`] inside a running executor; with the panic of `future` if it panics; when
/// the runtime cannot be made (see [`Runtime::new`]).
///
/// ```
/// assert_eq!(taketurns::block_on(async { 6 * 7 }), 42);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    match Runtime::new() {
        Ok(runtime) => {
            let output = runtime.block_on(future);
            drop(runtime); // not as this returns: a destructor that panics then would leak the output
            output
        }
        Err(error) => panic!("`block_on` cannot make a runtime: {error}"),
    }
}
