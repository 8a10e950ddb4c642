//! [`Worker`]: what one thread of the pool does.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::pool::{Shared, Ticket};

/// Takes jobs until there are none for a while, or no more to come.
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
        loop {
            match self.shared.line.recv_timeout(self.keep_alive) {
                Ok(ticket) => self.run(ticket),
                Err(reason) if self.leaves(reason) => return,
                Err(_) => thread::yield_now(), // a job is on its way into the line
            }
        }
    }

    /// The order matters: the output is stored before the thread counts as free, so that a
    /// shutdown that waited finds every result; and the thread is free before the waiter wakes, so
    /// that its next job comes to this thread and starts no other; and the hold on the clock comes back after
    /// the wake, so that the clock does not jump over it.
    fn run(&self, Ticket { job, hold }: Ticket) {
        let open = self.shared.state.lock().begin(self.seat, job.site());
        let awaiter = if open {
            job.run()
        } else {
            job.shut();
            None
        };
        self.shared.state.lock().finish(self.seat);
        job.wake(awaiter);
        drop(job);
        drop(hold);
    }

    /// True: the thread ends, and no longer counts.
    pub(super) fn leaves(&self, reason: RecvTimeoutError) -> bool {
        let mut state = self.shared.state.lock();
        if reason == RecvTimeoutError::Timeout && !state.is_spare() {
            return false;
        }
        state.vacate(self.seat);
        self.shared.ended.notify_all();
        true
    }
}
