//! How it ends: what is lost is dropped once, at home, in the runtime's context, and reported.

mod common;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use common::Trace;
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::{JoinHandle, Runtime, block_on, spawn, task, yield_now};

/// Waits for ever; runs `F` when dropped.
struct Last<F: FnMut()>(F);

impl<F: FnMut()> Unpin for Last<F> {}

impl<F: FnMut()> Future for Last<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl<F: FnMut()> Drop for Last<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn the_report_names_what_was_lost_in_the_order_of_spawning() {
    let runtime = Runtime::new().unwrap();
    let line = line!() + 2;
    runtime.block_on(async {
        spawn(pending::<()>()).detach();
        drop(spawn(async {}));
        task::Builder::new().name("feeder").spawn(pending::<()>()).detach();
        yield_now().await;
    });
    runtime.spawn(pending::<()>()).detach();
    let report = runtime.shutdown();
    let parts = report.lost().iter().map(|task| (task.name(), task.polls(), task.site().line()));
    let expected = [(None, 1, line), (Some("feeder"), 1, line + 2), (None, 0, line + 5)];
    assert_eq!(parts.collect::<Vec<_>>(), expected);
    let (file, never) = (file!(), line + 5);
    assert_eq!(
        report.to_string(),
        format!(
            "3 tasks were lost:\n  \
             task #1, spawned at {file}:{line}:9, polled once, stuck: no waker of it is left\n  \
             task #3 \"feeder\", spawned at {file}:{}:45, polled once, stuck: no waker of it is left\n  \
             task #4, spawned at {file}:{never}:13, never polled, ready to run",
            line + 2
        )
    );
}

#[test]
fn nothing_lost_is_said_too() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async { spawn(async {}).await.unwrap() });
    assert_eq!(runtime.shutdown().to_string(), "no task was lost");
}

#[test]
fn a_task_with_its_last_turn_behind_it_is_dropped_and_its_handle_says_why() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let (inner, guard) = (trace.clone(), trace.on_drop("dropped"));
    let task = async move {
        let _guard = guard;
        inner.push("last turn");
        pending::<u32>().await
    };
    let handle = runtime.block_on(async {
        let handle = spawn(task);
        Some(handle)
    });
    trace.push("returned");
    assert_eq!(runtime.shutdown().lost().len(), 1);
    let error = block_on(handle.unwrap()).unwrap_err();
    assert!(error.is_shutdown());
    trace.push(error);
    assert_eq!(
        trace.take(),
        "last turn returned dropped task #1 was dropped: its runtime shut down first"
    );
}

#[test]
fn tasks_are_dropped_in_the_order_of_spawning_inside_the_context() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    for name in ["a", "b", "c"] {
        let trace = trace.clone();
        let last = Last(move || {
            let spawned = spawn(async {});
            trace.push(format!("{name} spawned {}", spawned.id()));
        });
        runtime.spawn(last).detach();
    }
    // What the destructors spawn is lost too.
    assert_eq!(runtime.shutdown().lost().len(), 6);
    assert_eq!(trace.take(), "a spawned #4 b spawned #5 c spawned #6");
}

#[test]
fn what_a_destructor_spawns_never_runs_and_resolves_to_an_error() {
    let runtime = Runtime::new().unwrap();
    let late = Rc::new(RefCell::new(None::<JoinHandle<()>>));
    let place = Rc::clone(&late);
    let last = Last(move || *place.borrow_mut() = Some(spawn(async { panic!("ran") })));
    runtime.spawn(last).detach();
    drop(runtime);
    assert!(block_on(late.take().unwrap()).unwrap_err().is_shutdown());
}

#[test]
fn an_endless_chain_of_destructors_that_spawn_ends() {
    /// Spawns the next of its kind when dropped; the newest handle is kept.
    struct Chain(Rc<Cell<u32>>, Rc<RefCell<Option<JoinHandle<()>>>>);
    impl Drop for Chain {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            let next = Chain(Rc::clone(&self.0), Rc::clone(&self.1));
            let handle = spawn(async move {
                let _next = next;
                pending::<()>().await;
            });
            drop(self.1.replace(Some(handle)));
        }
    }
    let (drops, newest) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
    let chain = Chain(Rc::clone(&drops), Rc::clone(&newest));
    let runtime = Runtime::new().unwrap();
    runtime.spawn(async move { drop(chain) }).detach();
    drop(runtime);
    assert_eq!(drops.get(), 100_001);
    assert!(block_on(newest.take().unwrap()).unwrap_err().is_shutdown());
}

#[test]
fn destructors_may_wake_abort_and_drop_each_other() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let waker = Rc::new(RefCell::new(None::<Waker>));
    let peer = Rc::new(RefCell::new(None::<JoinHandle<()>>));
    let last = {
        let (trace, waker, peer) = (trace.clone(), Rc::clone(&waker), Rc::clone(&peer));
        Last(move || {
            waker.borrow().as_ref().unwrap().wake_by_ref();
            let peer = peer.take().unwrap();
            peer.abort();
            drop(peer);
            trace.push("first");
        })
    };
    runtime.spawn(last).detach();
    let guard = trace.on_drop("second");
    *peer.borrow_mut() = Some(runtime.spawn(poll_fn(move |cx| {
        let _guard = &guard;
        *waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })));
    runtime.block_on(async {});
    assert_eq!(runtime.shutdown().lost().len(), 2);
    assert_eq!(trace.take(), "first second");
}

#[test]
fn a_destructor_that_panics_harms_no_other_task() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let handle = runtime.spawn(Last(|| panic!("in drop")));
    let guard = trace.on_drop("dropped");
    runtime
        .spawn(async move {
            let _guard = guard;
        })
        .detach();
    drop(runtime);
    assert_eq!(trace.take(), "dropped");
    assert!(block_on(handle).unwrap_err().is_panic());
}

#[test]
fn a_waker_outlives_the_run_the_task_and_the_runtime() {
    let runtime = Runtime::new().unwrap();
    let root = runtime.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    root.wake_by_ref();
    runtime.block_on(yield_now());
    let task = runtime.spawn(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    let task = runtime.block_on(task).unwrap();
    drop(runtime);
    for waker in [root, task] {
        let copy = waker.clone();
        copy.wake();
        waker.wake_by_ref();
    }
}

#[test]
fn a_runtime_dropped_while_its_thread_panics_does_not_abort() {
    let caught = std::panic::catch_unwind(|| {
        let runtime = Runtime::new().unwrap();
        runtime.spawn(Last(|| ())).detach();
        panic!("unwinding");
    });
    assert!(caught.is_err());
}

#[test]
fn an_executor_of_ones_own_reports_what_it_is_closed_on() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.spawn(pending::<()>()).detach();
    assert_eq!(executor.block_on(async { 1 }), 1);
    assert_eq!(executor.close().len(), 1);
}
