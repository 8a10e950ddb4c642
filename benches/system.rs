//! What a workload needs of a system: [`System`] runs it, [`Spawn`] is what it gets to work with, and
//! [`Sleeps`] where the system has timers.
//!
//! Futures that are spawned are `Send` here, because plain tokio demands it; no other system is
//! given less than it could use, since no workload pays an atomic for being `Send`.

#![forbid(unsafe_code)]

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// Why a system cannot run on this machine: what the operating system refused.
pub type Refused = Box<dyn Error>;

/// A system under measurement: a runtime of one thread.
pub trait System: Sized {
    /// Its name in the results; also a folder's name.
    const NAME: &'static str;

    /// What its tasks are spawned with.
    type Spawner: Spawn;

    /// A fresh one.
    ///
    /// # Errors
    ///
    /// When the operating system refuses what it needs.
    fn new() -> Result<Self, Refused>;

    /// Runs the workload to its end: as a spawned task, or as the root of `block_on` where a task
    /// is not possible or costs this system more.
    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static;
}

/// Spawns and yields, each system in its own way.
pub trait Spawn: 'static {
    /// Bytes of the handle to a task without output, as the system returns it.
    const HANDLE_BYTES: usize;

    /// Starts a task at once; the future returned waits for its output.
    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static;

    /// The system's own way to let others take their turn.
    fn yield_now() -> impl Future<Output = ()> + Send;
}

/// Sleeps, in the system's own way.
pub trait Sleeps: Spawn {
    /// Whether one task may have a million sleeps at once.
    const CROWDS: bool = true;

    /// Waits so long from now.
    fn sleep(duration: Duration) -> impl Sleep;

    /// Starts a task that is a sleep and nothing else. Not by [`Spawn::spawn`], since a sleep is `Send` on few
    /// systems.
    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// A sleep, whatever its output is.
pub trait Sleep: Future + 'static {
    /// Has it end by so much later than it would, which is at this deadline; false where this system has no
    /// way to do that. Both are given, as some systems take the one and some the other.
    fn put_off(self: Pin<&mut Self>, by: Duration, deadline: Instant) -> bool;
}
