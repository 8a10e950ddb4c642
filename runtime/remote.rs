//! [`RemoteHandle`], for a task that [`Handle::spawn`](super::Handle::spawn) sent, and [`Sent`], that task.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use crate::common::slot::{Filled, Slot};
use crate::executor::{JoinError, Who, silence};

/// Its note: whether the task was aborted. The slot is not in the task, which belongs to its executor's thread
/// and may be freed first.
type RemoteSlot<T> = Slot<Result<T, JoinError>, bool>;

/// The output of a task that [`Handle::spawn`](crate::Handle::spawn) sent. `Send`; awaited anywhere, also
/// outside of any executor of this crate. Dropping it detaches the task.
///
/// # Errors
///
/// A [`JoinError`] when the task was aborted, panicked, or its executor ended first.
///
/// # Panics
///
/// When polled again after it has given the output.
#[must_use = "dropping the handle detaches the task: await it, or write `drop(..)` to say so"]
pub struct RemoteHandle<T> {
    slot: Arc<RemoteSlot<T>>,
    /// Wakes the task, for `abort`.
    task: Waker,
}

impl<T> RemoteHandle<T> {
    pub(super) fn new(slot: Arc<RemoteSlot<T>>, task: Waker) -> Self {
        Self { slot, task }
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
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(self.slot.poll(cx.waker())) {
            Some(result) => Poll::Ready(result),
            None => panic!("`RemoteHandle` polled after it gave the output: await it once"),
        }
    }
}

impl<T> Drop for RemoteHandle<T> {
    fn drop(&mut self) {
        let (awaiter, output) = self.slot.leave();
        silence(|| drop(awaiter));
        drop(output);
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
    }

    impl<F: Future> PinnedDrop for Sent<F> {
        fn drop(this: Pin<&mut Self>) {
            if this.future.is_some() {
                this.end(Err(JoinError::shutdown(Who::Remote)));
            }
        }
    }
}

impl<F: Future> Sent<F> {
    pub(super) fn new(future: F) -> (Self, Arc<RemoteSlot<F::Output>>) {
        let slot = Arc::new(Slot::new(false));
        (Self { future: Some(future), slot: Arc::clone(&slot) }, slot)
    }

    /// Drops the future first, so that an awaiter that sees the output knows it gone. Each piece of user code
    /// may panic; whatever does, the slot is filled.
    fn end(self: Pin<&mut Self>, mut result: Result<F::Output, JoinError>) {
        let mut this = self.project();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            let late = Err(JoinError::panicked(Who::Remote, payload));
            let first_panic = result.as_ref().is_err_and(JoinError::is_panic);
            let second = if first_panic { late } else { std::mem::replace(&mut result, late) };
            silence(|| drop(second));
        }
        let Some(Filled { awaiter, unwanted, .. }) = this.slot.fill(result) else { return };
        if let Some(awaiter) = awaiter {
            silence(|| awaiter.wake());
        }
        silence(|| drop(unwanted));
    }
}

impl<F: Future> Future for Sent<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.slot.note(|aborted| *aborted).unwrap_or_default() {
            self.end(Err(JoinError::cancelled(Who::Remote)));
            return Poll::Ready(());
        }
        let future =
            self.as_mut().project().future.as_pin_mut().expect("not polled after it ended");
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => self.end(Ok(output)),
            Err(payload) => self.end(Err(JoinError::panicked(Who::Remote, payload))),
        }
        Poll::Ready(())
    }
}
