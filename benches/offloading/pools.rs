//! The pools: ours, tokio's, and smol's, which is the crate blocking. Each with its own limit of threads: 64, 512 and 500.

#![forbid(unsafe_code)]

use std::future::Future;

use super::{Offloads, Submits};
use crate::systems::{SmolSpawner, TaketurnsSpawner, TokioSpawner};

impl Offloads for TaketurnsSpawner {
    type Submitter = taketurns::Handle;

    fn spawn_blocking<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
    {
        let handle = taketurns::spawn_blocking(job);
        async { handle.await.expect("a job panicked") }
    }

    fn submitter(&self) -> taketurns::Handle {
        taketurns::Handle::current()
    }
}

/// The pool is the loop's, so the job goes to the loop first, as a task that starts and awaits it.
impl Submits for taketurns::Handle {
    fn submit<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
    {
        let handle = self.spawn(async { taketurns::spawn_blocking(job).await });
        async { handle.await.expect("the loop runs").expect("a job panicked") }
    }
}

impl Offloads for TokioSpawner {
    type Submitter = tokio::runtime::Handle;

    fn spawn_blocking<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
    {
        let handle = tokio::task::spawn_blocking(job);
        async { handle.await.expect("a job panicked") }
    }

    fn submitter(&self) -> tokio::runtime::Handle {
        tokio::runtime::Handle::current()
    }
}

impl Submits for tokio::runtime::Handle {
    fn submit<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
    {
        let handle = self.spawn_blocking(job);
        async { handle.await.expect("a job panicked") }
    }
}

/// The pool of the crate blocking is the process's, and belongs to no loop.
#[derive(Clone, Copy, Debug)]
pub struct Blocking;

impl Offloads for SmolSpawner {
    type Submitter = Blocking;

    fn spawn_blocking<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
    {
        blocking::unblock(job)
    }

    fn submitter(&self) -> Blocking {
        Blocking
    }
}

impl Submits for Blocking {
    fn submit<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
    {
        blocking::unblock(job)
    }
}
