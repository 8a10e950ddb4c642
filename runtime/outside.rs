//! The runtime's [`Driver`]: what the executor sees when it looks outside.

#![forbid(unsafe_code)]

use std::time::Duration;

use super::parts::Parts;
use crate::executor::{Driver, Pending, Unpark};
use crate::insight::Suspicion;

/// Timers over the reactor, or over a parked thread where there is no reactor.
pub(super) struct Outside {
    parts: Parts,
    deadlock_grace: Duration,
    /// Whether something held the clock before the wait, and so before the inbox was taken in.
    was_held: bool,
    /// From the first wait that looked like a deadlock until a wake comes.
    suspicion: Option<Suspicion>,
}

impl Outside {
    pub(super) fn new(parts: Parts, deadlock_grace: Duration) -> Self {
        Self { parts, deadlock_grace, was_held: false, suspicion: None }
    }

    /// Suspects a deadlock if the wait is without limit, under a virtual clock, and for nothing that is known.
    #[inline]
    fn suspect(&mut self, limit: Option<Duration>) {
        if limit.is_none() && !self.was_held && self.parts.is_at_an_end() {
            self.suspicion.get_or_insert_with(|| Suspicion::new(self.deadlock_grace));
        } else {
            self.suspicion = None;
        }
    }

    /// How long to wait: at most `limit`, at most until the next deadline, and at most for the grace of a deadlock that is
    /// suspected.
    #[inline]
    fn wait_limit(&self, limit: Option<Duration>) -> Option<Duration> {
        if limit == Some(Duration::ZERO) {
            return limit; // without a reading of the clock
        }
        let grace = self.suspicion.as_ref().map(Suspicion::grace);
        limit.into_iter().chain(self.parts.wait_limit()).chain(grace).min()
    }
}

impl Driver for Outside {
    #[inline]
    fn wait(&mut self, limit: Option<Duration>) {
        if let Some(text) = self.parts.deadlock.look(limit.is_none()) {
            panic!("{text}");
        }
        if let Some(text) = self.parts.failures.stops_the_run() {
            panic!("{text}");
        }
        self.was_held = self.parts.is_held();
        self.suspect(limit);
        self.parts.wait(self.wait_limit(limit));
    }

    #[inline]
    fn wake(&mut self, any_ready: bool) {
        let idle = !any_ready && !self.was_held && !self.parts.deadlock.is_found();
        let settling = self.parts.are_settling();
        self.parts.wake(idle && !settling);
        if settling {
            self.parts.settle();
        }
        if let Some(suspicion) = self.suspicion.take().filter(|_| idle) {
            self.suspicion = self.parts.deadlock.confirm(suspicion);
        }
    }

    fn pending(&self) -> Pending {
        self.parts.pending()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.parts.unparker()
    }
}
