//! Awaits of tasks that belong together, and of tasks that were asked to end.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use futures::poll;
use taketurns::cancel::checkpoint;
use taketurns::task::{JoinSet, TaskGroup, borrowing};
use taketurns::{block_on, spawn, yield_now};

use super::common::Trace;
use super::{polls, until_woken};

#[test]
fn a_checkpoint_that_is_given_up_has_woken_its_task_already() {
    let trace = Trace::new();
    block_on(async {
        let waits = polls(trace.clone());
        let task = spawn(async {
            assert!(poll!(pin!(checkpoint())).is_pending());
            waits.await;
        });
        for _ in 0..3 {
            yield_now().await;
        }
        task.abort();
    });
    assert_eq!(trace.take(), "polled polled"); // in the same turn, and in one more for nothing
}

#[cfg(feature = "time")]
#[test]
fn a_cancel_within_that_is_given_up_has_asked_the_task_and_never_aborts_it() {
    use std::time::Duration;
    use taketurns::time::{Clock, sleep};

    const SECOND: Duration = Duration::from_secs(1);
    let runtime = taketurns::Builder::new().clock(Clock::AutoAdvance).build().unwrap();
    runtime.block_on(async {
        let mut handle = spawn(async {
            taketurns::cancel::cancelled().await;
            sleep(9 * SECOND).await; // far longer than the grace
            panic!("it was left to its own end");
        });
        yield_now().await;
        {
            let mut waits = pin!(handle.cancel_within(SECOND, "enough"));
            assert!(poll!(waits.as_mut()).is_pending());
        }
        assert!(handle.await.unwrap_err().is_panic());
    });
}

struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn an_await_of_a_member_by_reference_is_given_up_and_taken_up_again() {
    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counting));
    let value = block_on(TaskGroup::scope(async |group| {
        let mut handle = group.spawn(async { Ok::<_, ()>(42) });
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        yield_now().await;
        assert_eq!(counting.0.load(Ordering::Relaxed), 1); // it has kept the waker of the poll
        Ok(handle.await.unwrap())
    }));
    assert_eq!(value.unwrap(), 42);
}

#[test]
fn an_await_of_a_borrowing_child_by_reference_is_given_up_and_taken_up_again() {
    let value = block_on(borrowing(async |group| {
        let mut handle = group.spawn(async {
            yield_now().await;
            42
        });
        assert!(poll!(&mut handle).is_pending());
        until_woken().await;
        handle.await
    }));
    assert_eq!(value, 42);
}

/// Two tasks that never end, and have begun.
async fn endless_set(trace: &Trace) -> JoinSet<()> {
    let mut set = JoinSet::new();
    for name in ["a", "b"] {
        let guard = trace.on_drop(name);
        set.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
    }
    yield_now().await;
    set
}

#[test]
fn a_shutdown_of_a_set_that_is_given_up_is_begun_again_and_loses_no_task() {
    let trace = Trace::new();
    block_on(async {
        let mut set = endless_set(&trace).await;
        {
            let mut shutdown = pin!(set.shutdown());
            assert!(poll!(shutdown.as_mut()).is_pending());
        }
        assert_eq!(set.len(), 2);
        set.shutdown().await;
        assert!(set.is_empty());
        trace.push("empty");
    });
    assert_eq!(trace.take(), "a b empty");
}

#[test]
fn a_join_all_of_a_set_that_is_given_up_aborts_its_tasks() {
    let trace = Trace::new();
    block_on(async {
        let set = endless_set(&trace).await;
        {
            let mut all = pin!(set.join_all());
            assert!(poll!(all.as_mut()).is_pending());
        }
        trace.push("given-up");
        yield_now().await;
        trace.push("end");
    });
    assert_eq!(trace.take(), "given-up a b end");
}
