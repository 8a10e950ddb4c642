//! The runtime's [`Driver`]: what the executor sees when it looks outside.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::parts::Parts;
use crate::common::spin::Spin;
use crate::executor::{Driver, Hub, NO_WAIT, Pending, Unpark, with_current};
use crate::insight::Suspicion;

/// While the loop spins, it asks the kernel for events at each such glance: a system call is dearer than a glance.
const SOURCES_EACH: u32 = 8;

/// Timers over the reactor, or over a parked thread where there is no reactor.
pub(super) struct Outside {
    parts: Parts,
    deadlock_grace: Duration,
    /// Whether something held the clock before the wait, and so before the inbox was taken in.
    was_held: bool,
    spin: Spin,
    /// From the first wait that looked like a deadlock until a task has a turn.
    suspicion: Option<Suspicion>,
}

impl Outside {
    pub(super) fn new(parts: Parts, deadlock_grace: Duration, spin: Spin) -> Self {
        Self { parts, deadlock_grace, was_held: false, spin, suspicion: None }
    }

    /// Suspects a deadlock if the wait is without limit, and for nothing that is known. Questions of other threads
    /// neither begin nor end a suspicion.
    #[inline]
    fn suspect(&mut self, limit: Option<Duration>) {
        if self.suspicion.as_ref().is_some_and(|it| !it.stands()) {
            self.suspicion = None;
        }
        if limit == NO_WAIT {
            return; // a look, as after each question
        }
        if limit.is_none() && !self.was_held && self.parts.is_at_an_end() {
            let new = || Suspicion::new(self.deadlock_grace, self.parts.failures.may_stop());
            self.suspicion.get_or_insert_with(new);
        } else {
            self.suspicion = None;
        }
    }

    /// Reports deadlocks, if it is asked to. Gives how long the wait may be for that: not at all if a task is ready since then. Under
    /// a virtual clock that of all tasks is no report, but ends the run.
    fn limit_after_reports(&mut self) -> Option<Duration> {
        let deadlocks = self.parts.deadlocks.as_ref()?;
        let next_look = deadlocks.look();
        let suspicion = self.suspicion.as_mut().filter(|_| !self.parts.is_virtual());
        let told = suspicion.and_then(|it| it.is_to_be_told().then(|| it.is_certain()));
        told.into_iter().for_each(|is_certain| deadlocks.all_wait(is_certain));
        if with_current(Hub::has_ready) == Some(true) { NO_WAIT } else { next_look }
    }

    /// How long to wait: at most `limit`, at most until the next deadline, and at most for the grace of a deadlock that is
    /// suspected.
    fn wait_limit(&self, limit: Option<Duration>) -> Option<Duration> {
        let grace = self.suspicion.as_ref().and_then(Suspicion::wait);
        limit.into_iter().chain(self.parts.wait_limit()).chain(grace).min()
    }
}

impl Driver for Outside {
    #[inline]
    fn before_wait(&mut self, limit: Option<Duration>) -> Option<Duration> {
        if let Some(text) = self.parts.deadlock.look() {
            panic!("{text}");
        }
        if let Some(text) = self.parts.failures.stops_the_run() {
            panic!("{text}");
        }
        self.was_held = self.parts.is_held();
        self.suspect(limit);
        self.parts.show_pending();
        if limit == NO_WAIT {
            return NO_WAIT;
        }
        limit.into_iter().chain(self.limit_after_reports()).min()
    }

    #[inline]
    fn wait(&mut self, limit: Option<Duration>) {
        // Without a reading of the clock if it does not park.
        self.parts.wait(if limit == NO_WAIT { NO_WAIT } else { self.wait_limit(limit) });
    }

    #[inline]
    fn wake(&mut self, any_ready: bool) {
        let idle = !any_ready && !self.was_held;
        let settling = self.parts.are_settling();
        self.parts.wake(idle && !settling);
        if settling {
            self.parts.settle();
        }
        if self.parts.is_virtual() && idle {
            let suspicion = self.suspicion.take();
            self.suspicion = suspicion.and_then(|it| self.parts.deadlock.confirm(it));
        }
    }

    /// Spins, if it is set to, until a thread calls, a timer is due or a source has an event.
    #[inline]
    fn linger(&mut self, called: &dyn Fn() -> bool) -> bool {
        if !self.spin.is_on() || self.parts.is_virtual() {
            return false;
        }
        if self.parts.failures.are_to_stop() {
            return true; // the next `wait` panics
        }
        let due = self.parts.wait_limit().and_then(|left| Instant::now().checked_add(left));
        let mut asked = 0_u32;
        with_current(|hub| hub.pulse().set_lingers(true));
        let has_arrived = self.spin.wait_until(|| {
            asked = asked.wrapping_add(1);
            let asks_sources = asked % SOURCES_EACH == 0;
            called()
                || due.is_some_and(|due| Instant::now() >= due)
                || asks_sources && self.parts.has_events()
        });
        with_current(|hub| hub.pulse().set_lingers(false));
        has_arrived
    }

    fn pending(&self) -> Pending {
        self.parts.pending()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.parts.unparker()
    }
}
