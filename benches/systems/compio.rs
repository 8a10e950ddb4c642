//! compio, as `compio::runtime::Runtime::new` makes it: on io_uring where the kernel has it.
//!
//! **Order**: a queue, first in, first out; a task that wakes itself goes to the back, and that is the yield
//! below, since compio has none of its own. The loop polls the root of `block_on`, and looks at timers and
//! the reactor, every 61 turns.

#![forbid(unsafe_code)]

use std::future::Future;
use std::mem::size_of;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use compio::runtime::{JoinHandle, Runtime};
use pin_project_lite::pin_project;

use super::SelfWake;
use crate::system::{Refused, Sleep, Sleeps, Spawn, System};

/// compio's [`Runtime`].
#[derive(Debug)]
pub struct Compio(Runtime);

/// `compio::runtime::spawn`.
#[derive(Debug)]
pub struct CompioSpawner;

impl System for Compio {
    const NAME: &'static str = "compio";
    type Spawner = CompioSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(Compio(Runtime::new()?))
    }

    // As the root: between two turns of a lone task the loop asks the kernel, which takes microseconds.
    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        self.0.block_on(workload(CompioSpawner))
    }
}

impl Spawn for CompioSpawner {
    const HANDLE_BYTES: usize = size_of::<JoinHandle<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        joined(compio::runtime::spawn(task))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        SelfWake::default()
    }
}

async fn joined<T>(handle: JoinHandle<T>) -> T {
    handle.await.expect("a task panicked")
}

impl Sleeps for CompioSpawner {
    #[inline]
    fn sleep(duration: Duration) -> impl Sleep {
        Unmoved { sleep: compio::time::sleep(duration) }
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        joined(compio::runtime::spawn(compio::time::sleep(duration)))
    }
}

pin_project! {
    /// A sleep whose end cannot be moved.
    struct Unmoved<F> {
        #[pin]
        sleep: F,
    }
}

impl<F: Future> Future for Unmoved<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().sleep.poll(cx)
    }
}

impl<F: Future + 'static> Sleep for Unmoved<F> {
    fn put_off(self: Pin<&mut Self>, _: Duration, _: Instant) -> bool {
        false
    }
}
