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
        self.0.failures.stop_the_run();
        let limit = match limit {
            Some(Duration::ZERO) => limit,
            limit => limit.into_iter().chain(self.0.until_next()).min(),
        };
        self.0.wait(limit);
        let ready = inbox();
        self.0.wake(!ready);
    }

    fn pending(&self) -> Pending {
        self.0.pending()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.0.unparker()
    }
}
