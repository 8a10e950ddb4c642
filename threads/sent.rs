//! [`Sent`]: what a [`Handle`](super::Handle) sends to its executor, and how its end reaches the
//! [`RemoteHandle`](super::RemoteHandle).

#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::common::slot::{Filled, Slot};
use crate::executor::{
    CancelRequest, Hub, JoinError, Reason, Subject, contain, current, poll_contained, with_current,
};

/// The slot is not part of the task, which belongs to its executor's thread and may be freed first.
pub(super) type RemoteSlot<T> = Slot<Result<T, JoinError>, Orders>;

/// What the handle wants of the task. The task looks at the beginning of each turn.
pub(super) struct Orders {
    /// Where the task was sent. Here, as it is seldom asked for, and the task should be small: glibc's malloc takes a lock for
    /// more than 120 bytes, which the sending thread and the executor's then fight for.
    site: &'static Location<'static>,
    pub(super) is_aborted: bool,
    /// Why it is asked to end, until it has been.
    pub(super) reason: Option<Reason>,
}

pin_project_lite::pin_project! {
    /// What the executor is sent: a future, or a function that makes it there; and where the output goes.
    pub(super) struct Sent<V, T> {
        #[pin]
        value: Option<V>,
        slot: Arc<RemoteSlot<T>>,
        was_asked: bool,
    }

    impl<V, T> PinnedDrop for Sent<V, T> {
        fn drop(this: Pin<&mut Self>) {
            if this.value.is_some() {
                let error = JoinError::shutdown(this.subject());
                this.end(Err(error));
            }
        }
    }
}

impl<V, T> Sent<V, T> {
    pub(super) fn new(value: V, site: &'static Location<'static>) -> (Self, Arc<RemoteSlot<T>>) {
        let slot = Arc::new(Slot::new(Orders { site, is_aborted: false, reason: None }));
        (Self { value: Some(value), slot: Arc::clone(&slot), was_asked: false }, slot)
    }

    /// At home, in the task's turn or at the executor's end.
    fn subject(&self) -> Subject {
        let sent = || self.slot.note(|orders| orders.site).map_or(Subject::NoTask, Subject::Remote);
        current().map_or_else(sent, Subject::Task)
    }

    /// As for a task of the loop's own thread: if it heard that it is asked to end, or was aborted after that, it was
    /// cancelled for that reason, and its value is dropped.
    fn outcome_of_asked(&self, result: Result<T, JoinError>) -> Result<T, JoinError> {
        let Some(request) = request() else { return result };
        let is_cancelled = match &result {
            Ok(_) => request.was_heard(),
            Err(error) => error.is_cancelled(),
        };
        match request.reason() {
            Some(reason) if is_cancelled => {
                contain(|| drop(result));
                Err(JoinError::cancelled_for(self.subject(), reason.clone()))
            }
            _ => result,
        }
    }

    /// Ends the task with `result`. The future is dropped before the slot is filled: an awaiter that sees the output finds
    /// the future gone. The slot is filled even if user code panics on the way.
    ///
    /// # Panics
    ///
    /// If the handle is gone: with the panic of the future, or of the output's destructor. It is the panic of the task then.
    fn end(mut self: Pin<&mut Self>, mut result: Result<T, JoinError>) {
        let drop_value = AssertUnwindSafe(|| self.as_mut().project().value.set(None));
        if let Err(payload) = catch_unwind(drop_value) {
            let late = Err(JoinError::panicked(self.subject(), payload));
            let unwanted = std::mem::replace(&mut result, late);
            contain(|| drop(unwanted));
        }
        let Some(Filled { awaiter, unwanted }) = self.slot.fill(result) else { return };
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

impl<M, T> Sent<M, T> {
    /// Makes the future, at home in the task's first turn. If the task was aborted before that, or if the function panics,
    /// the task ends here, and what is returned has no future.
    pub(super) fn make<F>(mut self) -> Sent<F, T>
    where
        M: FnOnce() -> F,
        F: Future<Output = T>,
    {
        let slot = Arc::clone(&self.slot);
        let mut made = Sent { value: None, slot, was_asked: false };
        let aborted = self.slot.note(|orders| orders.is_aborted.then(|| orders.reason.take()));
        let end = if let Some(reason) = aborted.flatten() {
            match reason {
                Some(reason) => JoinError::cancelled_for(self.subject(), reason),
                None => JoinError::cancelled(self.subject()),
            }
        } else {
            let make = self.value.take().expect("it is called once");
            match catch_unwind(AssertUnwindSafe(make)) {
                Ok(future) => {
                    made.value = Some(future);
                    return made;
                }
                Err(payload) => JoinError::panicked(self.subject(), payload),
            }
        };
        pin!(self).end(Err(end));
        made
    }
}

impl<F: Future> Future for Sent<F, F::Output> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // `None`: `make` has ended the task.
        let orders = self.slot.note(|orders| (orders.is_aborted, orders.reason.take()));
        let Some((is_aborted, reason)) = orders else { return Poll::Ready(()) };
        if let Some(reason) = reason {
            *self.as_mut().project().was_asked = true;
            if let Some(request) = request() {
                request.ask(&reason);
            }
        }
        let mut result = match is_aborted {
            true => Err(JoinError::cancelled(self.subject())),
            false => match poll_contained(self.as_mut().project().value, cx) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(output)) => Ok(output),
                Err(payload) => Err(JoinError::panicked(self.subject(), payload)),
            },
        };
        if self.was_asked {
            result = self.outcome_of_asked(result);
        }
        self.end(result);
        Poll::Ready(())
    }
}

/// The request of the task that has its turn.
fn request() -> Option<Rc<CancelRequest>> {
    with_current(Hub::current_request).flatten()
}
