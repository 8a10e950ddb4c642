//! glommio, as `LocalExecutorBuilder::default` makes it. It needs io_uring and 512 KiB of locked memory.
//!
//! **Order**: `spawn_local` polls the task at once, inside of the spawner's turn; from then on a queue, first
//! in, first out. So a task that is ready on its first poll never meets the queue: the rows of spawning ask
//! less of glommio than of the others. The loop looks at timers and the reactor when the queue is empty or
//! 100 ms are over.

#![forbid(unsafe_code)]

use std::future::Future;
use std::mem::size_of;
use std::pin::Pin;
use std::time::{Duration, Instant};

use glommio::timer::Timer;
use glommio::{LocalExecutor, LocalExecutorBuilder, Task};

use crate::system::{Refused, Sleep, Sleeps, Spawn, System};

/// glommio's [`LocalExecutor`].
#[derive(Debug)]
pub struct Glommio(LocalExecutor);

/// `glommio::spawn_local`.
#[derive(Debug)]
pub struct GlommioSpawner;

impl System for Glommio {
    const NAME: &'static str = "glommio";
    type Spawner = GlommioSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(Glommio(LocalExecutorBuilder::default().make()?))
    }

    // A task already: `run` spawns it.
    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        self.0.run(workload(GlommioSpawner))
    }
}

impl Spawn for GlommioSpawner {
    const HANDLE_BYTES: usize = size_of::<Task<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        glommio::spawn_local(task)
    }

    async fn yield_now() {
        glommio::executor().yield_now().await;
    }
}

impl Sleeps for GlommioSpawner {
    // A task counts its wakers in 16 bits, and panics at the 32,768th.
    const CROWDS: bool = false;

    #[inline]
    fn sleep(duration: Duration) -> impl Sleep {
        Timer::new(duration)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let task = glommio::spawn_local(Timer::new(duration));
        async {
            task.await;
        }
    }
}

impl Sleep for Timer {
    // It takes a duration from now, and so two readings of the clock are part of it.
    #[inline]
    fn put_off(mut self: Pin<&mut Self>, _: Duration, deadline: Instant) -> bool {
        self.reset(deadline.saturating_duration_since(Instant::now()));
        true
    }
}
