//! The systems: taketurns, the three ways to run tokio on one thread, and `LocalPool` of futures.
//!
//! Like for like: tokio with `enable_all`, as `#[tokio::main]` makes it, and taketurns as
//! `Runtime::new` makes it: both with timers and a reactor that are there and have nothing to do.

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::executor::{LocalPool, LocalSpawner};
use futures::task::LocalSpawnExt;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime, Runtime};
use tokio::task::LocalSet;

use crate::system::{Sleeps, Spawn, System};

/// taketurns, as [`taketurns::Runtime::new`] makes it.
#[derive(Debug)]
pub struct Taketurns(taketurns::Runtime);

/// The free functions of taketurns.
#[derive(Debug)]
pub struct TaketurnsSpawner;

impl System for Taketurns {
    const NAME: &'static str = "taketurns";
    type Spawner = TaketurnsSpawner;

    fn new() -> Self {
        Taketurns(taketurns::Runtime::new().expect("taketurns: no runtime"))
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = workload(TaketurnsSpawner);
        self.0.block_on(async { taketurns::spawn(workload).await.expect("the workload panicked") })
    }
}

impl Spawn for TaketurnsSpawner {
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

impl Sleeps for TaketurnsSpawner {
    type Sleep = taketurns::time::Sleep;

    #[inline]
    fn sleep(duration: Duration) -> Self::Sleep {
        taketurns::time::sleep(duration)
    }

    #[inline]
    fn put_off(mut sleep: Pin<&mut Self::Sleep>, by: Duration) {
        let deadline = sleep.deadline() + by;
        sleep.reset(deadline);
    }
}

/// `block_on` and `tokio::spawn` of a `current_thread` runtime.
#[derive(Debug)]
pub struct TokioCurrentThread(Runtime);

/// `tokio::spawn`.
#[derive(Debug)]
pub struct TokioSpawner;

impl System for TokioCurrentThread {
    const NAME: &'static str = "tokio_current_thread";
    type Spawner = TokioSpawner;

    fn new() -> Self {
        TokioCurrentThread(tokio_runtime())
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
    type Sleep = tokio::time::Sleep;

    #[inline]
    fn sleep(duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }

    #[inline]
    fn put_off(sleep: Pin<&mut Self::Sleep>, by: Duration) {
        put_off_tokio(sleep, by);
    }
}

#[inline]
fn put_off_tokio(sleep: Pin<&mut tokio::time::Sleep>, by: Duration) {
    let deadline = sleep.deadline() + by;
    sleep.reset(deadline);
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

    fn new() -> Self {
        TokioLocalSet { runtime: tokio_runtime(), tasks: LocalSet::new() }
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

impl Sleeps for TokioLocalSpawner {
    type Sleep = tokio::time::Sleep;

    #[inline]
    fn sleep(duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }

    #[inline]
    fn put_off(sleep: Pin<&mut Self::Sleep>, by: Duration) {
        put_off_tokio(sleep, by);
    }
}

/// A [`LocalRuntime`].
#[derive(Debug)]
pub struct TokioLocalRuntime(LocalRuntime);

impl System for TokioLocalRuntime {
    const NAME: &'static str = "tokio_LocalRuntime";
    type Spawner = TokioLocalSpawner;

    fn new() -> Self {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        TokioLocalRuntime(runtime.expect("tokio: no runtime"))
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = self.0.spawn_local(workload(TokioLocalSpawner));
        self.0.block_on(workload).expect("the workload panicked")
    }
}

/// [`LocalPool`] of futures, its tasks awaited by `RemoteHandle`.
#[derive(Debug)]
pub struct FuturesLocalPool(LocalPool);

impl System for FuturesLocalPool {
    const NAME: &'static str = "futures_LocalPool";
    type Spawner = LocalSpawner;

    fn new() -> Self {
        FuturesLocalPool(LocalPool::new())
    }

    fn run<W>(&mut self, workload: impl FnOnce(Self::Spawner) -> W) -> W::Output
    where
        W: Future<Output: 'static> + 'static,
    {
        let workload = workload(self.0.spawner());
        self.0.run_until(workload)
    }
}

impl Spawn for LocalSpawner {
    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn_local_with_handle(task).expect("the pool is gone")
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        SelfWake { woken: false }
    }
}

/// The yield that futures does not have: wakes its own task and waits once.
struct SelfWake {
    woken: bool,
}

impl Future for SelfWake {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.woken {
            return Poll::Ready(());
        }
        self.woken = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn tokio_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("tokio: no runtime")
}
