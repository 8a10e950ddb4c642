//! [`spawn`] and [`Builder`]: a new task for the executor this thread is inside of.

#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::Location;

use super::inherit::{INHERITED, in_force, is_in_force};
use super::task::{Hub, with_current};
use super::{Info, JoinHandle};

/// Spawns a task on the executor this thread is inside of, at the tail of the run queue.
///
/// It runs whether or not the handle is awaited or kept; but when the root of `block_on` completes
/// it takes at most one more turn, and what has not ended when the runtime does is dropped and named
/// in its report.
///
/// Each turn has a budget; [`task`](crate::task#the-budget-of-a-turn) explains when it shows.
///
/// # Large futures
///
/// The future is moved into the task, and a debug build copies it on the stack several times. Box one of some
/// 100 KiB or more first: `spawn(Box::pin(future))`.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// # taketurns::block_on(async {
/// let handle = taketurns::spawn(async { "done" });
/// assert_eq!(handle.await.unwrap(), "done");
/// # });
/// ```
#[track_caller]
#[inline]
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    spawn_made(|| future, None)
}

/// The task that has its turn on this thread, as it stands. `None` outside of a task, in destructors and callbacks that run
/// as the executor closes, and in the future of `block_on`, which is not counted as a task.
///
/// ```
/// # taketurns::block_on(async {
/// let handle = taketurns::spawn(async { taketurns::task::current().unwrap().id() });
/// assert_eq!(handle.id(), handle.await.unwrap());
/// # });
/// ```
#[must_use]
pub fn current() -> Option<Info> {
    with_current(Hub::current_in_full).flatten()
}

/// Spawns a task that has a name, for reports.
///
/// ```
/// # taketurns::block_on(async {
/// let handle = taketurns::task::Builder::new().name("greeter").spawn(async { "hello" });
/// assert_eq!(handle.await.unwrap(), "hello");
/// # });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct Builder {
    name: Option<Box<str>>,
}

impl Builder {
    /// A task without a name.
    pub fn new() -> Self {
        Self::default()
    }

    /// What reports call the task: they have the first 200 bytes of it at most. Costs an allocation and an entry in a table;
    /// unnamed tasks pay for neither.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// As the free [`spawn`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(self, future: F) -> JoinHandle<F::Output> {
        spawn_made(|| future, self.name)
    }
}

/// Spawns the task that `make` returns, which is called inside of a runtime alone: so the future need not be there for a drop
/// elsewhere, and is put together in its task's memory.
///
/// # Panics
///
/// Outside of a runtime.
#[track_caller]
#[inline]
pub(crate) fn spawn_made<F: Future + 'static>(
    make: impl FnOnce() -> F,
    name: Option<Box<str>>,
) -> JoinHandle<F::Output> {
    let site = Location::caller();
    let Some(handle) = with_current(|hub| hub.spawn(make(), site)) else { outside() };
    if name.is_some() || is_in_force(&INHERITED) {
        handle.note(name, in_force(&INHERITED));
    }
    #[cfg(feature = "tracing")]
    handle.open_scope();
    handle
}

#[cold]
#[track_caller]
fn outside() -> ! {
    panic!(
        "`spawn` needs a runtime: call it inside `taketurns::block_on` or a task, or use `Runtime::spawn`, or from \
         another thread `Handle::spawn`"
    )
}
