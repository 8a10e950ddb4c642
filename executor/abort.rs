//! [`AbortHandle`] and [`AbortOnDrop`]: ending a task before its end, from any thread or by dropping a guard.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::executor::task::abort;
use crate::executor::{Id, JoinHandle};

/// Aborts a task, from any thread. It is `Send`, `Sync` and cheap to clone. [`JoinHandle::abort_handle`] makes it. It does not
/// tell the outcome; the `JoinHandle` does.
#[derive(Clone)]
pub struct AbortHandle {
    task: Waker,
    id: Id,
}

impl AbortHandle {
    pub(in crate::executor) fn new(task: Waker, id: Id) -> Self {
        Self { task, id }
    }

    /// Ends the task where it stands: in the task's next turn, on its executor's thread, the future is dropped. It is never
    /// dropped inside this call, nor on another thread. Then the `JoinHandle` gives an error that
    /// [is_cancelled](crate::JoinError::is_cancelled). A task that has ended already keeps its output.
    pub fn abort(&self) {
        abort(&self.task);
    }

    /// Which task it is.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.id).finish()
    }
}

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
        self.abort();
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
