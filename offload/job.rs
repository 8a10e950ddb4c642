//! [`Slot`]: the place a job and its handle share.
//!
//! ```text
//!                run              returns, panics             poll
//!   Queued(work) ----> Running -------------------> Finished -----> Taken
//!        |                                              ^
//!        +------------------- reject -------------------+
//! ```
//!
//! The line holds one reference, as a [`Job`] whose output type is forgotten, and the
//! [`BlockingHandle`](super::BlockingHandle) the other. Whoever drops the last one drops an output
//! that nobody took.
//!
//! The lock is held for moves between those states only. Code of others (the closure, its
//! destructor, a waker) runs after it is released, since it may come back to this very slot.

#![forbid(unsafe_code)]

use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::executor::{JoinError, Who};

/// A job as the pool sees it.
pub(super) trait Job: Send + Sync {
    /// Runs it, unless it was rejected; returns whom to wake when the thread is free again.
    fn run(&self) -> Option<Waker>;

    /// Ends it unrun with this error; changes nothing once it runs.
    fn reject(&self, error: JoinError);

    /// Where it was spawned.
    fn site(&self) -> &'static Location<'static>;
}

/// One job: what it will do, then what came of it.
pub(super) struct Slot<T> {
    site: &'static Location<'static>,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    state: State<T>,
    /// The one that polled last.
    waker: Option<Waker>,
}

enum State<T> {
    Queued(Work<T>),
    Running,
    Finished(Result<T, JoinError>),
    Taken,
}

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// Where a job stands, for its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Running,
    Finished,
}

impl<T> Slot<T> {
    pub(super) fn new(work: Work<T>, site: &'static Location<'static>) -> Self {
        Slot { site, inner: Mutex::new(Inner { state: State::Queued(work), waker: None }) }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.inner.lock().state {
            State::Queued(_) => Stage::Queued,
            State::Running => Stage::Running,
            State::Finished(_) | State::Taken => Stage::Finished,
        }
    }

    /// Takes the result, or remembers whom to wake when there is one.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let mut inner = self.inner.lock();
        if matches!(inner.state, State::Finished(_) | State::Taken) {
            let state = mem::replace(&mut inner.state, State::Taken);
            drop(inner);
            let State::Finished(result) = state else {
                panic!("`BlockingHandle` polled after it gave its result: await it once");
            };
            return Poll::Ready(result);
        }
        if inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let before = inner.waker.replace(cx.waker().clone());
        drop(inner);
        drop(before);
        Poll::Pending
    }

    /// The handle goes away: nobody waits.
    pub(super) fn detach(&self) {
        let waker = self.inner.lock().waker.take();
        drop(waker);
    }

    fn finish(&self, result: Result<T, JoinError>) -> Option<Waker> {
        let mut inner = self.inner.lock();
        inner.state = State::Finished(result);
        inner.waker.take()
    }
}

impl<T: Send> Job for Slot<T> {
    fn run(&self) -> Option<Waker> {
        let work = self.inner.lock().leave_line(State::Running)?;
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        self.finish(result.map_err(|payload| JoinError::panicked(Who::Job, payload)))
    }

    fn reject(&self, error: JoinError) {
        let mut inner = self.inner.lock();
        let Some(work) = inner.leave_line(State::Finished(Err(error))) else {
            return;
        };
        let waker = inner.waker.take();
        drop(inner);
        quietly(|| drop(work));
        wake(waker);
    }

    fn site(&self) -> &'static Location<'static> {
        self.site
    }
}

impl<T> Inner<T> {
    /// Moves on from `Queued`; changes nothing anywhere else.
    fn leave_line(&mut self, next: State<T>) -> Option<Work<T>> {
        match mem::replace(&mut self.state, next) {
            State::Queued(work) => Some(work),
            other => {
                self.state = other;
                None
            }
        }
    }
}

/// Wakes whoever waits.
pub(super) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        quietly(|| waker.wake());
    }
}

/// Runs code of others that has nobody to panic to. The panic hook has reported it already.
pub(super) fn quietly(f: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(f)) {
        mem::forget(payload); // whose destructor could panic again
    }
}
