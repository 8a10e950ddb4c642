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

use std::panic::{self, AssertUnwindSafe, Location};
use std::task::{Poll, Waker};

use crate::common::slot::{Filled, Slot};
use crate::executor::{JoinError, Who, silence};

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
pub(super) struct Task<T> {
    site: &'static Location<'static>,
    /// Its note: the closure, until a thread takes it.
    slot: Slot<Result<T, JoinError>, Option<Work<T>>>,
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
    pub(super) fn new(work: Work<T>, site: &'static Location<'static>) -> Self {
        Task { site, slot: Slot::new(Some(work)) }
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

    /// The handle goes away: nobody waits.
    pub(super) fn detach(&self) {
        let (waker, result) = self.slot.leave();
        silence(|| drop(waker));
        drop(result);
    }

    /// Ends it unrun with this error; changes nothing once it runs.
    pub(super) fn leave_line(&self, error: JoinError) {
        let Some(filled) = self.slot.fill_if(Err(error), Option::is_some) else { return };
        silence(|| drop(filled.note));
        wake(filled.awaiter);
    }
}

impl<T: Send> Job for Task<T> {
    fn run(&self) -> Option<Waker> {
        let work = self.slot.note(Option::take)??;
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        let result = result.map_err(|payload| JoinError::panicked(Who::Job, payload));
        let Filled { awaiter, unwanted, .. } = self.slot.fill(result)?;
        silence(|| drop(unwanted));
        awaiter
    }

    fn reject(&self, error: JoinError) {
        self.leave_line(error);
    }

    fn site(&self) -> &'static Location<'static> {
        self.site
    }
}

/// Wakes whoever waits.
pub(super) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        silence(|| waker.wake());
    }
}
