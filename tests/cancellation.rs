//! What is lost when a future is dropped at an await, and what is not: docs/cancellation.md says it, these hold it to that.

#![forbid(unsafe_code)]

mod common;
#[path = "cancellation/groups.rs"]
mod groups;
#[cfg(feature = "offload")]
#[path = "cancellation/jobs.rs"]
mod jobs;
#[cfg(all(feature = "net", target_os = "linux"))]
#[path = "cancellation/sockets.rs"]
mod sockets;
#[cfg(feature = "time")]
#[path = "cancellation/timers.rs"]
mod timers;

use std::fs;
use std::future::{Future, pending, poll_fn, ready};
use std::path::Path;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::{self, ThreadId};

use common::Trace;
use futures::channel::oneshot;
use futures::future::select;
use futures::poll;
use taketurns::task::{consume_budget, has_budget, reported, unconstrained};
use taketurns::{JoinError, Runtime, block_on, spawn, yield_now};

/// How long to wait for what must come, only so that what is lost fails instead of hanging.
#[cfg(any(feature = "net", feature = "offload"))]
const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);

/// Completes when this task is woken: by what it has polled before.
async fn until_woken() {
    let mut polled = false;
    poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// Never completes; says when it is polled.
async fn polls(trace: Trace) {
    poll_fn(|_| {
        trace.push("polled");
        Poll::<()>::Pending
    })
    .await;
}

/// Sends the thread that drops it.
struct TellsThread(mpsc::Sender<ThreadId>);

impl Drop for TellsThread {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).unwrap();
    }
}

/// Awaits the handle by reference, gives that up, and takes it up again. `finish` ends the task or job.
async fn given_up_and_taken_up<H>(mut handle: H, finish: impl FnOnce())
where
    H: Future<Output = Result<i32, JoinError>> + Unpin,
{
    assert!(poll!(&mut handle).is_pending());
    finish();
    until_woken().await; // nobody awaits the handle now, and it has kept the waker of the poll
    assert_eq!(handle.await.unwrap(), 42);
}

#[test]
fn each_statement_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/cancellation.md")).unwrap();
    let links = text.split("[`").filter_map(|link| {
        let (function, rest) = link.split_once("`](../")?;
        Some((function, rest.split_once(')')?.0))
    });
    let (there, missing): (Vec<_>, Vec<_>) = links.partition(|(function, path)| {
        let source = fs::read_to_string(root.join(path)).unwrap_or_default();
        source.contains(&format!("#[test]\nfn {function}()"))
    });
    assert!(
        missing.is_empty(),
        "docs/cancellation.md names tests that are not there: {missing:#?}"
    );
    assert!(there.len() > 50, "it names its tests by links, of which these were found: {there:#?}");
}

#[test]
fn a_yield_that_is_given_up_has_woken_its_task_already() {
    let trace = Trace::new();
    block_on(async {
        let waits = polls(trace.clone());
        let task = spawn(async {
            assert!(poll!(pin!(yield_now())).is_pending());
            waits.await;
        });
        for _ in 0..3 {
            yield_now().await;
        }
        task.abort();
    });
    assert_eq!(trace.take(), "polled polled"); // in the same turn, and in one more for nothing
}

#[test]
fn a_unit_of_the_budget_that_is_waited_for_and_given_up_is_not_spent() {
    block_on(async {
        while has_budget() {
            consume_budget().await;
        }
        assert!(poll!(pin!(consume_budget())).is_pending());
        yield_now().await;
        let mut spent = 0;
        while has_budget() {
            consume_budget().await;
            spent += 1;
        }
        assert_eq!(spent, 128);
    });
}

#[test]
fn an_await_of_a_join_handle_by_reference_is_given_up_and_taken_up_again() {
    block_on(async {
        let (send, receive) = oneshot::channel();
        let handle = spawn(async { receive.await.unwrap() });
        given_up_and_taken_up(handle, || send.send(42).unwrap()).await;
    });
}

#[test]
fn an_await_of_a_remote_handle_by_reference_is_given_up_and_taken_up_again() {
    let runtime = Runtime::new().unwrap();
    let (send, receive) = oneshot::channel();
    let handle = runtime.handle().spawn(async { receive.await.unwrap() });
    runtime.block_on(given_up_and_taken_up(handle, || send.send(42).unwrap()));
}

#[test]
fn a_select_drops_what_it_owns_and_leaves_what_it_borrows() {
    let trace = Trace::new();
    let task = |name: &'static str| {
        let (trace, guard) = (trace.clone(), trace.on_drop(format_args!("{name}-gone")));
        spawn(async move {
            let _guard = guard;
            yield_now().await;
            yield_now().await;
            trace.push(format_args!("{name}-done"));
        })
    };
    block_on(async {
        let (owned, mut borrowed) = (task("owned"), task("borrowed"));
        let guarded = task("guarded").abort_on_drop();
        yield_now().await; // each has begun
        drop(select(owned, ready(())).await);
        drop(select(&mut borrowed, ready(())).await);
        drop(select(guarded, ready(())).await);
        trace.push("selected");
        borrowed.await.unwrap();
    });
    let done = "owned-done owned-gone borrowed-done borrowed-gone";
    assert_eq!(trace.take(), format!("selected guarded-gone {done}"));
}

#[test]
fn a_guard_that_goes_after_the_end_drops_the_output() {
    let trace = Trace::new();
    block_on(async {
        let output = trace.on_drop("output-dropped");
        let guard = spawn(async { output }).abort_on_drop();
        yield_now().await;
        assert!(guard.handle().is_finished());
        trace.push("ended");
        drop(guard);
        trace.push("left");
    });
    assert_eq!(trace.take(), "ended output-dropped left");
}

#[test]
fn an_output_of_a_sent_task_is_dropped_where_its_handle_is_or_by_the_task() {
    let runtime = Runtime::new().unwrap();
    let (send, dropped_on) = mpsc::channel();
    let output = TellsThread(send.clone());
    let handle = runtime.handle().spawn(async { output });
    runtime.run_until_stalled();
    let elsewhere = thread::spawn(move || drop(handle));
    let id = elsewhere.thread().id();
    elsewhere.join().unwrap();
    assert_eq!(dropped_on.try_recv(), Ok(id));

    let output = TellsThread(send);
    drop(runtime.handle().spawn(async { output }));
    runtime.run_until_stalled();
    assert_eq!(dropped_on.try_recv(), Ok(thread::current().id()));
}

#[test]
fn what_wraps_a_future_drops_it_when_it_is_dropped() {
    let trace = Trace::new();
    let waiting = |name| {
        let guard = trace.on_drop(name);
        async move {
            let _guard = guard;
            pending::<Result<(), String>>().await
        }
    };
    block_on(async {
        {
            let mut wrapped = pin!(unconstrained(waiting("unconstrained")));
            assert!(poll!(wrapped.as_mut()).is_pending());
        }
        {
            let mut wrapped = pin!(reported(waiting("reported")));
            assert!(poll!(wrapped.as_mut()).is_pending());
        }
        trace.push("after");
    });
    assert_eq!(trace.take(), "unconstrained reported after");
}

#[test]
fn tasks_that_block_on_leaves_behind_are_dropped_as_it_returns() {
    let trace = Trace::new();
    block_on(async {
        let guard = trace.on_drop("dropped");
        let waits = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        spawn(waits).detach();
        yield_now().await;
        trace.push("root");
    });
    trace.push("returned");
    assert_eq!(trace.take(), "root dropped returned");
}
