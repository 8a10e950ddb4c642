//! [`Crew`]: how many threads a pool has, and how many it needs.
//!
//! A pool could start a thread for each job that finds none free. But between "none is free" and the start, a thread may
//! become free; and a thread that gives up waiting may leave just as a job comes. So one rule decides both, under one
//! lock, where *in flight* is a job in line (an aborted one too, until a thread meets it) or running:
//!
//! * **Enough**: `threads >= min(in_flight, max_threads)` whenever the lock is free.
//!
//! A submit adds a job and, if that breaks the rule, a thread. A thread with nothing to do leaves only if the rule holds
//! without it. So no job is lost between a thread that leaves and a submit: the second of them to take the lock sees what
//! the first did. Nor does a thread start while a free one is about to take the job, since a thread is free exactly when
//! it has no job in flight. (When the system refuses a thread, the job waits for the threads that exist.)
//!
//! The jobs travel by a channel. The lock guards the numbers only, and no user code runs under it.

#![forbid(unsafe_code)]

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::Receiver;
use parking_lot::{Condvar, Mutex};

use super::job::Job;
use crate::common::job_context::JobContext;
use crate::common::running_job::RunningJob;
use crate::common::tokens::Token;

/// A job in line, or running.
pub(super) struct Ticket {
    pub(super) job: Arc<dyn Job>,
    /// Holds a virtual clock. Given back last, after the wake.
    pub(super) hold: Token,
}

/// What the pool and its threads share.
pub(super) struct Shared {
    /// The far end of the line.
    pub(super) line: Receiver<Ticket>,
    pub(super) crew: Mutex<Crew>,
    /// A thread has ended.
    pub(super) ended: Condvar,
    /// What jobs find by [`job_context`](crate::common::job_context).
    pub(super) context: OnceLock<JobContext>,
}

/// The numbers of the rule, and what each thread does.
#[derive(Default)]
pub(super) struct Crew {
    pub(super) in_flight: usize,
    pub(super) threads: usize,
    /// Indexed by the number in the thread's name.
    seats: Vec<Seat>,
    pub(super) is_closed: bool,
}

enum Seat {
    Vacant,
    Idle,
    Running { job: Arc<dyn Job>, since: Instant },
}

impl Crew {
    /// A job comes. Gives the seat of the thread to start for it, if it needs one.
    pub(super) fn admit(&mut self, max_threads: usize) -> Option<usize> {
        self.in_flight += 1;
        if self.in_flight <= self.threads || self.threads == max_threads {
            return None;
        }
        self.threads += 1;
        let vacant = self.seats.iter().position(|seat| matches!(seat, Seat::Vacant));
        let seat = vacant.unwrap_or_else(|| {
            self.seats.push(Seat::Vacant);
            self.seats.len() - 1
        });
        self.seats[seat] = Seat::Idle;
        Some(seat)
    }

    /// A thread has taken a job. `false`: the pool is closed, and the job must not run.
    #[must_use]
    pub(super) fn begin_job(&mut self, seat: usize, job: &Arc<dyn Job>) -> bool {
        if !self.is_closed {
            let job = Arc::clone(job); // the thread has another, so dropping this drops no job
            self.seats[seat] = Seat::Running { job, since: Instant::now() };
        }
        !self.is_closed
    }

    /// The thread is free again.
    pub(super) fn end_job(&mut self, seat: usize) {
        self.seats[seat] = Seat::Idle;
        self.in_flight -= 1;
    }

    /// Whether the rule would hold with one thread less.
    pub(super) fn has_spare(&self) -> bool {
        self.in_flight < self.threads
    }

    /// The thread ends, or did not start.
    pub(super) fn vacate(&mut self, seat: usize) {
        self.seats[seat] = Seat::Vacant;
        self.threads -= 1;
    }

    /// The jobs that run now.
    pub(super) fn running(&self, thread_name: impl Fn(usize) -> String) -> Vec<RunningJob> {
        let busy = self.seats.iter().enumerate().filter_map(|(seat, state)| match state {
            Seat::Running { job, since } => {
                Some(RunningJob::new(thread_name(seat), job.site(), *since))
            }
            Seat::Vacant | Seat::Idle => None,
        });
        busy.collect()
    }

    /// The jobs that run now, to be asked to end.
    pub(super) fn running_jobs(&self) -> Vec<Arc<dyn Job>> {
        let busy = self.seats.iter().filter_map(|seat| match seat {
            Seat::Running { job, .. } => Some(Arc::clone(job)),
            Seat::Vacant | Seat::Idle => None,
        });
        busy.collect()
    }
}
