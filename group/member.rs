//! [`Member`]: a task of a group.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::failure::Cause;
use super::members::Shared;
use crate::executor::{
    Hub, Id, Info, JoinError, JoinHandle, Subject, current, poll_contained, with_current,
};

pin_project! {
    /// The future of a task of a group: tells the group how `future` ended, and drops it when the group is asked to end,
    /// unless it listens. Gives the value of a future that succeeded.
    pub(super) struct Member<F, E> {
        // Dropped first: the group must not end before its tasks.
        #[pin]
        future: Option<F>,
        seat: Seat<E>,
    }
}

/// A task's part in its group, until it is dropped.
struct Seat<E> {
    shared: Rc<Shared<E>>,
    /// Once it waits.
    place: Option<usize>,
}

impl<E> Drop for Seat<E> {
    fn drop(&mut self) {
        self.shared.task_ended(self.place);
    }
}

impl<F, E> Member<F, E> {
    #[inline]
    pub(super) fn new(future: F, shared: Rc<Shared<E>>) -> Self {
        shared.task_begins();
        Self { future: Some(future), seat: Seat { shared, place: None } }
    }
}

impl<E> Seat<E> {
    /// Whether the group is over, or is asked to end and nothing in this task listens.
    #[inline]
    fn is_dropped(&self) -> bool {
        self.shared.is_over() || self.shared.request.reason().is_some() && Self::listens_not()
    }

    /// From now on the group has to reach the task to end it.
    #[inline]
    fn wait(&mut self) {
        if self.place.is_none() {
            let task = with_current(Hub::current_control).flatten();
            self.place = task.map(|task| self.shared.task_waits(task));
        }
    }

    #[cold]
    fn listens_not() -> bool {
        let request = with_current(Hub::current_request).flatten();
        request.is_none_or(|request| {
            request.set_drops();
            !request.ends_by_itself()
        })
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for Member<F, E> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        let mut value = None;
        if !this.seat.is_dropped() {
            let polled = poll_contained(this.future.as_mut(), cx);
            let shared = &this.seat.shared;
            match polled {
                Ok(Poll::Pending) if this.seat.is_dropped() => {}
                Ok(Poll::Pending) => {
                    this.seat.wait();
                    return Poll::Pending;
                }
                Ok(Poll::Ready(Ok(output))) => value = Some(output),
                Ok(Poll::Ready(Err(error))) => shared.fail(current(), Cause::Error(error)),
                Err(payload) => shared.fail(current(), Cause::panic(current(), payload)),
            }
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            this.seat.shared.fail(current(), Cause::panic(current(), payload));
        }
        Poll::Ready(value)
    }
}

/// A task of a [`TaskGroup`](super::TaskGroup). `await` it for the value; or drop it, the task belongs to its group anyway.
///
/// # Cancellation
///
/// As for a [`JoinHandle`]: awaiting `&mut handle` may be given up and taken up again, and nothing of it stops the task.
///
/// # Errors
///
/// A [`JoinError`] when the task has no value: it failed (the group has the error), or was cancelled, or its runtime ended.
///
/// # Panics
///
/// When polled again after it has given the value.
pub struct MemberHandle<T>(pub(super) JoinHandle<Option<T>>);

impl<T> MemberHandle<T> {
    /// Which task it is.
    #[must_use]
    pub fn id(&self) -> Id {
        self.0.id()
    }

    pub(super) fn info(&self) -> Info {
        self.0.info()
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Ends this task where it stands, as [`JoinHandle::abort`]. That is no failure of its group.
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl<T> Future for MemberHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(match outcome {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(JoinError::cancelled_for(
                Subject::Task(self.0.info()),
                "it failed, or its group was cancelled before it ended".into(),
            )),
            Err(error) => Err(error),
        })
    }
}

impl<T> fmt::Debug for MemberHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("MemberHandle");
        text.field("id", &self.id()).field("finished", &self.is_finished()).finish()
    }
}
