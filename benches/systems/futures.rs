//! [`LocalPool`] of futures, its tasks awaited by [`RemoteHandle`]. It has no timers and no reactor.
//!
//! **Order**: a queue of woken tasks, first in, first out; a task that wakes itself goes to the back. What is
//! spawned within a run begins before the next look at that queue.

#![forbid(unsafe_code)]

use std::future::Future;
use std::mem::size_of;

use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::task::LocalSpawnExt;

use super::SelfWake;
use crate::system::{Refused, Spawn, System};

/// [`LocalPool`] of futures, its tasks awaited by `RemoteHandle`.
#[derive(Debug)]
pub struct FuturesLocalPool(LocalPool);

impl System for FuturesLocalPool {
    const NAME: &'static str = "futures_LocalPool";
    type Spawner = LocalSpawner;

    fn new() -> Result<Self, Refused> {
        Ok(FuturesLocalPool(LocalPool::new()))
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
    const HANDLE_BYTES: usize = size_of::<RemoteHandle<()>>();

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn_local_with_handle(task).expect("the pool is gone")
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        SelfWake::default()
    }
}
