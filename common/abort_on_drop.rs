//! [`AbortOnDrop`]: ending a task, or a blocking job, by dropping its handle.

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::executor::JoinHandle;

/// A handle that aborts its task, or its blocking job, when it is dropped. `abort_on_drop` of [`JoinHandle`], of
/// [`RemoteHandle`](crate::RemoteHandle) and of `BlockingHandle` makes it.
///
/// # Cancellation
///
/// Dropping it, awaited or not, aborts the task if that has not ended.
///
/// ```
/// # taketurns::block_on(async {
/// let guard = taketurns::spawn(std::future::pending::<()>()).abort_on_drop();
/// let abandoned = guard.handle().abort_handle();
/// drop(guard); // the task's next turn drops the future
/// # abandoned.id();
/// # });
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard aborts the task"]
pub struct AbortOnDrop<H: Abort> {
    handle: H,
}

/// The handles that [`AbortOnDrop`] may hold. Sealed: [`JoinHandle`], [`RemoteHandle`](crate::RemoteHandle) and
/// `BlockingHandle` implement it.
pub trait Abort {
    /// As the handle's own `abort`.
    fn abort(&self);
}

impl<T> Abort for JoinHandle<T> {
    fn abort(&self) {
        JoinHandle::abort(self);
    }
}

impl<T> JoinHandle<T> {
    /// Aborts the task when the guard that takes the handle's place is dropped.
    pub fn abort_on_drop(self) -> AbortOnDrop<Self> {
        AbortOnDrop::new(self)
    }
}

impl<H: Abort> AbortOnDrop<H> {
    pub(crate) fn new(handle: H) -> Self {
        Self { handle }
    }

    /// The handle, to use its other methods.
    pub fn handle(&self) -> &H {
        &self.handle
    }
}

impl<H: Abort + Future + Unpin> Future for AbortOnDrop<H> {
    type Output = H::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<H: Abort> Drop for AbortOnDrop<H> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
