//! [`Limits`]: what can be set of a pool.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::time::Duration;

/// How far a pool grows, how soon it shrinks, and what its threads are like.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// At least 1. By default 64: as many as a disk or a resolver makes use of, and a number of
    /// stacks that a small tool can afford. (tokio allows 512, and a burst starts them all.)
    pub(crate) max_threads: usize,
    /// How many places the pool has beyond `max_threads`, whatever runs: jobs that wait for a limiter take places too. `None`:
    /// as many as come.
    pub(crate) max_queued: Option<usize>,
    /// How long a thread waits for another job before it ends. By default 10 seconds: a server's next request comes
    /// sooner, and a tool that has no more blocking work for now gives its threads back.
    pub(crate) keep_alive: Duration,
    /// How long a thread spins before it falls asleep; zero, as by default: it does not.
    pub(crate) adaptive_wait: Duration,
    /// How long it lingers, if it does not spin: it yields its core, and looks again.
    pub(crate) linger: Duration,
    /// What a thread's name begins with. (Linux shows the first 15 bytes of a name.)
    pub(crate) thread_name: Cow<'static, str>,
    /// In bytes; `None`: as std has it.
    pub(crate) stack_size: Option<usize>,
}

/// About what it costs to call a thread that sleeps on a core that sleeps too. With 50 us a round trip was no quicker.
/// Not in a model: one that is about such a wait has an adaptive one.
const LINGER: Duration = Duration::from_micros(if cfg!(all(loom, test)) { 0 } else { 20 });

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_threads: 64,
            max_queued: None,
            keep_alive: Duration::from_secs(10),
            adaptive_wait: Duration::ZERO,
            linger: LINGER,
            thread_name: Cow::Borrowed("taketurns-blocking"),
            stack_size: None,
        }
    }
}

impl Limits {
    pub(super) fn thread_name(&self, seat: usize) -> String {
        format!("{}-{seat}", self.thread_name)
    }
}
