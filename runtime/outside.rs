//! The runtime's [`Driver`]: what the executor sees when it looks outside.

#![forbid(unsafe_code)]

use std::time::Duration;

use super::deadlock::Suspicion;
use super::order::Schedule;
use super::parts::Parts;
use crate::common::tokens;
use crate::executor::{Driver, Pending, Unpark};

/// Timers over the reactor; over a parked thread where there is no reactor.
pub(super) struct Outside {
    pub(super) parts: Parts,
    /// `None`: first come, first served.
    pub(super) schedule: Option<Box<dyn Schedule>>,
    pub(super) deadlock_grace: Duration,
    /// From when it first looked like a deadlock until something came.
    pub(super) suspicion: Option<Suspicion>,
}

impl Driver for Outside {
    #[inline]
    fn look(&mut self, limit: Option<Duration>, inbox: &mut dyn FnMut() -> bool) {
        if let Some(text) = self.parts.failures.stops_the_run() {
            panic!("{text}");
        }
        let wait = |is_held: bool| {
            // A wait without end under a virtual clock, for nothing that is known.
            if limit.is_none() && !is_held && self.parts.is_at_an_end() {
                self.suspicion.get_or_insert_with(|| Suspicion::new(self.deadlock_grace));
            } else {
                self.suspicion = None;
            }
            let grace = self.suspicion.as_ref().map(Suspicion::grace);
            self.parts.wait(match limit {
                Some(Duration::ZERO) => limit,
                limit => limit.into_iter().chain(self.parts.wait_limit()).chain(grace).min(),
            });
        };
        let idle = tokens::idle(|| self.parts.is_held(), wait, inbox);
        self.parts.wake(idle);
        // Taken out, so that one that is confirmed ends with its run.
        if let Some(suspicion) = self.suspicion.take().filter(|_| idle) {
            suspicion.confirm(&self.parts);
            self.suspicion = Some(suspicion);
        }
        if let Some(schedule) = &mut self.schedule {
            schedule.apply();
        }
    }

    fn pending(&self) -> Pending {
        self.parts.pending()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.parts.unparker()
    }
}
