//! [`RunningJob`]: a blocking job that the pool leaves behind, and the report names.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::Location;

/// A blocking job that still ran when its runtime ended.
#[derive(Clone, Debug)]
pub struct RunningJob {
    pub(crate) thread: String,
    pub(crate) site: &'static Location<'static>,
}

impl RunningJob {
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
}

impl fmt::Display for RunningJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a blocking job spawned at {}, on thread {}", self.site, self.thread)
    }
}
