//! [`AbortHandle`] and [`AbortOnDrop`]: ending a task where it stands, from anywhere, or by leaving.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::executor::task::abort;
use crate::executor::{Id, JoinHandle};

/// Aborts a task from anywhere: `Send`, `Sync`, cheap to clone. Made by
/// [`JoinHandle::abort_handle`]. It says nothing of the outcome; the `JoinHandle` does.
#[derive(Clone)]
pub struct AbortHandle {
    task: Waker,
    id: Id,
}

impl AbortHandle {
    pub(in crate::executor) fn new(task: Waker, id: Id) -> Self {
        Self { task, id }
    }

    /// Ends the task where it stands: in its next turn, on its executor's thread, the future is dropped, and
    /// the `JoinHandle` then gives an error that [is_cancelled](crate::JoinError::is_cancelled). Never inside
    /// this call, and never on another thread. A task that has ended already keeps its output.
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

/// A handle that aborts its task, or its blocking job, when it is dropped. Made by `abort_on_drop` of
/// [`JoinHandle`], of [`RemoteHandle`](crate::RemoteHandle) and of `BlockingHandle`.
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

    /// The handle, to ask or to register with.
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
