//! Ties the parts together: an executor, over timers, over a reactor, beside a thread pool.
//!
//! # Layout
//!
//! 1. [`builder`]: what can be set, and to what it is set otherwise.
//! 2. `parts`: the parts that the features leave, entered together. The one file that knows features.
//! 3. `outside`: the executor's `Driver`: a look is inbox, timers, reactor, in that order.
//! 4. `report`: what was lost when a runtime ended.
//! 5. `hyper`: hyper's runtime traits for our types (feature `hyper`).
//! 6. this file: [`Runtime`], and the free [`block_on`].

#![forbid(unsafe_code)]

mod builder;
#[cfg(feature = "hyper")]
pub mod hyper;
mod outside;
mod parts;
mod report;

use std::fmt;
use std::future::Future;
use std::io;

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::executor::{Executor, Handle, JoinHandle, Nested};

pub use builder::Builder;
use outside::Outside;
use parts::Parts;
pub use report::{ExitReport, StuckJob};

/// An executor with its timers, its reactor and its thread pool.
///
/// It belongs to the thread that made it (`!Send`); other threads reach it by a [`Handle`]. Tasks live
/// from one [`block_on`](Self::block_on) to the next. Dropping it ends what is left, as
/// [`shutdown`](Self::shutdown) does, without the report.
///
/// ```
/// let runtime = taketurns::Runtime::new()?;
/// let answer = runtime.block_on(async { taketurns::spawn(async { 42 }).await.unwrap() });
/// assert_eq!(answer, 42);
/// assert!(runtime.shutdown().lost().is_empty());
/// # std::io::Result::Ok(())
/// ```
pub struct Runtime {
    executor: Executor<Outside>,
    parts: Parts,
    ended: bool,
}

impl Runtime {
    /// A runtime with the defaults of [`Builder`].
    ///
    /// # Errors
    ///
    /// When the system gives no descriptor for the reactor.
    pub fn new() -> io::Result<Self> {
        Builder::new().build()
    }

    /// Spawns a task, before or between runs. It takes its first turn in a run.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.executor.spawn(future)
    }

    /// Runs the loop until `future` completes, and gives its output. `future` may borrow.
    ///
    /// Each task that is queued at that moment takes one last turn. The others stay, and go on in the
    /// next `block_on`.
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor; with the panic of `future` if it panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = self.parts.enter();
        self.executor.block_on(future)
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
        let _entered = self.parts.enter();
        self.executor.try_block_on(future)
    }

    /// Runs the loop until [`Handle::stop`] is called; then each task that is queued takes one last turn.
    /// A `stop` that came before ends it at once.
    ///
    /// # Panics
    ///
    /// With the text of [`Nested`] inside a running executor.
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
        let _entered = self.parts.enter();
        if let Err(nested) = self.executor.run_forever() {
            panic!("`run_forever`: {nested}");
        }
    }

    /// A way in from other threads.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.executor.handle()
    }

    /// Ends what is left, and says what that was.
    ///
    /// Tasks are dropped in the order of spawning, inside the runtime's context, with timers, reactor and
    /// pool still there for their destructors; what those spawn is dropped too. Then blocking jobs that
    /// have not begun are dropped, and those that have are waited for, until `Builder`'s
    /// `blocking_deadline`.
    #[must_use = "the report says what was lost; drop the runtime if you do not want it"]
    pub fn shutdown(mut self) -> ExitReport {
        self.end()
    }

    #[track_caller]
    fn end(&mut self) -> ExitReport {
        self.ended = true;
        let _entered = self.parts.enter();
        let lost = self.executor.end();
        ExitReport::new(lost, self.parts.shut())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.ended {
            self.end();
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("executor", &self.executor).finish_non_exhaustive()
    }
}

/// Spawns detached.
impl LocalSpawn for Runtime {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawn(future).detach();
        Ok(())
    }
}

/// Spawns detached.
impl Spawn for Runtime {
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
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("`block_on` cannot make a runtime: {error}"),
    }
}
