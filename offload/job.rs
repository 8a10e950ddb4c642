//! [`SharedJob`]: what a job and its handle share.
//!
//! ```text
//!                run              returns, panics             poll
//!   Queued(work) ----> Running -------------------> Finished -----> (taken)
//!        |              |   ^                           ^
//!        |              +---+ abort, end: is asked      |
//!        +------------ abort, refuse, end --------------+
//! ```
//!
//! The line holds one reference, as a [`Job`] whose output type is forgotten, and the
//! [`BlockingHandle`](super::BlockingHandle) the other. The [`Slot`] makes each step under its lock. User code (the
//! closure, its destructor, the output's destructor, the wakers) runs after the lock is released, since it may come back
//! to this very slot.

#![forbid(unsafe_code)]

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::common::slot::{Filled, Slot};
use crate::executor::{JoinError, Subject, contain};

/// Called with a panic that no handle receives, on the thread where it happens.
pub(crate) type TellPanic = Arc<dyn Fn(JoinError) + Send + Sync>;

/// Calls the function that it is given, and, if that returns true, counts the thread as free, in one step: an awaiter that polls
/// by itself does not find the output of a thread that still counts as busy.
pub(super) type Finish<'a> = dyn Fn(&mut dyn FnMut() -> bool) + 'a;

/// A job as the pool sees it.
pub(super) trait Job: Send + Sync {
    /// Runs the closure, unless the job has ended already. Then calls `finish` with what stores the output, and says whether
    /// the thread is free with it; it is not while an output that no handle wants is still to be dropped. Gives the
    /// awaiter's waker, to be woken when the thread is free again.
    fn run(&self, finish: &Finish<'_>) -> Option<Waker>;

    /// Wakes what [`run`](Self::run) gave. A panic of the waker is told.
    fn wake(&self, awaiter: Option<Waker>);

    /// Ends a job that never came into the line with this error. Gives the closure, to be dropped.
    fn refuse(&self, error: JoinError) -> Option<Box<dyn Any>>;

    /// Ends a job in line because the pool does, and drops its closure. A job that runs is asked to end.
    fn shut_down(&self);

    /// By what the job is asked to end, while it runs.
    fn asked(&self) -> Option<&'static str>;

    /// Where the job was spawned.
    fn site(&self) -> &'static Location<'static>;
}

/// One job: its closure, then its result.
pub(super) struct SharedJob<T> {
    site: &'static Location<'static>,
    slot: Slot<Result<T, JoinError>, Stage<T>>,
    tell_panic: TellPanic,
}

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// A job that has not ended.
enum Stage<T> {
    Queued(Work<T>),
    Running { asked: Option<&'static str> },
}

impl<T> Stage<T> {
    fn begin(&mut self) -> Option<Work<T>> {
        match mem::replace(self, Stage::Running { asked: None }) {
            Stage::Queued(work) => Some(work),
            Stage::Running { .. } => None,
        }
    }
}

/// Where a job stands, for its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Queued,
    Running,
    Finished,
}

impl<T> SharedJob<T> {
    pub(super) fn new(
        work: Work<T>,
        site: &'static Location<'static>,
        tell_panic: TellPanic,
    ) -> Self {
        SharedJob { site, slot: Slot::new(Stage::Queued(work)), tell_panic }
    }

    pub(super) fn progress(&self) -> Progress {
        let progress = self.slot.note(|stage| match stage {
            Stage::Queued(_) => Progress::Queued,
            Stage::Running { .. } => Progress::Running,
        });
        progress.unwrap_or(Progress::Finished)
    }

    /// Takes the result, or keeps the waker until there is one.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<Result<T, JoinError>> {
        self.slot.poll(waker).map(|result| match result {
            Some(result) => result,
            None => panic!("`BlockingHandle` polled after it gave its result: await it once"),
        })
    }

    /// The handle is dropped. Its waker is dropped with it, and a panic that it did not give to an awaiter is told.
    pub(super) fn detach(&self) {
        let (waker, result) = self.slot.leave();
        contain(|| drop(waker));
        match result {
            Some(Err(error)) if error.is_panic() => (self.tell_panic)(error),
            value => drop(value),
        }
    }

    /// Whether the handle has taken the result.
    #[cfg(feature = "time")]
    pub(super) fn is_taken(&self) -> bool {
        self.slot.is_taken()
    }

    /// Takes the job out of the line and drops its closure, or asks it to end if it runs.
    pub(super) fn abort(&self) {
        self.end_or_ask(JoinError::cancelled, "its handle was aborted");
    }

    /// The closure is dropped before the wake: an awaiter that sees the error finds what the closure owned gone.
    fn end_or_ask(&self, why: fn(Subject) -> JoinError, asked_by: &'static str) {
        let Some(filled) = self.end_unrun(why(Subject::Job(self.site))) else {
            self.slot.note(|stage| {
                if let Stage::Running { asked } = stage {
                    asked.get_or_insert(asked_by);
                }
            });
            return;
        };
        self.contain(Subject::Job(self.site), || drop(filled.note));
        self.wake_contained(filled.awaiter);
    }

    fn end_unrun(&self, error: JoinError) -> Option<Filled<Result<T, JoinError>, Stage<T>>> {
        self.slot.fill_if(Err(error), |stage| matches!(stage, Stage::Queued(_)))
    }

    fn wake_contained(&self, awaiter: Option<Waker>) {
        if let Some(awaiter) = awaiter {
            self.contain(Subject::NoTask, || awaiter.wake());
        }
    }

    /// Runs user code, whose panic is told.
    fn contain(&self, subject: Subject, user_code: impl FnOnce()) {
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(user_code)) {
            (self.tell_panic)(JoinError::panicked(subject, payload));
        }
    }
}

impl<T: Send + 'static> Job for SharedJob<T> {
    fn run(&self, finish: &Finish<'_>) -> Option<Waker> {
        let Some(work) = self.slot.note(Stage::begin).flatten() else {
            finish(&mut || true);
            return None;
        };
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        let panicked = |payload| JoinError::panicked(Subject::Job(self.site), payload);
        let mut result = Some(result.map_err(panicked));
        let mut filled = None;
        finish(&mut || {
            filled = self.slot.fill(result.take().expect("it is stored once"));
            filled.as_ref().is_none_or(|filled| filled.unwanted.is_none())
        });
        let Filled { awaiter, unwanted, .. } = filled?;
        let Some(unwanted) = unwanted else { return awaiter };
        match unwanted {
            Err(error) => (self.tell_panic)(error),
            value => self.contain(Subject::Job(self.site), || drop(value)),
        }
        finish(&mut || true);
        awaiter
    }

    fn wake(&self, awaiter: Option<Waker>) {
        self.wake_contained(awaiter);
    }

    fn refuse(&self, error: JoinError) -> Option<Box<dyn Any>> {
        let filled = self.end_unrun(error)?;
        self.wake_contained(filled.awaiter);
        Some(Box::new(filled.note))
    }

    fn shut_down(&self) {
        self.end_or_ask(JoinError::shutdown, "its runtime ends");
    }

    fn asked(&self) -> Option<&'static str> {
        let asked = |stage: &mut Stage<T>| match stage {
            Stage::Queued(_) => None,
            Stage::Running { asked } => *asked,
        };
        self.slot.note(asked).flatten()
    }

    fn site(&self) -> &'static Location<'static> {
        self.site
    }
}
