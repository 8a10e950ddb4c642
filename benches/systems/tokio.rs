//! The three ways to run tokio on one thread, with `enable_all`, as `#[tokio::main]` makes it.
//!
//! **Order**: a queue, first in, first out, on each; the loop looks at timers and the reactor every 61 turns.
//! `yield_now` defers the wake until the loop has looked, so tasks that yield come back last first. A task
//! has a budget of 128 operations that were ready at once.

#![forbid(unsafe_code)]

use std::future::Future;
use std::io;
use std::mem::size_of;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions, LocalRuntime, Runtime};
use tokio::task::{JoinHandle, LocalSet};

use crate::syncing::SpawnLocal;
use crate::system::{Refused, Sleep, Sleeps, Spawn, System};

/// `block_on` and `tokio::spawn` of a `current_thread` runtime.
#[derive(Debug)]
pub struct TokioCurrentThread(Runtime);

/// `tokio::spawn`.
#[derive(Debug)]
pub struct TokioSpawner;

impl System for TokioCurrentThread {
    const NAME: &'static str = "tokio_current_thread";
    type Spawner = TokioSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(TokioCurrentThread(runtime()?))
    }

    // As the root: as a task it would have to be Send, and the handles of others are not.
    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        self.0.block_on(workload(TokioSpawner))
    }
}

impl Spawn for TokioSpawner {
    const HANDLE_BYTES: usize = size_of::<JoinHandle<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = tokio::spawn(task);
        async { handle.await.expect("a task panicked") }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

impl Sleeps for TokioSpawner {
    #[inline]
    fn sleep(duration: Duration) -> impl Sleep {
        tokio::time::sleep(duration)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.spawn(tokio::time::sleep(duration))
    }
}

/// A [`LocalSet`] on a `current_thread` runtime.
#[derive(Debug)]
pub struct TokioLocalSet {
    runtime: Runtime,
    tasks: LocalSet,
}

/// `tokio::task::spawn_local`.
#[derive(Debug)]
pub struct TokioLocalSpawner;

impl System for TokioLocalSet {
    const NAME: &'static str = "tokio_LocalSet";
    type Spawner = TokioLocalSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(TokioLocalSet { runtime: runtime()?, tasks: LocalSet::new() })
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = self.tasks.spawn_local(workload(TokioLocalSpawner));
        self.tasks.block_on(&self.runtime, workload).expect("the workload panicked")
    }
}

impl Spawn for TokioLocalSpawner {
    const HANDLE_BYTES: usize = size_of::<JoinHandle<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = tokio::task::spawn_local(task);
        async { handle.await.expect("a task panicked") }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

impl SpawnLocal for TokioLocalSpawner {
    fn spawn_local<F: Future<Output: 'static> + 'static>(
        &self,
        task: F,
    ) -> impl Future<Output = F::Output> {
        let handle = tokio::task::spawn_local(task);
        async { handle.await.expect("a task panicked") }
    }
}

impl Sleeps for TokioLocalSpawner {
    #[inline]
    fn sleep(duration: Duration) -> impl Sleep {
        tokio::time::sleep(duration)
    }

    fn spawn_sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.spawn(tokio::time::sleep(duration))
    }
}

impl Sleep for tokio::time::Sleep {
    #[inline]
    fn put_off(self: Pin<&mut Self>, by: Duration, _: Instant) -> bool {
        let deadline = self.deadline() + by;
        self.reset(deadline);
        true
    }
}

/// A [`LocalRuntime`].
#[derive(Debug)]
pub struct TokioLocalRuntime(LocalRuntime);

impl System for TokioLocalRuntime {
    const NAME: &'static str = "tokio_LocalRuntime";
    type Spawner = TokioLocalSpawner;

    fn new() -> Result<Self, Refused> {
        let mut builder = Builder::new_current_thread();
        Ok(TokioLocalRuntime(builder.enable_all().build_local(LocalOptions::default())?))
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = self.0.spawn_local(workload(TokioLocalSpawner));
        self.0.block_on(workload).expect("the workload panicked")
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
