//! smol's [`LocalExecutor`], and the [`Executor`] it is made of, under `async_io::block_on`, which is what `smol::block_on` is: it runs the
//! reactor and the timers of async-io between the polls.
//!
//! **Order**: a queue, first in, first out, of which the runner takes half at a time; a task that yields goes
//! to the back. The loop looks at timers and the reactor every 200 turns. The queue is made for many threads,
//! and a lock is taken for each task that is spawned.

#![forbid(unsafe_code)]

use std::future::Future;
use std::mem::size_of;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_executor::{Executor, LocalExecutor, Task};
use async_io::Timer;

use crate::syncing::SpawnLocal;
use crate::system::{Refused, Sleep, Sleeps, Spawn, System};

/// smol's [`LocalExecutor`].
#[derive(Debug)]
pub struct SmolLocalExecutor(Rc<LocalExecutor<'static>>);

/// The executor, for its tasks to spawn on.
#[derive(Debug)]
pub struct SmolSpawner(Rc<LocalExecutor<'static>>);

impl System for SmolLocalExecutor {
    const NAME: &'static str = "smol_LocalExecutor";
    type Spawner = SmolSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(SmolLocalExecutor(Rc::new(LocalExecutor::new())))
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = self.0.spawn(workload(SmolSpawner(Rc::clone(&self.0))));
        async_io::block_on(self.0.run(workload))
    }
}

/// smol's [`Executor`], which takes tasks from any thread, on one thread.
#[derive(Debug)]
pub struct SmolExecutor(Arc<Executor<'static>>);

/// The executor, for its tasks and for other threads to spawn on.
#[derive(Clone, Debug)]
pub struct SmolSharedSpawner(pub(crate) Arc<Executor<'static>>);

impl System for SmolExecutor {
    const NAME: &'static str = "smol_Executor";
    type Spawner = SmolSharedSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(SmolExecutor(Arc::new(Executor::new())))
    }

    // As the root: as a task it would have to be Send.
    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = workload(SmolSharedSpawner(Arc::clone(&self.0)));
        async_io::block_on(self.0.run(workload))
    }
}

impl Spawn for SmolSharedSpawner {
    const HANDLE_BYTES: usize = size_of::<Task<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.0.spawn(task)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }
}

impl Spawn for SmolSpawner {
    const HANDLE_BYTES: usize = size_of::<Task<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.0.spawn(task)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }
}

impl SpawnLocal for SmolSpawner {
    fn spawn_local<F: Future<Output: 'static> + 'static>(
        &self,
        task: F,
    ) -> impl Future<Output = F::Output> {
        self.0.spawn(task)
    }
}

impl Sleeps for SmolSpawner {
    #[inline]
    fn sleep(duration: Duration) -> impl Sleep {
        Timer::after(duration)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let task = self.0.spawn(Timer::after(duration));
        async {
            task.await;
        }
    }
}

impl Sleep for Timer {
    #[inline]
    fn put_off(mut self: Pin<&mut Self>, _: Duration, deadline: Instant) -> bool {
        self.set_at(deadline);
        true
    }
}
