//! [`TaskGroup`]: tasks that cannot outlive the code that opened their group.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::cancel::{Frame, Place};
use super::failure::{FailedBy, GroupError, is_cancellation};
use super::member::{Member, MemberHandle};
use super::members::Shared;
use crate::common::members::NotedMembers;
use crate::executor::{CancelRequest, ListenerKey, Reason, poll_contained, spawn_made};

/// Tasks that belong together: asyncio's task group, trio's nursery.
///
/// A task that is only spawned can be forgotten: its error is lost, and it goes on when nothing needs it any more. The tasks
/// of a group cannot. [`scope`](Self::scope) opens a group for the time of a *body*, and returns only when the body and every
/// task of the group have ended. They are real tasks of the executor, so they are `'static`; a group whose children borrow
/// from the caller is [`task::borrowing`](crate::task::borrowing).
///
/// # When children run
///
/// `spawn` puts the child at the tail of the run queue, and runs nothing. The body goes on until it awaits something that is
/// not ready; only then do the children have their first turns, in the order of spawning. A body that never awaits has spawned
/// all of them before the first one begins. (asyncio's documents say that its group yields; it does not either.) To let the
/// children begin earlier, the body awaits [`yield_now`](crate::yield_now).
///
/// # Failures
///
/// A child fails if its output is an `Err`, or if it panics; so does the body. (A [`Cancelled`](crate::cancel::Cancelled) that
/// comes back by `?` once the group is cancelled is no failure, also inside of an `io::Error` or a `Box<dyn Error>`.) The first failure cancels the rest. Then
/// `scope` gives a [`GroupError`] with every failure, in the order in which they happened, so those of children that fail in
/// their clean-up are in it too. In a group that was opened by [`collect`](Self::collect), a failure cancels nothing.
///
/// # Cancellation
///
/// A group is cancelled by the first failure, by [`cancel`](Self::cancel), or from outside: by a
/// [`Scope`](crate::cancel::Scope), a group or a task around it, or by the end of the runtime under `OnExit::Cancel`. It asks
/// the body and each child, with the reason: code that listens ([`crate::cancel`]) is told, and ends by itself, with awaits of
/// its own; code that does not is dropped in its next turn. A child that has not begun is dropped without a poll. `scope`
/// returns when all have ended. A [`timeout`](fn@crate::time::timeout) around a group drops it instead: to tell the children,
/// use [`Scope::with_timeout`](crate::cancel::Scope::with_timeout).
///
/// If the future of `scope` is dropped, nothing can be awaited any more: the body is dropped at once, and each child in its
/// next turn, which is in the queue already.
///
/// A clone is the same group, so children can spawn children.
///
/// ```
/// use taketurns::task::TaskGroup;
///
/// # taketurns::block_on(async {
/// let sum = TaskGroup::scope(async |group| {
///     let one = group.spawn(async { Ok(1) });
///     let two = group.spawn(async { Ok(2) });
///     Ok::<_, std::num::ParseIntError>(one.await.unwrap() + two.await.unwrap())
/// })
/// .await
/// .unwrap();
/// assert_eq!(sum, 3);
///
/// let error = TaskGroup::scope(async |group| {
///     group.spawn(std::future::pending::<Result<(), _>>()); // cancelled by the failure
///     group.spawn_named("parser", async { "x".parse::<u32>() });
///     Ok(())
/// })
/// .await
/// .unwrap_err();
/// println!("{error}");
/// // task #4 "parser", spawned at src/main.rs:15:11: invalid digit found in string
/// assert_eq!(error.failures()[0].task().unwrap().name(), Some("parser"));
/// # });
/// ```
pub struct TaskGroup<E>(Rc<Shared<E>>);

