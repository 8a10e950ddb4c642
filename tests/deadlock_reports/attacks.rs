//! Tasks that wait for what never comes, in other ways than by locks; and some that only look so.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use taketurns::insight::Finding;
use taketurns::sync::channel::bounded as channel;
use taketurns::sync::{Barrier, Notify, RwLock, Semaphore, oneshot};
use taketurns::task::race;
use taketurns::time::{sleep, timeout};
use taketurns::{Handle, JoinHandle, spawn, spawn_blocking};

use crate::{HOUR, reported, runtime};

pub(crate) const FILE: &str = file!();

const MOMENT: Duration = Duration::from_millis(1);

type Run = Pin<Box<dyn Future<Output = ()>>>;

/// What a task does, what is found, and what the report says.
type Case = (fn() -> Run, Finding, &'static str);

const DEADLOCKS: &[Case] = &[
    (
        || {
            Box::pin(async {
                let ((to, from), (back, _answers)) = (channel(1), channel::<u32>(1));
                let other = spawn(async move {
                    back.send(1).await.unwrap();
                    back.send(2).await.unwrap();
                    drop(from);
                });
                to.send(1).await.unwrap();
                to.send(2).await.unwrap();
                other.await.unwrap();
            })
        },
        Finding::Suspected,
        "waits for room in the channel made at here",
    ),
    (
        || Box::pin(async { _ = Barrier::new(2).wait().await }),
        Finding::Suspected,
        "waits for the `Barrier::wait()` at here, 1 of 2 there",
    ),
    (
        || Box::pin(async { Notify::new().notified().await }),
        Finding::Suspected,
        "waits for the `Notify` made at here",
    ),
    (
        || Box::pin(async { drop(Semaphore::new(2).acquire_many(3).await) }),
        Finding::Suspected,
        "waits for the `Semaphore::acquire_many()` at here, needs 3 permits, 2 are free",
    ),
    (
        || {
            Box::pin(async {
                let (sends, handle) = oneshot::channel::<JoinHandle<()>>();
                let own = spawn(async move { handle.await.unwrap().await.unwrap() });
                assert!(sends.send(own).is_ok());
                std::future::pending::<()>().await;
            })
        },
        Finding::Circle,
        "deadlock: a task waits for itself\n  task #2, spawned at here, polled once, waiting\n    awaits task #2",
    ),
    (
        || {
            Box::pin(async {
                let lock = RwLock::new(());
                let _reads = lock.read().await;
                drop(lock.write().await);
            })
        },
        Finding::Circle,
        "waits for the `RwLock::write()` at here, locked by task #1 at here",
    ),
];

#[test]
fn what_is_stuck_is_named_with_its_place() {
    for (place, (run, found, says)) in DEADLOCKS.iter().enumerate() {
        let grace = if *found == Finding::Suspected { Duration::ZERO } else { HOUR };
        let (runtime, told) = runtime(1, grace);
        runtime.block_on(async {
            let task = spawn(async { run().await });
            race((async { drop(task.await) }, reported())).await;
        });
        let told = told.take();
        let is_told = |(finding, text): &(Finding, String)| finding == found && text.contains(says);
        assert!(told.iter().any(is_told), "{place}: {told:?}");
    }
}

/// How often the loop has slept. No handle is kept, as tasks may be woken through it.
fn parks() -> u64 {
    Handle::current().metrics().parks
}

/// Sleeps until the loop has slept too: on a busy machine a moment may be over before.
async fn slept() {
    let before = parks();
    while parks() == before {
        sleep(MOMENT).await;
    }
}

const CALM: &[fn() -> Run] = &[
    || {
        Box::pin(async {
            let lock = RwLock::new(());
            let _reads = lock.read().await;
            let before = parks();
            while parks() == before {
                assert!(timeout(MOMENT, lock.write()).await.is_err());
            }
        })
    },
    || {
        Box::pin(async {
            let permits = Rc::new(Semaphore::new(0));
            let adds = Rc::clone(&permits);
            spawn(async move {
                slept().await;
                adds.add_permits(1);
            })
            .detach();
            drop(permits.acquire().await);
        })
    },
    || {
        Box::pin(async {
            let lock = Rc::new(RwLock::new(()));
            let reads = lock.read().await;
            let writes = Rc::clone(&lock);
            let writer = spawn(async move { drop(writes.write().await) });
            let before = parks();
            let job = spawn_blocking(move || {
                while parks() == before {
                    std::thread::yield_now();
                }
            });
            job.await.unwrap();
            drop(reads);
            writer.await.unwrap();
        })
    },
    || {
        Box::pin(async {
            let lock = Rc::new(RwLock::new(()));
            let _writes = lock.write().await;
            let wants = Rc::clone(&lock);
            let reader = spawn(async move { drop(wants.read().await) });
            let abort = reader.abort_handle();
            spawn(async move {
                slept().await;
                abort.abort();
            })
            .detach();
            race((async { drop(reader.await) }, sleep(HOUR))).await;
        })
    },
];

#[test]
fn what_only_looks_stuck_is_left_alone() {
    for (place, run) in CALM.iter().enumerate() {
        let (runtime, told) = runtime(1, Duration::ZERO);
        runtime.block_on(async { spawn(async { run().await }).await.unwrap() });
        assert!(runtime.metrics().parks > 0, "{place}: the loop never slept");
        assert_eq!(told.take(), [], "{place}");
    }
}
