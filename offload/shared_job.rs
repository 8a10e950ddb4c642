//! [`SharedJob`]: what a job and its handle share.
//!
//! ```text
//!                run              returns, panics             poll
//!   Queued(work) ----> Running -------------------> Finished -----> (taken)
//!        |              |   ^                           ^
//!        |              +---+ abort, end: is asked      |
//!        +--> Ending -----------------------------------+
//!   abort, refuse, end    the closure is dropped
//! ```
//!
//! A job that ends without having run could have its result at once. But an awaiter may poll by itself, and would find what
//! the closure owns still there: a file, or a lock. So the closure is dropped in a stage of its own, and the result comes
//! after it.
//!
//! The line holds one reference, as a [`Job`] whose output type is forgotten, and the
//! [`BlockingHandle`](super::BlockingHandle) the other. The [`Slot`] makes each step under its lock. User code (the
//! closure, its destructor, the output's destructor, the wakers) runs after the lock is released, since it may come back
//! to this very slot.

#![forbid(unsafe_code)]

use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::job::{Ended, Finish, Job};
use super::limiter::Limiter;
use super::shared::Shared;
use crate::common::awaited::Awaited;
use crate::common::discard::discard;
use crate::common::slot::{Filled, Slot};
use crate::common::tokens::Token;
use crate::executor::{JoinError, Subject, contain};

/// One job: its closure, then its result.
pub(super) struct SharedJob<T> {
    site: &'static Location<'static>,
    slot: Slot<Result<T, JoinError>, Stage<T>>,
    pool: Arc<Shared>,
    limiter: Option<Limiter>,
}

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// A job that has not ended.
enum Stage<T> {
    Queued(Queued<T>),
    Running {
        asked: Option<&'static str>,
    },
    /// It never runs; its closure is being dropped.
    Ending,
}

struct Queued<T> {
    work: Work<T>,
    /// Holds a virtual clock. Given back last, after the wake.
    hold: Token,
    /// Whether it has a permit of its limiter.
    is_granted: bool,
}

impl<T> Stage<T> {
    /// From queued to `next`.
    fn leave_line(&mut self, next: Self) -> Option<Queued<T>> {
        match mem::replace(self, next) {
            Stage::Queued(queued) => Some(queued),
            before => {
                *self = before;
                None
            }
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
        hold: Token,
        pool: Arc<Shared>,
        limiter: Option<Limiter>,
    ) -> Self {
        let queued = Queued { work, hold, is_granted: false };
        SharedJob { site, slot: Slot::new(Stage::Queued(queued)), pool, limiter }
    }

    pub(super) fn progress(&self) -> Progress {
        let progress = self.slot.note(|stage| match stage {
            Stage::Queued(_) | Stage::Ending => Progress::Queued,
            Stage::Running { .. } => Progress::Running,
        });
        progress.unwrap_or(Progress::Finished)
    }

    /// Takes the result, or keeps the waker until there is one.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<Result<T, JoinError>> {
        let polled = self.slot.poll(waker);
        match polled {
            Poll::Pending => {
                self.slot.note_wait(|| Awaited::new("the blocking job spawned", self.site));
            }
            Poll::Ready(_) => self.slot.end_wait(),
        }
        polled.map(|result| match result {
            Some(result) => result,
            None => panic!("`BlockingHandle` polled after it gave its result: await it once"),
        })
    }

    /// The handle is dropped. Its waker is dropped with it, and a panic that it did not give to an awaiter is told.
    pub(super) fn detach(&self) {
        let (waker, result) = self.slot.leave();
        contain(|| drop(waker));
        match result {
            Some(Err(error)) if error.is_panic() => self.pool.tell_panic(error),
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

    /// Ends the job if it is queued, asks it to end if it runs. The closure is dropped before there is a result: an awaiter that
    /// sees the error finds what the closure owned gone.
    fn end_or_ask(&self, why: fn(Subject) -> JoinError, asked_by: &'static str) {
        let taken = self.slot.note(|stage| {
            if let Stage::Running { asked } = stage {
                asked.get_or_insert(asked_by);
            }
            stage.leave_line(Stage::Ending)
        });
        let Some(Queued { work, hold, is_granted }) = taken.flatten() else { return };
        self.pool.contain(Subject::Job(self.site), || drop(work));
        match &self.limiter {
            Some(limiter) if !is_granted => {
                limiter.abandon_one();
                self.pool.leave();
            }
            _ => {
                self.pool.abandon_one();
                self.release();
            }
        }
        self.end_unrun(why(Subject::Job(self.site)), hold);
    }

    /// The last step of a job that is `Ending`.
    fn end_unrun(&self, error: JoinError, hold: Token) {
        let filled = self.slot.fill(Err(error)).expect("a job that is ending ends here");
        self.pool.wake(filled.awaiter);
        drop(hold);
    }

    /// Gives the permit back, which the job has if it has a limiter.
    fn release(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.release();
        }
    }
}

impl<T: Send + 'static> Job for SharedJob<T> {
    fn run(&self, finish: &mut Finish<'_>) {
        let begun = self.slot.note(|stage| stage.leave_line(Stage::Running { asked: None }));
        let Some(Queued { work, hold, .. }) = begun.flatten() else {
            finish(&mut || Ended::Before);
            return;
        };
        let observed = self.pool.observer.get().map(|told| (told, told.begins(self.site)));
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        if let Some((told, number)) = observed {
            told.ends(number);
        }
        let panicked = |payload| JoinError::panicked(Subject::Job(self.site), payload);
        let mut result = Some(result.map_err(panicked));
        let mut filled = None;
        finish(&mut || {
            filled = self.slot.fill(result.take().expect("it is stored once"));
            match filled.as_ref().is_some_and(|filled| filled.unwanted.is_some()) {
                true => Ended::NotYet,
                false => Ended::Now,
            }
        });
        let Filled { awaiter, unwanted } = filled.expect("a job that runs ends here");
        if let Some(unwanted) = unwanted {
            match unwanted {
                Err(error) => self.pool.tell_panic(error),
                value => self.pool.contain(Subject::Job(self.site), || drop(value)),
            }
            finish(&mut || Ended::Now);
        }
        self.release();
        self.pool.wake(awaiter);
        drop(hold);
    }

    fn grant(&self) -> bool {
        let granted = self.slot.note(|stage| match stage {
            Stage::Queued(queued) => {
                queued.is_granted = true;
                true
            }
            Stage::Ending => false,
            Stage::Running { .. } => unreachable!("it waits for its permit"),
        });
        granted == Some(true)
    }

    fn refuse(&self, error: JoinError) -> bool {
        let taken = self.slot.note(|stage| stage.leave_line(Stage::Ending));
        let Some(Queued { work, hold, is_granted }) = taken.flatten() else { return false };
        discard(work);
        if is_granted {
            self.release();
        }
        self.end_unrun(error, hold);
        true
    }

    fn shut_down(&self) {
        self.end_or_ask(JoinError::shutdown, "its runtime ends");
    }

    fn asked(&self) -> Option<&'static str> {
        let asked = |stage: &mut Stage<T>| match stage {
            Stage::Queued(_) | Stage::Ending => None,
            Stage::Running { asked } => *asked,
        };
        self.slot.note(asked).flatten()
    }

    fn has_ended(&self) -> bool {
        self.slot.note(|stage| matches!(stage, Stage::Ending)).unwrap_or(true)
    }

    fn site(&self) -> &'static Location<'static> {
        self.site
    }
}
