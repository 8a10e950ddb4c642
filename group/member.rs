//! [`Member`]: a task of a group.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use super::failure::{FailedBy, is_cancellation};
use super::members::Shared;
use crate::executor::{
    Hub, Id, Info, JoinError, JoinHandle, ListenerKey, Subject, current, poll_contained,
    with_current,
};

pin_project! {
    /// The future of a task of a group: tells the group how `future` ended, and drops it when the group is asked to end,
    /// unless it listens.
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
    /// Wakes the task when what keeps it from being dropped has ended. Once the group is asked to end.
    key: Option<ListenerKey>,
}

/// How a task of a group ended.
pub(super) enum Ended<T> {
    Value(T),
    /// The group has its error or its panic.
    Failed,
    /// Where the task has heard of a request, its handle tells the reason of that instead.
    Cancelled,
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
        Self { future: Some(future), seat: Seat { shared, place: None, key: None } }
    }
}

impl<E> Seat<E> {
    /// Whether the future is to be dropped: the group is over, or is asked to end and nothing in this task puts that off.
    #[inline]
    fn ends(&mut self, waker: &Waker) -> bool {
        self.shared.is_over() || self.shared.request.reason().is_some() && !self.puts_off(waker)
    }

    #[cold]
    fn puts_off(&mut self, waker: &Waker) -> bool {
        let Some(request) = with_current(Hub::current_request).flatten() else { return false };
        request.set_drops();
        if request.ends_by_itself() {
            request.listen(*self.key.get_or_insert_with(ListenerKey::new), waker, false);
            return true;
        }
        // It will be dropped, and its handle is to tell why. A task that has not waited was not asked yet.
        let task = with_current(Hub::current_control).flatten();
        task.iter().zip(self.shared.request.reason()).for_each(|(task, why)| task.cancel(why));
        request.hear();
        false
    }

    /// From now on the group has to reach the task to end it.
    #[inline]
    fn wait(&mut self) {
        if self.place.is_none() {
            let task = with_current(Hub::control_for_group).flatten();
            self.place = task.map(|task| self.shared.task_waits(task));
        }
    }

    fn fail<T>(&self, by: FailedBy<E>) -> Ended<T> {
        self.shared.fail(current(), by);
        Ended::Failed
    }
}

impl<F: Future<Output = Result<T, E>>, T, E: 'static> Future for Member<F, E> {
    type Output = Ended<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<T>> {
        let mut this = self.project();
        let seat = this.seat;
        let mut ended = Ended::Cancelled;
        if !seat.ends(cx.waker()) {
            ended = match poll_contained(this.future.as_mut(), cx) {
                Ok(Poll::Pending) => {
                    seat.wait();
                    if !seat.ends(cx.waker()) {
                        return Poll::Pending;
                    }
                    Ended::Cancelled
                }
                Ok(Poll::Ready(Ok(value))) => Ended::Value(value),
                Ok(Poll::Ready(Err(error)))
                    if seat.shared.request.reason().is_some() && is_cancellation(&error) =>
                {
                    Ended::Cancelled
                }
                Ok(Poll::Ready(Err(error))) => seat.fail(FailedBy::Error(error)),
                Err(payload) => seat.fail(FailedBy::panic(current(), payload)),
            };
        }
        if needs_drop::<F>() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
                ended = seat.fail(FailedBy::panic(current(), payload));
            }
        }
        Poll::Ready(ended)
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
/// A [`JoinError`] when the task has no value. If it failed, by a panic too, the error only says so, as the group has the
/// failure. Otherwise it [is_cancelled](JoinError::is_cancelled), or its runtime ended.
///
/// # Panics
///
/// When polled again after it has given the value.
pub struct MemberHandle<T>(pub(super) JoinHandle<Ended<T>>);

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
        let ended = ready!(Pin::new(&mut self.0).poll(cx));
        let task = || Subject::Task(self.0.info());
        Poll::Ready(match ended {
            Ok(Ended::Value(value)) => Ok(value),
            Ok(Ended::Failed) => Err(JoinError::failed(task())),
            Ok(Ended::Cancelled) => Err(JoinError::cancelled(task())),
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