impl<E: 'static> TaskGroup<E> {
    /// Opens a group, runs `body` in it, and waits until the body and all tasks of the group have ended. Gives the value of
    /// the body.
    ///
    /// # Errors
    ///
    /// [`GroupError`]: every failure, in the order in which they happened. Or none, if the group was cut short without a failure:
    /// it was [cancelled](Self::cancel) and the body, which did not listen, was dropped for that; or it was cancelled from
    /// outside before all had ended. In the latter case, if a scope or a group around is about to drop this future, it stays
    /// pending, and the scope or the group reports the reason.
    ///
    /// # Cancellation
    ///
    /// The body is dropped, and the tasks are aborted.
    #[track_caller]
    pub fn scope<T, B, F>(body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        B: FnOnce(Self) -> F,
        F: Future<Output = Result<T, E>>,
    {
        Self::open(true, body)
    }

    /// As [`scope`](Self::scope), but a failure cancels nothing: all tasks run to their ends, and all errors come back
    /// together.
    ///
    /// # Errors
    ///
    /// As `scope`.
    ///
    /// # Cancellation
    ///
    /// As `scope`.
    ///
    /// ```
    /// use taketurns::task::TaskGroup;
    ///
    /// # taketurns::block_on(async {
    /// let error = TaskGroup::collect(async |group| {
    ///     for text in ["1", "x", "2", "y"] {
    ///         group.spawn(async move { text.parse::<u32>() });
    ///     }
    ///     Ok(())
    /// })
    /// .await
    /// .unwrap_err();
    /// assert_eq!(error.failures().len(), 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn collect<T, B, F>(body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        B: FnOnce(Self) -> F,
        F: Future<Output = Result<T, E>>,
    {
        Self::open(false, body)
    }

    #[track_caller]
    fn open<T, B, F>(fails_fast: bool, body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        B: FnOnce(Self) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let shared = Rc::new(Shared::new(fails_fast, Location::caller()));
        let group = Self(Rc::clone(&shared));
        // In a future, so that nothing runs before the first poll.
        let body = async move { body(group).await };
        Opened { body: Some(body), value: None, around: None, tasks: Tasks(shared) }
    }

    /// Spawns a task of the group, at the tail of the run queue.
    ///
    /// In a group that is cancelled, it is dropped without a poll.
    ///
    /// # Panics
    ///
    /// When the group has ended, and outside of a runtime.
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> MemberHandle<T>
    where
        T: 'static,
        F: Future<Output = Result<T, E>> + 'static,
    {
        self.spawn_member(None, future)
    }

    /// As [`spawn`](Self::spawn); reports call the task by this name.
    ///
    /// # Panics
    ///
    /// As `spawn`.
    #[track_caller]
    pub fn spawn_named<T, F>(&self, name: impl Into<Box<str>>, future: F) -> MemberHandle<T>
    where
        T: 'static,
        F: Future<Output = Result<T, E>> + 'static,
    {
        self.spawn_member(Some(name.into()), future)
    }

    #[track_caller]
    #[inline]
    fn spawn_member<T, F>(&self, name: Option<Box<str>>, future: F) -> MemberHandle<T>
    where
        T: 'static,
        F: Future<Output = Result<T, E>> + 'static,
    {
        let opened = self.0.opened;
        assert!(
            !self.0.is_over(),
            "the task group opened at {opened} has ended: spawn inside its body or its tasks"
        );
        let task = spawn_made(|| Member::new(future, Rc::clone(&self.0)), name);
        if NotedMembers::are_noted() {
            self.0.note_begun(&task);
        }
        MemberHandle(task)
    }

    pub(super) fn shared(&self) -> &Rc<Shared<E>> {
        &self.0
    }

    /// Ends the group early: asks the body and every task to end. Only the first reason counts.
    ///
    /// This is no failure. If the body comes to its end, `scope` gives its value; a body that does not listen is dropped, and
    /// `scope` gives an error that [is_cancelled](GroupError::is_cancelled).
    pub fn cancel(&self, reason: impl Into<Reason>) {
        self.0.cancel(&reason.into());
    }

    /// Whether it is cancelled, by a failure too.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.request.reason().is_some()
    }

    /// How many tasks of the group have not ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.live()
    }

    /// Whether every task of the group has ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.live() == 0
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("TaskGroup");
        text.field("tasks", &self.0.live()).field("reason", &self.0.request.reason()).finish()
    }
}

pin_project! {
    /// An open group.
    struct Opened<F, T, E> {
        // Dropped first. `None` once it has ended.
        #[pin]
        body: Option<F>,
        value: Option<T>,
        // From the first poll on.
        around: Option<Around>,
        tasks: Tasks<E>,
    }
}

