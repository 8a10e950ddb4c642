//! [`Worker`]: what one thread of the pool does.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::cancel::Runs;
use super::crew::{Shared, Ticket};
use crate::common::job_context;

/// Takes jobs from the line, until it is empty for a while or has ended.
pub(super) struct Worker {
    seat: usize,
    keep_alive: Duration,
    shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn new(seat: usize, keep_alive: Duration, shared: Arc<Shared>) -> Self {
        Worker { seat, keep_alive, shared }
    }

    pub(super) fn work(&self) {
        let _context = self.shared.context.get().cloned().map(job_context::enter);
        loop {
            match self.shared.line.recv_timeout(self.keep_alive) {
                Ok(ticket) => self.run(ticket),
                Err(reason) if self.leaves(reason) => return,
                Err(_) => thread::yield_now(), // a job is on its way into the line
            }
        }
    }

    /// Runs one job. The order of the steps matters:
    ///
    /// * The output is stored in the step in which the thread begins to count as free. So a shutdown that waited for the thread
    ///   finds the output; and an awaiter that has the output, woken or by a poll of its own, finds the thread free: if it
    ///   spawns another job, this thread takes it, and no other has to start.
    /// * The hold on a virtual clock is given back after the wake: the clock does not jump over the wake.
    fn run(&self, Ticket { job, hold }: Ticket) {
        let may_run = self.shared.crew.lock().begin_job(self.seat, &job);
        let finish = |store: &mut dyn FnMut() -> bool| {
            let mut crew = self.shared.crew.lock();
            if store() {
                crew.end_job(self.seat);
            }
        };
        let awaiter = if may_run {
            let _runs = Runs::new(Arc::clone(&job));
            job.run(&finish)
        } else {
            job.shut_down();
            finish(&mut || true);
            None
        };
        job.wake(awaiter);
        drop(job);
        drop(hold);
    }

    /// No job came. `true`: the thread ends, and no longer counts.
    pub(super) fn leaves(&self, reason: RecvTimeoutError) -> bool {
        let mut crew = self.shared.crew.lock();
        if reason == RecvTimeoutError::Timeout && !crew.has_spare() {
            return false;
        }
        crew.vacate(self.seat);
        self.shared.ended.notify_all();
        true
    }
}
