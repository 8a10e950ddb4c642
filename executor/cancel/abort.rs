//! [`AbortHandle`] and [`AbortOnDrop`]: ending a task where it stands, from anywhere, or by leaving.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::executor::task::abort;
use crate::executor::{Id, JoinError, JoinHandle};

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
    /// the `JoinHandle` then gives an error that [is_cancelled](JoinError::is_cancelled). Never inside
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

/// A [`JoinHandle`] that aborts its task when it is dropped. Made by [`JoinHandle::abort_on_drop`].
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
pub struct AbortOnDrop<T> {
    handle: JoinHandle<T>,
}

impl<T> AbortOnDrop<T> {
    pub(in crate::executor) fn new(handle: JoinHandle<T>) -> Self {
        Self { handle }
    }

    /// The handle, to ask or to register with.
    pub fn handle(&self) -> &JoinHandle<T> {
        &self.handle
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
