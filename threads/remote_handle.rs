//! [`RemoteHandle`]: the output of a task that [`Handle::spawn`](super::Handle::spawn) sent. [`Sent`]: that task.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{
    AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind,
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::home::Home;
use crate::common::slot::{Filled, Slot};
use crate::common::{Abort, AbortOnDrop};
use crate::executor::{JoinError, Subject, budget, contain, current, poll_contained};

/// The note is whether the task was aborted. The slot is not part of the task, which belongs to its executor's thread and
/// may be freed first.
type RemoteSlot<T> = Slot<Result<T, JoinError>, bool>;

/// The output of a task that [`Handle::spawn`](crate::Handle::spawn) sent. It is `Send`, and may be awaited on any thread
/// and in any executor. Dropping it detaches the task.
///
/// A plain thread waits for it with any executor, such as that of the crate `futures`:
///
/// ```
/// let runtime = taketurns::Runtime::new()?;
/// let handle = runtime.handle();
/// let thread = std::thread::spawn(move || {
///     let answer = futures::executor::block_on(handle.spawn(async { 42 })).unwrap();
///     handle.stop();
///     answer
/// });
/// runtime.run_forever();
/// assert_eq!(thread.join().unwrap(), 42);
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
///
/// A [`JoinError`] when the task was aborted, panicked, or its executor ended first.
///
/// # Panics
///
/// When polled again after it has given the output.
///
/// # Cancellation
///
/// Dropping the handle detaches the task. To stop awaiting for a while and go on later, await `&mut handle`. Only
/// [`abort`](Self::abort) stops the task.
#[must_use = "dropping the handle detaches the task: await it, or call `detach` to say so"]
pub struct RemoteHandle<T> {
    slot: Arc<RemoteSlot<T>>,
    /// Wakes the task, for `abort`.
    task: Waker,
    /// Is told of a panic that the handle did not give to an awaiter.
    home: Home,
}

impl<T> RemoteHandle<T> {
    pub(super) fn new(slot: Arc<RemoteSlot<T>>, task: Waker, home: Home) -> Self {
        Self { slot, task, home }
    }

    /// Asks the executor to drop the future in the task's next turn. If the task completes first, its
    /// output stands.
    pub fn abort(&self) {
        if self.slot.note(|aborted| *aborted = true).is_some() {
            self.task.wake_by_ref();
        }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.slot.is_done()
    }

    #[cfg(feature = "time")]
    pub(crate) fn is_taken(&self) -> bool {
        self.slot.is_taken()
    }

    /// Drops the handle and lets the task go on. The same as dropping the handle, said in the code.
    pub fn detach(self) {}

    /// Turns the handle into a guard that aborts the task when it is dropped.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let guard = runtime.handle().spawn(std::future::pending::<()>()).abort_on_drop();
    /// drop(guard);
    /// runtime.run_until_stalled();
    /// assert!(runtime.shutdown().lost().is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn abort_on_drop(self) -> AbortOnDrop<Self> {
        AbortOnDrop::new(self)
    }
}

impl<T> Abort for RemoteHandle<T> {
    fn abort(&self) {
        self.abort();
    }
}

// What the handle shares with the task is behind a lock under which nothing panics.
impl<T> UnwindSafe for RemoteHandle<T> {}
impl<T> RefUnwindSafe for RemoteHandle<T> {}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        match ready!(self.slot.poll(cx.waker())) {
            Some(result) => {
                budget::spend();
                Poll::Ready(result)
            }
            None => panic!("`RemoteHandle` polled after it gave the output: await it once"),
        }
    }
}

impl<T> Drop for RemoteHandle<T> {
    fn drop(&mut self) {
        let (awaiter, output) = self.slot.leave();
        contain(|| drop(awaiter));
        match output {
            Some(Err(error)) if error.is_panic() => self.home.tell(error),
            value => drop(value),
        }
    }
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle").field("finished", &self.is_finished()).finish()
    }
}

pin_project_lite::pin_project! {
    /// What the executor runs: the future, and where its output goes.
    pub(super) struct Sent<F: Future> {
        #[pin]
        future: Option<F>,
        slot: Arc<RemoteSlot<F::Output>>,
        site: &'static Location<'static>,
    }

    impl<F: Future> PinnedDrop for Sent<F> {
        fn drop(this: Pin<&mut Self>) {
            if this.future.is_some() {
                let error = JoinError::shutdown(this.subject());
                this.end(Err(error));
            }
        }
    }
}

impl<F: Future> Sent<F> {
    pub(super) fn new(
        future: F,
        site: &'static Location<'static>,
    ) -> (Self, Arc<RemoteSlot<F::Output>>) {
        let slot = Arc::new(Slot::new(false));
        (Self { future: Some(future), slot: Arc::clone(&slot), site }, slot)
    }

    /// Resolves the handle of a task that the executor refused, and gives the future, to be dropped.
    pub(super) fn refuse(mut self) -> Option<F> {
        drop(self.slot.fill(Err(JoinError::shutdown(Subject::Remote(self.site)))));
        self.future.take()
    }

    /// At home, in the task's turn or at the executor's end.
    fn subject(&self) -> Subject {
        current().map_or(Subject::Remote(self.site), Subject::Task)
    }

    /// Ends the task with `result`. The future is dropped before the slot is filled: an awaiter that sees the output finds
    /// the future gone. The slot is filled even if user code panics on the way.
    ///
    /// # Panics
    ///
    /// If the handle is gone: with the panic of the future, or of the output's destructor. It is the panic of the task then.
    fn end(mut self: Pin<&mut Self>, mut result: Result<F::Output, JoinError>) {
        let drop_future = AssertUnwindSafe(|| self.as_mut().project().future.set(None));
        if let Err(payload) = catch_unwind(drop_future) {
            let late = Err(JoinError::panicked(self.subject(), payload));
            let unwanted = std::mem::replace(&mut result, late);
            contain(|| drop(unwanted));
        }
        let Some(Filled { awaiter, unwanted, .. }) = self.slot.fill(result) else { return };
        if let Some(awaiter) = awaiter {
            contain(|| awaiter.wake());
        }
        if let Some(Err(error)) = unwanted {
            if let Ok(payload) = error.into_panic() {
                resume_unwind(payload);
            }
        }
    }
}

impl<F: Future> Future for Sent<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let is_aborted = self.slot.note(|aborted| *aborted).unwrap_or_default();
        let result = match is_aborted {
            true => Err(JoinError::cancelled(self.subject())),
            false => match poll_contained(self.as_mut().project().future, cx) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(output)) => Ok(output),
                Err(payload) => Err(JoinError::panicked(self.subject(), payload)),
            },
        };
        self.end(result);
        Poll::Ready(())
    }
}
