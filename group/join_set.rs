//! [`JoinSet`]: tasks whose outputs come in the order in which they end.
//!
//! A list of handles would do, if they were awaited in the order of the list. To await the first that ends, the list would be
//! polled as a whole for each end. So here each task, when it ends, puts its place into a queue, and the set's awaiter
//! looks only there.
//!
//! A task can end in many ways: by its output, by a panic, by an abort even before its first poll. In each its future is
//! dropped. So what reports the end is a value that the future owns.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::common::awaited::{Awaited, EndedBy};
use crate::common::held;
use crate::common::members::NotedMembers;
use crate::common::waits::Key;
use crate::common::waker_cell::WakerCell;
use crate::executor::{AbortHandle, Id, JoinError, JoinHandle, budget, noop, report, spawn_made};

/// Tasks that belong together, whose outputs come in the order in which they end.
///
/// They are real tasks: each has turns and a budget of its own. Dropping the set aborts those that have not ended. The set
/// costs a task some 24 bytes, and the place of a task is used again once its output was taken, so a set through which
/// many short tasks pass stays small.
///
/// ```
/// use taketurns::{task::JoinSet, yield_now};
///
/// taketurns::block_on(async {
///     let mut set = JoinSet::new();
///     for n in [3, 1, 2] {
///         set.spawn(async move {
///             for _ in 0..n {
///                 yield_now().await;
///             }
///             n
///         });
///     }
///     let mut ended = Vec::new();
///     while let Some(output) = set.join_next().await {
///         ended.push(output.unwrap());
///     }
///     assert_eq!(ended, [1, 2, 3]);
/// });
/// ```
#[must_use = "dropping the set aborts its tasks"]
pub struct JoinSet<T> {
    ended: Rc<Ended>,
    /// By place.
    handles: Vec<Option<JoinHandle<T>>>,
    free: Vec<usize>,
    /// Where the program made it.
    site: &'static Location<'static>,
}

/// The tasks that have ended and were not joined yet, by their places, in the order of their ends.
#[derive(Default)]
struct Ended {
    queue: RefCell<VecDeque<usize>>,
    /// The waker of the last poll.
    awaiter: WakerCell,
    noted: NotedMembers,
}

impl Ended {
    /// The task in `place` has ended.
    #[inline]
    fn push(&self, place: usize) {
        self.queue.borrow_mut().push_back(place);
        self.awaiter.wake();
    }

    #[cold]
    #[inline(never)]
    fn note_begun(&self, place: usize, task: Id) {
        self.noted.add(self.key(place), task);
    }

    /// Of the task in `place`, as one that the awaiter waits for.
    fn key(&self, place: usize) -> Key {
        Key::in_line(&self.awaiter, place as u64)
    }
}

impl Drop for Ended {
    /// The tasks that are left report their ends no more.
    fn drop(&mut self) {
        held::gave_back(|| Key::at(&self.awaiter));
    }
}

/// Reports the end of a task, by its drop.
struct OnEnd {
    /// Gone when the set is gone or has detached its tasks.
    ended: Weak<Ended>,
    place: usize,
}

impl Drop for OnEnd {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.upgrade() {
            ended.noted.remove(|| Some(ended.key(self.place)));
            ended.push(self.place);
        }
    }
}

pin_project! {
    /// A task of the set. Its fields are dropped in this order.
    struct Member<F> {
        #[pin]
        future: F,
        on_end: OnEnd,
    }
}

