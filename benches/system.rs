//! What a workload needs of a system: [`System`] runs it, [`Spawn`] is what it gets to work with, and
//! [`Sleeps`] where the system has timers.
//!
//! Futures that are spawned are `Send` here, because plain tokio demands it; no other system is
//! given less than it could use, since no workload pays an atomic for being `Send`.

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A system under measurement: a runtime of one thread.
pub trait System {
    /// Its name in the results; also a folder's name.
    const NAME: &'static str;

    /// What its tasks are spawned with.
    type Spawner: Spawn;

    /// A fresh one.
    ///
    /// # Panics
    ///
    /// When the operating system refuses what it needs.
    fn new() -> Self;

    /// Runs the workload to its end: as a spawned task, or as the root of `block_on` where a task
    /// is not possible or costs this system more.
    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static;
}

/// Spawns and yields, each system in its own way.
pub trait Spawn: 'static {
    /// Starts a task at once; the future returned waits for its output.
    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static;

    /// The system's own way to let others take their turn.
    fn yield_now() -> impl Future<Output = ()> + Send;
}

/// Sleeps, in the system's own way.
pub trait Sleeps: Spawn {
    /// What [`sleep`](Self::sleep) returns.
    type Sleep: Future<Output = ()> + Send + 'static;

    /// Waits so long from now.
    fn sleep(duration: Duration) -> Self::Sleep;

    /// Has a sleep end that much later than it would.
    fn put_off(sleep: Pin<&mut Self::Sleep>, by: Duration);
}
