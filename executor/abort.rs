//! [`AbortHandle`]: ending a task before its end, from any thread.

#![forbid(unsafe_code)]

use std::fmt;
use std::task::Waker;

use super::Id;
use super::task::abort;

/// Aborts a task, from any thread. It is `Send`, `Sync` and cheap to clone.
/// [`JoinHandle::abort_handle`](super::JoinHandle::abort_handle) makes it. It does not tell the outcome; the `JoinHandle` does.
#[derive(Clone)]
pub struct AbortHandle {
    /// A waker is a counted reference on its task, and may go anywhere: all that an abort needs.
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
