//! [`Task`]: the place a job and its handle share.
//!
//! ```text
//!                run              returns, panics             poll
//!   Queued(work) ----> Running -------------------> Finished -----> Taken
//!        |                                              ^
//!        +------------------- reject -------------------+
//! ```
//!
//! The line holds one reference, as a [`Job`] whose output type is forgotten, and the
//! [`BlockingHandle`](super::BlockingHandle) the other. The [`Slot`] makes each step under its lock; the
//! closure, its destructor, an output's and the wakers run after that is released, since they may come back
//! to this very slot.

#![forbid(unsafe_code)]

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::common::slot::{Filled, Slot};
use crate::executor::{JoinError, Who, contain};

/// Is told of panics that no handle receives, on the thread where they happen.
pub(crate) type Report = Arc<dyn Fn(JoinError) + Send + Sync>;

/// A job as the pool sees it.
pub(super) trait Job: Send + Sync {
    /// Runs it, unless it was rejected; returns the waker for when the thread is free again.
    fn run(&self) -> Option<Waker>;

    /// Wakes what [`run`](Self::run) returned.
    fn wake(&self, awaiter: Option<Waker>);

    /// Ends it unrun with this error, unless it was rejected; returns the closure, to be dropped. Changes nothing
    /// once it runs.
    fn reject(&self, error: JoinError) -> Option<Box<dyn Any>>;

    /// The pool ends: as [`reject`](Self::reject), and drops the closure.
    fn shut(&self);

    /// Where it was spawned.
    fn site(&self) -> &'static Location<'static>;
}

/// One job: what it will do, then what came of it.
pub(super) struct Task<T> {
    site: &'static Location<'static>,
    /// Its note: the closure, until a thread takes it.
    slot: Slot<Result<T, JoinError>, Option<Work<T>>>,
    report: Report,
}

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// Where a job stands, for its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Running,
    Finished,
}

impl<T> Task<T> {
    pub(super) fn new(work: Work<T>, site: &'static Location<'static>, report: Report) -> Self {
        Task { site, slot: Slot::new(Some(work)), report }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.slot.note(|work| work.is_some()) {
            Some(true) => Stage::Queued,
            Some(false) => Stage::Running,
            None => Stage::Finished,
        }
    }

    /// Takes the result, or remembers whom to wake when there is one.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<Result<T, JoinError>> {
        self.slot.poll(waker).map(|result| match result {
            Some(result) => result,
            None => panic!("`BlockingHandle` polled after it gave its result: await it once"),
        })
    }

    /// The handle goes away: it gives its waker back, and a panic that it did not give to an awaiter is reported.
    pub(super) fn detach(&self) {
        let (waker, result) = self.slot.leave();
        contain(|| drop(waker));
        match result {
            Some(Err(error)) if error.is_panic() => (self.report)(error),
            value => drop(value),
        }
    }

    /// Whether the handle has taken the result.
    #[cfg(feature = "time")]
    pub(super) fn is_taken(&self) -> bool {
        self.slot.is_taken()
    }

    /// Takes it out of the line and drops its closure; changes nothing once it runs.
    pub(super) fn abort(&self) {
        self.end_unrun(JoinError::cancelled);
    }

    /// The closure is dropped first, so that an awaiter that sees the error knows what it owned to be gone.
    fn end_unrun(&self, why: fn(Who) -> JoinError) {
        let error = why(Who::Job(self.site));
        let Some(filled) = self.slot.fill_if(Err(error), Option::is_some) else { return };
        self.contain(Who::Job(self.site), || drop(filled.note));
        self.wake_contained(filled.awaiter);
    }

    fn wake_contained(&self, awaiter: Option<Waker>) {
        if let Some(awaiter) = awaiter {
            self.contain(Who::Waker, || awaiter.wake());
        }
    }

    /// Runs user code, whose panic the runtime is told of.
    fn contain(&self, who: Who, user_code: impl FnOnce()) {
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(user_code)) {
            (self.report)(JoinError::panicked(who, payload));
        }
    }
}

impl<T: Send + 'static> Job for Task<T> {
    fn run(&self) -> Option<Waker> {
        let work = self.slot.note(Option::take)??;
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        let result = result.map_err(|payload| JoinError::panicked(Who::Job(self.site), payload));
        let Filled { awaiter, unwanted, .. } = self.slot.fill(result)?;
        match unwanted {
            Some(Err(error)) => (self.report)(error),
            value => self.contain(Who::Job(self.site), || drop(value)),
        }
        awaiter
    }

    fn wake(&self, awaiter: Option<Waker>) {
        self.wake_contained(awaiter);
    }

    fn reject(&self, error: JoinError) -> Option<Box<dyn Any>> {
        let filled = self.slot.fill_if(Err(error), Option::is_some)?;
        self.wake_contained(filled.awaiter);
        filled.note.map(|work| Box::new(work) as Box<dyn Any>)
    }

    fn shut(&self) {
        self.end_unrun(JoinError::shutdown);
    }

    fn site(&self) -> &'static Location<'static> {
        self.site
    }
}
