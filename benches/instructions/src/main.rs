//! `instructions ROW TIMES`: one row, so many operations. For a profiler that counts instructions (`.ci/instructions`), whose counts
//! are the same in each run, also on a busy machine; and for pairs of timings of two commits.
//!
//! Without the reactor, which valgrind 3.19 cannot run.

#![forbid(unsafe_code)]

use std::env;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use taketurns::sync::{Mutex, Semaphore, channel};
use taketurns::task::{JoinSet, TaskGroup};
use taketurns::time::sleep;
use taketurns::{Handle, block_on, spawn, yield_now};
use workloads::{PingPong, SpawnJoin, SpawnOne, Workload, YieldMany};

#[path = "../../system.rs"]
#[allow(dead_code, reason = "the rows need `Spawn` alone")]
mod system;
#[path = "../../workloads.rs"]
#[allow(dead_code, reason = "the rows have names and numbers of their own")]
mod workloads;

struct Spawner;

impl system::Spawn for Spawner {
    const HANDLE_BYTES: usize = 0;

    fn spawn<F>(&self, task: F) -> impl Future<Output = F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = spawn(task);
        async { handle.await.expect("a task panicked") }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        yield_now()
    }
}

/// How many tasks are there at once, in the rows that have many.
const CROWD: u64 = 1000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [row, times] = &arguments[..] else { return usage() };
    let Ok(times) = times.parse() else { return usage() };
    match &**row {
        "yield_many" => run(YieldMany::run(Spawner, times)),
        "ping_pong" => run(PingPong::run(Spawner, times)),
        "spawn_one" => run(SpawnOne::run(Spawner, times)),
        "spawn_join" => run(crowds(times, || SpawnJoin::run(Spawner, CROWD))),
        "channel" => run(through_a_channel(times)),
        "lock" => run(locks(times)),
        "permit_waited_for" => run(waited_for(times)),
        "timer_dropped" => run(timers_dropped(times)),
        "timer_fires" => run(timers_that_fire(times)),
        "task_group" => run(crowds(times, group)),
        "join_set" => run(crowds(times, set)),
        "sent_one" => run(sent_one_at_a_time(times)),
        "sent_all" => run(crowds(times, sent)),
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: instructions ROW TIMES (.ci/instructions has the rows)");
    ExitCode::FAILURE
}

/// In a task, as most of a program is.
fn run<T: 'static>(row: impl Future<Output = T> + 'static) {
    block_on(async { spawn(row).await.expect("the row panicked") });
}

async fn crowds<F: Future>(times: u64, crowd: impl Fn() -> F) {
    for _ in 0..times / CROWD {
        crowd().await;
    }
}

async fn through_a_channel(times: u64) {
    let (sender, receiver) = channel::bounded(16);
    let sends = spawn(async move {
        for value in 0..times {
            sender.send(value).await.expect("it is received");
        }
    });
    let received = spawn(async move { while receiver.recv().await.is_ok() {} });
    sends.await.expect("no panic");
    received.await.expect("no panic");
}

async fn locks(times: u64) {
    let lock = Mutex::new(0);
    for _ in 0..times {
        *lock.lock().await += 1;
    }
}

/// 100 tasks want one of 10 permits, and yield while they have it.
async fn waited_for(times: u64) {
    let semaphore = Rc::new(Semaphore::new(10));
    let task = |_| {
        let semaphore = Rc::clone(&semaphore);
        spawn(async move {
            for _ in 0..times / 100 {
                let _permit = semaphore.acquire().await.expect("it is open");
                yield_now().await;
            }
        })
    };
    let tasks: Vec<_> = (0..100).map(task).collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

async fn timers_dropped(times: u64) {
    for _ in 0..times {
        let mut timer = pin!(sleep(Duration::from_secs(5)));
        poll_fn(|cx| {
            assert!(timer.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }
}

async fn timers_that_fire(times: u64) {
    for _ in 0..times / 100 {
        let timers = [(); 100].map(|()| spawn(sleep(Duration::from_micros(10))));
        for timer in timers {
            timer.await.expect("no panic");
        }
    }
}

async fn group() {
    let body = async |group: TaskGroup<()>| {
        (0..CROWD).for_each(|_| drop(group.spawn(async { Ok(1) })));
        Ok(())
    };
    TaskGroup::scope(body).await.expect("no task fails");
}

async fn set() {
    let mut set = JoinSet::new();
    (0..CROWD).for_each(|_| drop(set.spawn(async { 1 })));
    while let Some(joined) = set.join_next().await {
        joined.expect("no panic");
    }
}

async fn sent_one_at_a_time(times: u64) {
    let handle = Handle::current();
    for _ in 0..times {
        handle.spawn(async { 1 }).await.expect("no panic");
    }
}

async fn sent() {
    let handle = Handle::current();
    let tasks: Vec<_> = (0..CROWD).map(|_| handle.spawn(async { 1 })).collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}
