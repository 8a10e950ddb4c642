//! [`Source`]: what the server asks of a loop. The runtime answers.
//!
//! The server runs on threads of its own and outlives a loop that is stuck. So each answer comes from what other threads may
//! read at any time, or, where the loop itself is asked, within a short limit.

#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::executor::{HubHandle, Sample};
use crate::insight::stall::{Stall, StallCounts};
use crate::insight::{Dump, Logged, Metrics, Trace};

/// A loop, as other threads see it. No call waits for it longer than a short limit.
pub(crate) trait Source: Send + Sync {
    /// The same for all sources of a loop, and for no other loop while one of them is kept.
    fn identity(&self) -> usize;

    /// Its executor.
    fn hub(&self) -> &HubHandle;

    /// Its numbers.
    fn metrics(&self) -> Metrics;

    /// What its watchdog has seen. `now`: what the loop does.
    fn stalls(&self, now: &Sample) -> Stalls;

    /// The last deadlocks that were reported, the newest first. `None`: they are not looked for.
    fn deadlocks(&self) -> Option<Vec<Logged>>;

    /// How many waits of its tasks, and of the future of `block_on`, are noted.
    fn waits(&self) -> u64;

    /// Its tasks.
    fn dump(&self) -> Dump;

    /// Its timeline, if it keeps one.
    fn trace(&self) -> Option<Trace>;
}

/// What the watchdog of a loop has seen.
pub(crate) struct Stalls {
    /// From when on it tells.
    pub(crate) threshold: Duration,
    pub(crate) counts: StallCounts,
    /// The stall that goes on.
    pub(crate) goes_on: Option<Stall>,
    /// The last that are over, the newest first.
    pub(crate) over: Vec<Logged>,
}

/// What a server asks.
#[derive(Clone)]
pub struct Asked(pub(crate) Arc<dyn Source>);

/// What [`serve`](super::serve()) takes: a [`Handle`](crate::Handle).
pub trait Served {
    /// What the server asks.
    ///
    /// # Errors
    ///
    /// For the handle of a bare executor, which keeps nothing for other threads, and of a runtime that has ended; and when the system gives no thread for a watchdog.
    #[doc(hidden)]
    fn asked(&self) -> io::Result<Asked>;
}
