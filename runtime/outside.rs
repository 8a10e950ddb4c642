//! The runtime's [`Driver`]: what the executor sees when it looks outside.

#![forbid(unsafe_code)]

use std::time::Duration;

use super::parts::Parts;
use crate::executor::{Driver, Pending, Unpark};

/// Timers over the reactor; over a parked thread where there is no reactor.
pub(super) struct Outside(pub(super) Parts);

impl Driver for Outside {
    #[inline]
    fn turn(&mut self, limit: Option<Duration>, inbox: &mut dyn FnMut() -> bool) {
        let may_wait = limit.is_none();
        self.0.wait(limit.or_else(|| self.0.until_next()));
        let ready = inbox();
        self.0.wake(may_wait && !ready);
    }

    fn pending(&self) -> Pending {
        self.0.pending()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.0.unparker()
    }
}
