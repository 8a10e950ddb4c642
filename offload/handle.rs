//! [`BlockingHandle`]: a job's output, as a future.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::shared_job::{Progress, SharedJob};
use crate::common::{Abort, AbortOnDrop};
use crate::executor::{JoinError, budget};

/// What [`spawn_blocking`](super::spawn_blocking) returns: a future of the job's output.
///
/// `Send` when the output is: any task, of any executor, may await it.
///
/// # Errors
///
/// The output is a [`JoinError`] when the job panicked, was aborted in line, was still in line when the runtime shut
/// down, found the queue full, or could get no thread from the system.
///
/// # Panics
///
/// When polled again after it has given its result.
///
/// # Cancellation
///
/// Dropping the handle detaches the job: it still runs, and its output is dropped. To stop awaiting for a while and go on
/// later, await `&mut handle`.
#[must_use = "dropping the handle detaches the job: await it, or call `detach` to say so"]
pub struct BlockingHandle<T> {
    job: Arc<SharedJob<T>>,
}

impl<T> BlockingHandle<T> {
    pub(super) fn new(job: Arc<SharedJob<T>>) -> Self {
        BlockingHandle { job }
    }

    /// Whether the job has not begun: it waits for a thread or for its limiter.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.job.progress() == Progress::Queued
    }

    /// Whether a thread has taken the job and it has not returned yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.job.progress() == Progress::Running
    }

    /// Whether there is a result, taken or not.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.job.progress() == Progress::Finished
    }
}

impl<T> BlockingHandle<T> {
    /// Takes a job that is queued out of the line: its closure is dropped here, unrun, and awaiting gives a
    /// [`JoinError`] that [`is_cancelled`](JoinError::is_cancelled).
    ///
    /// A job that runs is asked to end, which it learns by [`check_cancelled`](super::check_cancelled). It is not stopped, as a
    /// thread cannot be; its result still arrives.
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
        self.job.abort();
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn job(&self) -> &Arc<SharedJob<T>> {
        &self.job
    }

    #[cfg(feature = "time")]
    pub(crate) fn is_taken(&self) -> bool {
        self.job.is_taken()
    }

    /// Drops the handle and lets the job run on. The same as dropping the handle, said in the code.
    pub fn detach(self) {}

    /// Turns the handle into a guard that [aborts](Self::abort) the job when it is dropped.
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

// What the handle shares with the job is behind a lock under which nothing panics.
impl<T> UnwindSafe for BlockingHandle<T> {}
impl<T> RefUnwindSafe for BlockingHandle<T> {}

impl<T> Future for BlockingHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        let result = ready!(self.job.poll(cx.waker()));
        budget::spend();
        Poll::Ready(result)
    }
}

impl<T> Drop for BlockingHandle<T> {
    fn drop(&mut self) {
        self.job.detach();
    }
}

impl<T> fmt::Debug for BlockingHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockingHandle({:?})", self.job.progress())
    }
}
