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
}

impl Driver for Outside {
    #[inline]
    fn turn(&mut self, limit: Option<Duration>, inbox: &mut dyn FnMut() -> bool) {
        self.parts.failures.stop_the_run();
        let mut suspicion = None;
        let wait = |is_held: bool| {
            // A wait without end under a virtual clock, for nothing that is known.
            if limit.is_none() && !is_held && self.parts.is_at_an_end() {
                suspicion = Some(Suspicion::new(self.deadlock_grace));
            }
            let grace = suspicion.as_ref().map(Suspicion::grace);
            self.parts.wait(match limit {
                Some(Duration::ZERO) => limit,
                limit => limit.into_iter().chain(self.parts.until_next()).chain(grace).min(),
            });
        };
        let idle = tokens::idle(|| self.parts.is_held(), wait, inbox);
        self.parts.wake(idle);
        if let Some(suspicion) = suspicion.filter(|_| idle) {
            suspicion.confirm(&self.parts);
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