/// The tasks of the group, which end with it.
struct Tasks<E>(Rc<Shared<E>>);

impl<E> Drop for Tasks<E> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What is around the group.
struct Around {
    /// What may ask the group to end, and is not to drop the code around before the tasks have ended. Nothing, on a foreign
    /// executor.
    place: Option<Place>,
    key: ListenerKey,
    /// From outside, before the group had ended.
    was_asked: bool,
    /// Until the tasks have ended.
    is_held: bool,
    frame: Rc<Frame>,
}

impl Drop for Around {
    fn drop(&mut self) {
        self.release();
        self.place.iter().for_each(|place| place.forget(self.key));
    }
}

impl Around {
    fn new(request: &Rc<CancelRequest>) -> Self {
        let place = Place::here();
        place.iter().for_each(Place::hold);
        Self {
            place,
            key: ListenerKey::new(),
            was_asked: false,
            is_held: true,
            frame: Frame::new(Some(Rc::clone(request))),
        }
    }

    /// Why the group is asked to end from outside, the first time.
    fn asked(&mut self, waker: &Waker) -> Option<Reason> {
        let place = self.place.as_ref().filter(|_| !self.was_asked)?;
        place.listen(self.key, waker, false);
        let reason = place.reason()?;
        place.hear_in_group();
        self.was_asked = true;
        Some(reason)
    }

    fn release(&mut self) {
        if mem::take(&mut self.is_held) {
            self.place.iter().for_each(Place::release);
        }
    }

    /// Whether what asked the group is about to drop its future.
    fn will_drop(&mut self) -> bool {
        self.release();
        self.was_asked && self.place.as_ref().is_some_and(Place::will_drop)
    }
}

impl<F: Future<Output = Result<T, E>>, T, E: 'static> Opened<F, T, E> {
    /// Polls the body, in the frame of the group. False if it goes on.
    fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut this = self.project();
        let shared = &this.tasks.0;
        if this.body.is_none() {
            return true;
        }
        if !shared.request.will_drop() {
            let entered = this.around.as_ref().map(|around| around.frame.enter());
            let polled = poll_contained(this.body.as_mut(), cx);
            drop(entered);
            match polled {
                Ok(Poll::Pending) if shared.request.will_drop() => {}
                Ok(Poll::Pending) => return false,
                Ok(Poll::Ready(Ok(value))) => *this.value = Some(value),
                Ok(Poll::Ready(Err(error))) => {
                    if shared.request.reason().is_none() || !is_cancellation(&error) {
                        shared.fail(None, FailedBy::Error(error));
                    }
                }
                Err(payload) => shared.fail(None, FailedBy::panic(None, payload)),
            }
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.body.set(None))) {
            shared.fail(None, FailedBy::panic(None, payload));
        }
        true
    }
}

impl<F: Future<Output = Result<T, E>>, T, E: 'static> Future for Opened<F, T, E> {
    type Output = Result<T, GroupError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let shared = Rc::clone(&this.tasks.0);
        assert!(!shared.is_over(), "`TaskGroup::scope` polled after it ended: await it once");
        let around = this.around.get_or_insert_with(|| Around::new(&shared.request));
        if let Some(reason) = around.asked(cx.waker()) {
            shared.cancel(&reason);
        }
        shared.keep_waker(cx.waker());
        if !self.as_mut().poll_body(cx) {
            shared.note_early_end();
            return Poll::Pending;
        }
        if shared.live() > 0 {
            shared.note_wait();
            return Poll::Pending;
        }
        let this = self.project();
        let around = this.around.as_mut().expect("made above");
        let failures = shared.take_failures();
        let reason = shared.request.reason().cloned();
        let value = this.value.take().filter(|_| !around.was_asked);
        let outcome = match value {
            _ if !failures.is_empty() => Err(GroupError::new(failures, reason)),
            Some(value) => Ok(value),
            // It was cut short. If what asked is about to drop this future, that has the reason. But code beside this may
            // still put that off, in the same turn: so it looks again.
            None if around.will_drop() => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => Err(GroupError::new(failures, reason)),
        };
        *this.around = None;
        shared.end();
        Poll::Ready(outcome)
    }
}
