//! `TaskGroup::start`: to go on once a child says that it is ready.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::failure::{FailedBy, Failure};
use super::member::MemberHandle;
use super::members::Shared;
use super::task_group::TaskGroup;
use crate::common::awaited::Awaited;
use crate::common::waker_cell::WakerCell;
use crate::executor::{Info, current, poll_contained};

impl<E: 'static> TaskGroup<E> {
    /// Spawns a task of the group, and waits until it says that it is ready. It lives on as any other: trio's `start`.
    ///
    /// `task` is given a [`Started`], which it calls with what it declares ready, such as the address that it listens at.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the task ends first. Its failure is then the caller's, and not the group's.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before the task is ready, the task is aborted.
    ///
    /// ```
    /// use std::io;
    /// use taketurns::net::TcpListener;
    /// use taketurns::task::TaskGroup;
    ///
    /// # taketurns::block_on(async {
    /// let any_port = "127.0.0.1:0";
    /// TaskGroup::scope(async |group| {
    ///     let address = group
    ///         .start(async move |started| {
    ///             let listener = TcpListener::bind(any_port)?;
    ///             started.set(listener.local_addr()?);
    ///             loop {
    ///                 listener.accept().await?;
    ///             }
    ///         })
    ///         .await
    ///         .unwrap();
    ///     println!("listens at {address}");
    ///     group.cancel("enough");
    ///     Ok::<_, io::Error>(())
    /// })
    /// .await
    /// .unwrap();
    /// # });
    /// ```
    #[track_caller]
    pub fn start<S, B, F>(
        &self,
        task: B,
    ) -> impl Future<Output = Result<S, StartError<E>>> + use<S, B, F, E>
    where
        S: 'static,
        B: FnOnce(Started<S, E>) -> F + 'static,
        F: Future<Output = Result<(), E>> + 'static,
    {
        let start =
            Rc::new(Start { outcome: Cell::new(Outcome::NotYet), waker: WakerCell::default() });
        let started = Started(Rc::clone(&start));
        let opened = self.shared().opened;
        let handle = self.spawn(async move {
            let ready = Rc::clone(&started.0);
            let mut future = pin!(Some(async move { task(started).await }));
            let outcome = poll_fn(|cx| match poll_contained(future.as_mut(), cx) {
                Ok(polled) => polled.map(Ok),
                Err(payload) => Poll::Ready(Err(payload)),
            });
            let fail = |by| {
                let failure = Failure::new(current(), opened, by);
                ready.end(Outcome::Ended(Err(StartError::Failed(failure))));
            };
            match outcome.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if ready.is_awaited() => fail(FailedBy::Error(error)),
                Ok(Err(error)) => return Err(error),
                Err(payload) if ready.is_awaited() => fail(FailedBy::panic(current(), payload)),
                Err(payload) => resume_unwind(payload),
            }
            Ok(())
        });
        let task = handle.info();
        let abandon = Abandon { handle, start, shared: Rc::clone(self.shared()) };
        async move {
            let outcome = poll_fn(|cx| abandon.start.poll(cx.waker())).await;
            outcome.unwrap_or(Err(StartError::Ended(task)))
        }
    }
}

/// The caller goes. If that is midway, it aborts the task, unless that is ready; and a failure that the caller has not seen is
/// the group's.
struct Abandon<T, S, E> {
    handle: MemberHandle<T>,
    start: Rc<Start<S, E>>,
    shared: Rc<Shared<E>>,
}

impl<T, S, E> Drop for Abandon<T, S, E> {
    fn drop(&mut self) {
        self.start.waker.forget();
        match self.start.outcome.replace(Outcome::Over) {
            Outcome::NotYet | Outcome::Dropped => self.handle.abort(),
            Outcome::Ended(Err(StartError::Failed(failure))) => self.shared.add(failure),
            Outcome::Ended(_) | Outcome::Over => {}
        }
    }
}

/// Tells the caller of [`TaskGroup::start`] that the task is ready. If it is dropped instead, the task never will be: `start` gives
/// an error, and the task is aborted.
#[must_use = "call `set` once the task is ready; dropping it ends the task"]
pub struct Started<S, E>(Rc<Start<S, E>>);

impl<S, E> Started<S, E> {
    /// The task is ready: `start` gives this value. If its caller is gone, the value is dropped.
    pub fn set(self, value: S) {
        self.0.end(Outcome::Ended(Ok(value)));
    }
}

impl<S, E> Drop for Started<S, E> {
    fn drop(&mut self) {
        self.0.end(Outcome::Dropped);
    }
}

impl<S, E> fmt::Debug for Started<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").finish_non_exhaustive()
    }
}

/// Why [`TaskGroup::start`] gave no value.
#[non_exhaustive]
pub enum StartError<E> {
    /// The task failed before it was ready.
    Failed(Failure<E>),
    /// The task ended, was cancelled, or dropped its [`Started`], before it was ready.
    Ended(Info),
}

impl<E: fmt::Display> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Ended(task) => {
                let (title, site) = (task.title(), task.site());
                write!(
                    f,
                    "{title}, spawned at {site}, ended, or dropped its `Started`, before it called `set`"
                )
            }
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => f.debug_tuple("Failed").field(failure).finish(),
            Self::Ended(task) => f.debug_tuple("Ended").field(task).finish(),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for StartError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(failure) => failure.error().map(|error| error as _),
            Self::Ended(_) => None,
        }
    }
}

struct Start<S, E> {
    outcome: Cell<Outcome<S, E>>,
    waker: WakerCell,
}

enum Outcome<S, E> {
    NotYet,
    Ended(Result<S, StartError<E>>),
    /// The task has dropped its `Started`, or has ended.
    Dropped,
    /// Given to the caller.
    Over,
}

impl<S, E> Start<S, E> {
    /// Whether the caller waits, and was not told anything else than that `Started` was dropped, as it is when the task fails.
    fn is_awaited(&self) -> bool {
        let outcome = self.outcome.replace(Outcome::Over);
        let is_awaited = matches!(outcome, Outcome::NotYet | Outcome::Dropped);
        self.outcome.set(outcome);
        is_awaited
    }

    /// Only the first outcome counts, but that a failure is more than the drop of `Started`.
    fn end(&self, outcome: Outcome<S, E>) {
        if self.is_awaited() {
            self.outcome.set(outcome);
            self.waker.wake();
        }
    }

    /// `None`: the task never will be ready.
    fn poll(&self, waker: &Waker) -> Poll<Option<Result<S, StartError<E>>>> {
        self.waker.keep(waker);
        match self.outcome.replace(Outcome::Over) {
            Outcome::Ended(outcome) => Poll::Ready(Some(outcome)),
            Outcome::Dropped => {
                self.outcome.set(Outcome::Dropped); // `Abandon` looks
                Poll::Ready(None)
            }
            Outcome::Over => panic!("`TaskGroup::start` polled after it ended: await it once"),
            Outcome::NotYet => {
                self.outcome.set(Outcome::NotYet);
                let wait = "the child of `TaskGroup::start` to say that it is ready";
                self.waker.note(|| Awaited::somewhere(wait));
                Poll::Pending
            }
        }
    }
}