impl<F: Future> Future for Member<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a task, as the free [`spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn(&mut self, future: impl Future<Output = T> + 'static) -> AbortHandle {
        self.spawn_member(None, future)
    }

    /// Spawns a task that has a name, for reports; see [`Builder::name`](crate::task::Builder::name).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_named(
        &mut self,
        name: impl Into<Box<str>>,
        future: impl Future<Output = T> + 'static,
    ) -> AbortHandle {
        self.spawn_member(Some(name.into()), future)
    }

    #[track_caller]
    fn spawn_member(
        &mut self,
        name: Option<Box<str>>,
        future: impl Future<Output = T> + 'static,
    ) -> AbortHandle {
        let mut place = 0;
        let make = || {
            place = self.free.pop().unwrap_or(self.handles.len());
            Member { future, on_end: OnEnd { ended: Rc::downgrade(&self.ended), place } }
        };
        let handle = spawn_made(make, name);
        let abort = handle.abort_handle();
        if handle.is_finished() {
            // The executor is closing: the task has ended, and its future is forgotten, with its count on `ended`. So that
            // memory is leaked, as what the future owns is.
            self.ended.push(place);
        } else if NotedMembers::are_noted() {
            self.ended.note_begun(place, handle.id());
        }
        match self.handles.get_mut(place) {
            None => self.handles.push(Some(handle)),
            Some(free) => *free = Some(handle),
        }
        abort
    }
}

impl<T> JoinSet<T> {
    /// A set without a task.
    #[track_caller]
    pub fn new() -> Self {
        let site = Location::caller();
        Self { ended: Rc::default(), handles: Vec::new(), free: Vec::new(), site }
    }

    /// How many tasks are in the set: those that run, and those that have ended and were not joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.handles.len() - self.free.len()
    }

    /// Whether no task is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until a task has ended, and takes it out of the set. `None` if the set is empty. The tasks come exactly in the
    /// order in which they ended.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped: a task leaves the set only together with its outcome.
    ///
    /// # Errors
    ///
    /// As a [`JoinHandle`] gives them.
    pub fn join_next(&mut self) -> JoinNext<'_, T> {
        JoinNext { set: self }
    }

    /// As [`join_next`](Self::join_next), with the task's id.
    ///
    /// # Cancellation
    ///
    /// As [`join_next`](Self::join_next).
    ///
    /// # Errors
    ///
    /// As [`join_next`](Self::join_next).
    pub async fn join_next_with_id(&mut self) -> Option<(Id, Result<T, JoinError>)> {
        let next = self.join_next();
        poll_fn(|cx| next.set.poll_next(cx)).await
    }

    /// The outcome of the next task that has ended. `None` if none has; nothing is waited for, and no budget is spent.
    ///
    /// # Errors
    ///
    /// As [`join_next`](Self::join_next).
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let noop = noop();
        let take = || self.take_next(&mut Context::from_waker(&noop));
        Some(budget::within(budget::UNLIMITED, take)?.1)
    }

    /// Waits for all tasks, and returns their outputs in the order in which the tasks ended.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the set, which aborts its tasks.
    ///
    /// # Panics
    ///
    /// With the panic of the first task that panics, or if a task was aborted. The other tasks are aborted. To have
    /// each outcome as a value, use [`join_next`](Self::join_next).
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(outcome) = self.join_next().await {
            match outcome.map_err(JoinError::into_panic) {
                Ok(output) => outputs.push(output),
                Err(Ok(panic)) => resume_unwind(panic),
                Err(Err(error)) => panic!(
                    "`JoinSet::join_all` needs every output, but {error}: use `join_next` to have each outcome as a value"
                ),
            }
        }
        outputs
    }

    /// Aborts all tasks, in the order in which they were spawned. They stay in the set: [`join_next`](Self::join_next) gives
    /// the error of each, or its output if it had ended.
    pub fn abort_all(&self) {
        let mut handles: Vec<_> = self.handles.iter().flatten().collect();
        handles.sort_unstable_by_key(|handle| handle.id());
        handles.into_iter().for_each(JoinHandle::abort);
    }

    /// Aborts all tasks, and waits until they have ended. Then the set is empty. Outputs are dropped; a panic that no
    /// awaiter has seen is reported, as [`Unhandled`](crate::task::Unhandled).
    ///
    /// # Cancellation
    ///
    /// The tasks are aborted at the first poll. Those that have not been waited for stay in the set.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while let Some(outcome) = self.join_next().await {
            match outcome {
                Err(error) if error.is_panic() => report(error.task().cloned(), error.into()),
                ended => drop(ended),
            }
        }
    }

    /// Lets the tasks go on by themselves. Then the set is empty.
    pub fn detach_all(&mut self) {
        self.ended = Rc::default();
        self.free = Vec::new();
        drop(mem::take(&mut self.handles));
    }

    /// The next task that has ended, taken out of the set. `None`: none has ended; or this runs in the turn that ends it,
    /// inside a wake, before the output is stored. Then its handle keeps the waker, and wakes it later in that turn.
    fn take_next(&mut self, cx: &mut Context<'_>) -> Option<(Id, Result<T, JoinError>)> {
        let place = *self.ended.queue.borrow().front()?;
        let handle = self.handles[place].as_mut().expect("it was not joined");
        let id = handle.id();
        let Poll::Ready(outcome) = Pin::new(handle).poll(cx) else { return None };
        self.ended.queue.borrow_mut().pop_front();
        self.handles[place] = None;
        self.free.push(place);
        Some((id, outcome))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        if self.is_empty() {
            return Poll::Ready(None);
        }
        ready!(budget::poll_ready(cx));
        if self.ended.queue.borrow().is_empty() {
            self.ended.awaiter.keep(cx.waker());
            // The clone of a foreign waker may have run the executor, so a task may have ended.
            if self.ended.queue.borrow().is_empty() {
                self.ended.awaiter.note(|| {
                    let wait = Awaited::new("a task of the `JoinSet` made", self.site);
                    self.ended.noted.awaited(wait, self.len(), EndedBy::Any)
                });
                return Poll::Pending;
            }
        }
        self.ended.awaiter.forget();
        match self.take_next(cx) {
            Some(next) => Poll::Ready(Some(next)),
            None => Poll::Pending,
        }
    }
}

impl<T> Default for JoinSet<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = f.debug_struct("JoinSet");
        set.field("tasks", &self.len()).field("places", &self.handles.len());
        set.field("ended", &self.ended.queue.borrow().len()).finish()
    }
}

/// The future of [`JoinSet::join_next`].
#[must_use = "futures do nothing unless awaited"]
pub struct JoinNext<'set, T> {
    set: &'set mut JoinSet<T>,
}

impl<T> Future for JoinNext<'_, T> {
    type Output = Option<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.set.poll_next(cx).map(|next| next.map(|(_, outcome)| outcome))
    }
}

impl<T> Drop for JoinNext<'_, T> {
    /// Gives the waker back. One that a handle keeps, inside the turn that ends its task, is woken and gone by the end of that
    /// turn.
    fn drop(&mut self) {
        self.set.ended.awaiter.forget();
    }
}

impl<T> fmt::Debug for JoinNext<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinNext").field(&self.set).finish()
    }
}
