//! monoio, as `#[monoio::main(timer_enabled = true)]` makes it: on io_uring where the kernel has it.
//!
//! **Order**: a queue, first in, first out, but a task that wakes itself during its turn goes to the *front*:
//! it is polled again before all others. So a self-wake is no yield here, and monoio has none of its own.
//! What lets the others run is to spawn a task and await it, so that is the yield below. Its wakers belong to
//! one thread: without the feature `sync` a wake from another thread panics.

#![forbid(unsafe_code)]

use std::future::Future;
use std::mem::size_of;
use std::pin::Pin;
use std::time::{Duration, Instant};

use monoio::task::JoinHandle;
use monoio::time::TimeDriver;
use monoio::{FusionDriver, FusionRuntime, IoUringDriver, LegacyDriver, RuntimeBuilder};

use crate::system::{Refused, Sleep, Sleeps, Spawn, System};

/// A `FusionRuntime` with timers.
pub struct Monoio(FusionRuntime<TimeDriver<IoUringDriver>, TimeDriver<LegacyDriver>>);

/// `monoio::spawn`.
#[derive(Debug)]
pub struct MonoioSpawner;

impl System for Monoio {
    const NAME: &'static str = "monoio";
    type Spawner = MonoioSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(Monoio(RuntimeBuilder::<FusionDriver>::new().enable_timer().build()?))
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = workload(MonoioSpawner);
        self.0.block_on(async { monoio::spawn(workload).await })
    }
}

impl Spawn for MonoioSpawner {
    const HANDLE_BYTES: usize = size_of::<JoinHandle<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        monoio::spawn(task)
    }

    async fn yield_now() {
        monoio::spawn(async {}).await;
    }
}

impl Sleeps for MonoioSpawner {
    #[inline]
    fn sleep(duration: Duration) -> impl Sleep {
        monoio::time::sleep(duration)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        monoio::spawn(monoio::time::sleep(duration))
    }
}

impl Sleep for monoio::time::Sleep {
    #[inline]
    fn put_off(self: Pin<&mut Self>, by: Duration, _: Instant) -> bool {
        let deadline = self.deadline() + by;
        self.reset(deadline);
        true
    }
}
