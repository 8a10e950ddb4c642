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
//! 4. `exit.rs`: [`OnExit`], and how a task hears that it is to end. `end.rs`: the end itself, step by step.

#![forbid(unsafe_code)]

mod builder;
mod end;
#[cfg(all(test, not(loom), feature = "offload"))]
mod end_tests;
mod exit;
mod order;
mod outside;
mod parts;

use std::fmt;
use std::future::Future;
use std::io;
#[cfg(feature = "net")]
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::executor::{Executor, JoinHandle, Nested, silence, with_current};
use crate::insight::ExitReport;
#[cfg(doc)]
use crate::insight::UnhandledPanic;
use crate::threads::Handle;

pub use builder::Builder;
use builder::OnLost;
pub use exit::{Cancelled, OnExit, cancelled};
pub use order::Order;
#[cfg(feature = "time")]
pub(crate) use order::Shuffle;
use outside::Outside;
use parts::Parts;

/// An executor with its timers, its reactor and its thread pool.
///
/// It belongs to the thread that made it (`!Send`); other threads reach it by a [`Handle`]. Tasks live
/// from one [`block_on`](Self::block_on) to the next. Dropping it ends what is left, as
/// [`shutdown`](Self::shutdown) does, without the report.
///
/// The runtime owns its tasks. So a task that owns the runtime, by an `Rc<Runtime>`, keeps both for ever: neither
/// is dropped, no report is made, and nothing says so. Give tasks a [`Handle`], or a `Weak`.
///
/// ```
/// let runtime = taketurns::Runtime::new()?;
/// let answer = runtime.block_on(async { taketurns::spawn(async { 42 }).await.unwrap() });
/// assert_eq!(answer, 42);
/// assert!(runtime.shutdown().lost().is_empty());
/// # std::io::Result::Ok(())
/// ```
pub struct Runtime {
    executor: Executor<'static, Outside>,
    parts: Parts,
    on_exit: OnExit,
    on_lost: Option<OnLost>,
    ended: bool,
    /// Where: for a runtime that is dropped, as nothing tells a destructor where that is.
    made: &'static Location<'static>,
}

/// A panic that leaves a run leaves the runtime as it was: it can be run again.
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

    /// Runs the loop until `future` completes, and gives its output. `future` may borrow.
    ///
    /// Each task that is queued at that moment takes one last turn. The others stay, and go on in the
    /// next `block_on`.
    ///
    /// # Cancellation
    ///
    /// Blocking jobs run on after it. The end of the runtime waits for those that still run, at most for
    /// `Builder::blocking_deadline`, 5 s by default; then it leaves their threads alone, and names them in the
    /// [`ExitReport`].
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
        self.after(self.executor.try_block_on_at(site, future))
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
        let _entered = self.enter();
        self.after(self.executor.try_run_forever())
    }

    /// Takes one step for a host loop: gives the next task its turn, with a look outside first
    /// where one is due; never waits. `false` when no task is ready.
    ///
    /// A loop that owns the thread calls it until it gives `false`, then waits until
    #[cfg_attr(feature = "net", doc = "[`as_fd`](Self::as_fd) is readable")]
    #[cfg_attr(not(feature = "net"), doc = "it is told to go on (by a waker of its own)")]
    /// or [`next_deadline`](Self::next_deadline) has passed. `examples/foreign_loop.rs` is one.
    ///
    /// Under a clock that advances by itself, a tick that finds no task ready moves it to the next deadline, as the
    /// wait of the loop around it would: `next_deadline` is zero then.
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

    /// Gives turns, and looks between them, until no task is ready; never waits. Tasks that wake themselves
    /// without end keep it for ever.
    ///
    /// A clock that advances by itself stays where it is, as with an interval there would be no end. To move it,
    /// wait: in [`block_on`](Self::block_on), or by [`try_tick`](Self::try_tick). An `advance` in progress goes on.
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

    /// How long from now a host loop may wait before the next [`try_tick`](Self::try_tick): zero
    /// while a task is ready, or before a tick has given `false`; else until the next timer is due. `None`: until
    #[cfg_attr(feature = "net", doc = "[`as_fd`](Self::as_fd) is readable.")]
    #[cfg_attr(not(feature = "net"), doc = "a waker wakes a task.")]
    ///
    /// It is a duration and no moment, as the waits of such loops take durations: ask for it right before each. For a
    /// wait that takes milliseconds, round it up: rounded down, the loop would spin through the rest of the last one.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.executor.next_deadline()
    }

    /// Before a run: enters the parts. Not if the executor will refuse the run, so that a refused call
    /// changes nothing.
    fn enter(&self) -> Option<parts::Entered> {
        with_current(|_| ()).is_none().then(|| self.parts.enter())
    }

    /// A run is over, if there was one.
    ///
    /// # Panics
    ///
    /// With the failure that is to end it.
    fn after<R>(&self, run: Result<R, Nested>) -> Result<R, Nested> {
        let stops = run.as_ref().ok().and_then(|_| self.parts.failures.stops_the_run());
        let Some(text) = stops else { return run };
        silence(|| drop(run)); // not while unwinding, as its destructor may panic
        panic!("{text}");
    }

    /// A way in from other threads. While a `Handle` is out, work may come: a run under a virtual clock is
    /// then not taken for a deadlock, and waits. The clock does not wait for that work: it goes on to the next
    /// deadline. To hold it there is `time::hold`.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.parts.handles.new_handle(self.executor.remote())
    }

    /// Ends what is left, and says what that was.
    ///
    /// First `Builder`'s `on_exit` is done. Tasks that are left then are dropped in the order of spawning,
    /// inside the runtime's context, with timers, reactor and pool still there for their destructors; what
    /// those spawn is dropped too, up to 100,000 of them. Then blocking jobs that have not begun are dropped, and those that have
    /// are waited for, until `Builder`'s `blocking_deadline`.
    #[must_use = "the report says what was lost; drop the runtime if you do not want it"]
    #[track_caller]
    pub fn shutdown(mut self) -> ExitReport {
        let report = self.end(Location::caller());
        drop(self); // not as this returns: a destructor that panics then would leak the report
        report
    }
}

/// The descriptor a host loop waits for: readable when a task was woken from elsewhere since
/// the last [`try_tick`](Runtime::try_tick) that gave `false`, or a source has news. Only to be waited for.
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

/// Runs `future` on a new [`Runtime`], which then ends: what it still has is dropped.
///
/// For a program that needs one run. To keep tasks between runs, or for the report of what was lost,
/// make a [`Runtime`].
///
/// # Cancellation
///
/// A blocking job that still runs then is waited for, at most for 5 s (`Builder::blocking_deadline`). After that this
/// returns, and the job's thread is left alone.
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
