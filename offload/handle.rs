//! [`BlockingHandle`]: the task's end of a job.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::job::{Stage, Task};
use crate::executor::{Abort, AbortOnDrop, JoinError, budget};

/// What [`spawn_blocking`](super::spawn_blocking) returns: a future of the job's output.
///
/// `Send` when the output is: any task, of any executor, may await it.
///
/// # Errors
///
/// The output is a [`JoinError`] when the job panicked, was aborted in line, was still in line when
/// the runtime shut down, or found no thread.
///
/// # Panics
///
/// Polling it again after it gave its result.
///
/// # Cancellation
///
/// Dropping the handle detaches the job: it still runs, and its output is dropped. Awaiting `&mut handle` may be
/// given up and taken up again.
#[must_use = "dropping the handle detaches the job: await it, or call `detach` to say so"]
pub struct BlockingHandle<T> {
    task: Arc<Task<T>>,
}

impl<T> BlockingHandle<T> {
    pub(super) fn new(task: Arc<Task<T>>) -> Self {
        BlockingHandle { task }
    }

    /// A thread has taken the job, and it has not returned yet: nothing stops it now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.task.stage() == Stage::Running
    }

    /// There is a result, or there was one that has been taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.stage() == Stage::Finished
    }
}

impl<T> BlockingHandle<T> {
    /// Takes the job out of the line: its closure is dropped here, unrun, and awaiting gives a
    /// [`JoinError`] that [`is_cancelled`](JoinError::is_cancelled).
    ///
    /// A job that runs already is not stopped (a thread cannot be), and its result still arrives.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let job = taketurns::spawn_blocking(|| 1);
    /// job.abort();
    /// match job.await {
    ///     Ok(output) => assert_eq!(output, 1), // a thread was faster
    ///     Err(error) => assert!(error.is_cancelled()),
    /// }
    /// # });
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    #[cfg(feature = "time")]
    pub(crate) fn is_taken(&self) -> bool {
        self.task.is_taken()
    }

    /// Lets the job run by itself. Does what dropping the handle does, but says so.
    pub fn detach(self) {}

    /// Aborts the job when the guard that takes the handle's place is dropped: if it is in line still, it never
    /// runs.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let guard = taketurns::spawn_blocking(|| 42).abort_on_drop();
    /// assert_eq!(guard.await.unwrap(), 42);
    /// # });
    /// ```
    pub fn abort_on_drop(self) -> AbortOnDrop<Self> {
        AbortOnDrop::new(self)
    }
}

impl<T> Abort for BlockingHandle<T> {
    fn abort(&self) {
        self.abort();
    }
}

// What it shares with the job is behind a lock under which nothing panics.
impl<T> UnwindSafe for BlockingHandle<T> {}
impl<T> RefUnwindSafe for BlockingHandle<T> {}

impl<T> Future for BlockingHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        let result = ready!(self.task.poll(cx.waker()));
        budget::spend();
        Poll::Ready(result)
    }
}

impl<T> Drop for BlockingHandle<T> {
    fn drop(&mut self) {
        self.task.detach();
    }
}

impl<T> fmt::Debug for BlockingHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockingHandle({:?})", self.task.stage())
    }
}
