//! taketurns, as [`taketurns::Runtime::new`] makes it.
//!
//! **Order**: first in, first out; a task that yields or wakes itself goes to the back. The loop looks at
//! timers and the reactor every 61 turns.

#![forbid(unsafe_code)]

use std::future::Future;
use std::mem::size_of;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::syncing::SpawnLocal;
use crate::system::{Refused, Sleep, Sleeps, Spawn, System};

/// taketurns, as [`taketurns::Runtime::new`] makes it.
#[derive(Debug)]
pub struct Taketurns(taketurns::Runtime);

/// The free functions of taketurns.
#[derive(Debug)]
pub struct TaketurnsSpawner;

impl From<taketurns::Runtime> for Taketurns {
    /// One that was built in another way.
    fn from(runtime: taketurns::Runtime) -> Self {
        Taketurns(runtime)
    }
}

impl System for Taketurns {
    const NAME: &'static str = "taketurns";
    type Spawner = TaketurnsSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(Taketurns(taketurns::Runtime::new()?))
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = workload(TaketurnsSpawner);
        self.0.block_on(async { taketurns::spawn(workload).await.expect("the workload panicked") })
    }
}

/// taketurns with adaptive waits: its loop and its pool spin for a while before they sleep.
#[derive(Debug)]
pub struct TaketurnsAdaptive(Taketurns);

/// About what it costs to come back from sleep.
const ADAPTIVE_WAIT: Duration = Duration::from_micros(50);

impl System for TaketurnsAdaptive {
    const NAME: &'static str = "taketurns_adaptive";
    type Spawner = TaketurnsSpawner;

    fn new() -> Result<Self, Refused> {
        let builder = taketurns::Builder::new().adaptive_wait(ADAPTIVE_WAIT);
        let runtime = builder.blocking_adaptive_wait(ADAPTIVE_WAIT).build()?;
        Ok(TaketurnsAdaptive(runtime.into()))
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        self.0.run(workload)
    }
}

impl Spawn for TaketurnsSpawner {
    const HANDLE_BYTES: usize = size_of::<taketurns::JoinHandle<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = taketurns::spawn(task);
        async { handle.await.expect("a task panicked") }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        taketurns::yield_now()
    }
}

impl SpawnLocal for TaketurnsSpawner {
    fn spawn_local<F: Future<Output: 'static> + 'static>(
        &self,
        task: F,
    ) -> impl Future<Output = F::Output> {
        let handle = taketurns::spawn(task);
        async { handle.await.expect("a task panicked") }
    }
}

impl Sleeps for TaketurnsSpawner {
    #[inline]
    fn sleep(duration: Duration) -> impl Sleep {
        taketurns::time::sleep(duration)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.spawn(taketurns::time::sleep(duration))
    }
}

impl Sleep for taketurns::time::Sleep {
    #[inline]
    fn put_off(mut self: Pin<&mut Self>, by: Duration, _: Instant) -> bool {
        let deadline = self.deadline() + by;
        self.reset(deadline);
        true
    }
}
