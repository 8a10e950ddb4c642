//! [`RunningJob`]: a blocking job that the pool leaves behind, and the report names.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

/// A blocking job that still ran when its runtime ended.
#[derive(Clone, Debug)]
pub struct RunningJob {
    thread: String,
    site: &'static Location<'static>,
    since: Instant,
    /// How long it had run when the report was made.
    ran_for: Duration,
}

impl RunningJob {
    #[cfg(feature = "offload")]
    pub(crate) fn new(thread: String, site: &'static Location<'static>, since: Instant) -> Self {
        RunningJob { thread, site, since, ran_for: since.elapsed() }
    }

    /// The name of its thread.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// Where `spawn_blocking` was called.
    #[must_use]
    pub fn site(&self) -> &'static Location<'static> {
        self.site
    }

    /// When it began to run.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }
}

impl fmt::Display for RunningJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, ran_for, .. } = self;
        let thread = self.thread.escape_debug();
        write!(f, "a blocking job spawned at {site}, on thread {thread}, running for {ran_for:.1?}")
    }
}
