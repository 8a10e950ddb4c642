//! Abort from anywhere: the future is dropped at home, in the task's next turn, and never inside the call.

mod common;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

use common::Trace;
use taketurns::{AbortHandle, JoinHandle, Runtime, block_on, spawn, yield_now};

/// Waits for ever; says when it is polled and when it is dropped.
fn waiting(trace: &Trace) -> impl Future<Output = ()> + 'static {
    let (trace, guard) = (trace.clone(), trace.on_drop("dropped"));
    poll_fn(move |_| {
        let _guard = &guard;
        trace.push("polled");
        Poll::Pending
    })
}

/// As [`waiting`]; its waker is left in the place.
fn reachable(trace: &Trace) -> (impl Future<Output = ()> + 'static, Rc<RefCell<Option<Waker>>>) {
    let place = Rc::new(RefCell::new(None));
    let (left, mut waiting) = (Rc::clone(&place), Box::pin(waiting(trace)));
    let future = poll_fn(move |cx| {
        *left.borrow_mut() = Some(cx.waker().clone());
        waiting.as_mut().poll(cx)
    });
    (future, place)
}

fn elsewhere(f: impl FnOnce() + Send) {
    thread::scope(|scope| scope.spawn(f).join().unwrap());
}

#[test]
fn it_goes_anywhere() {
    fn anywhere<T: Send + Sync + Clone + Unpin + 'static>() {}
    anywhere::<AbortHandle>();
}

#[test]
fn at_home_the_future_is_dropped_in_the_tasks_next_turn() {
    let trace = Trace::new();
    block_on(async {
        let handle = spawn(waiting(&trace));
        let abort = handle.abort_handle();
        assert_eq!(abort.id(), handle.id());
        yield_now().await;
        let ahead = trace.clone();
        spawn(async move { ahead.push("ahead") }).detach();
        abort.abort();
        abort.abort();
        let behind = trace.clone();
        spawn(async move { behind.push("behind") }).detach();
        trace.push("aborted");
        assert!(!handle.is_finished());
        trace.push(handle.await.unwrap_err());
    });
    let turns = "polled aborted ahead dropped behind task #1 was cancelled";
    assert_eq!(trace.take(), turns);
}

#[test]
fn between_runs_it_waits_for_the_next_run() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let handle = runtime.spawn(waiting(&trace));
    runtime.block_on(async {});
    handle.abort_handle().abort();
    trace.push("aborted");
    assert!(!handle.is_finished());
    runtime.block_on(async { trace.push("run") });
    assert!(runtime.block_on(handle).unwrap_err().is_cancelled());
    assert_eq!(trace.take(), "polled aborted run dropped");
}

#[test]
fn from_another_thread_it_is_dropped_at_home() {
    let trace = Trace::new();
    let home = thread::current().id();
    block_on(async {
        struct AtHome(thread::ThreadId);
        impl Drop for AtHome {
            fn drop(&mut self) {
                assert_eq!(self.0, thread::current().id());
            }
        }
        let (guard, future) = (AtHome(home), waiting(&trace));
        let handle = spawn(async move {
            let _guard = guard;
            future.await;
        });
        let abort = handle.abort_handle();
        yield_now().await;
        elsewhere(move || abort.abort());
        trace.push("aborted");
        assert!(handle.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "polled aborted dropped");
}

#[test]
fn from_another_thread_it_ends_a_wait() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.spawn(pending::<()>());
    let abort = handle.abort_handle();
    let (send, receive) = std::sync::mpsc::channel();
    let aborting = thread::spawn(move || {
        receive.recv().unwrap();
        abort.abort();
    });
    let error = runtime.block_on(async {
        yield_now().await;
        send.send(()).unwrap();
        handle.await.unwrap_err()
    });
    assert!(error.is_cancelled());
    aborting.join().unwrap();
}

#[test]
fn before_its_first_turn_a_task_is_never_polled() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    for from in ["home", "between", "elsewhere"] {
        let handle = runtime.spawn(waiting(&trace));
        let abort = handle.abort_handle();
        match from {
            "between" => abort.abort(),
            "elsewhere" => elsewhere(|| abort.abort()),
            _ => handle.abort(),
        }
        assert!(runtime.block_on(handle).unwrap_err().is_cancelled());
        assert_eq!(trace.take(), "dropped", "{from}");
    }
}

#[test]
fn a_task_both_woken_and_aborted_is_dropped_and_not_polled() {
    let trace = Trace::new();
    for (from, wake_first) in [("home", true), ("home", false), ("away", true), ("away", false)] {
        block_on(async {
            let (future, waker) = reachable(&trace);
            let handle = spawn(future);
            yield_now().await;
            let (abort, waker) = (handle.abort_handle(), waker.take().unwrap());
            let both = move || {
                let steps: [&dyn Fn(); 2] = [&|| waker.wake_by_ref(), &|| abort.abort()];
                steps[usize::from(!wake_first)]();
                steps[usize::from(wake_first)]();
            };
            if from == "home" {
                both();
            } else {
                elsewhere(both);
            }
            assert!(handle.await.unwrap_err().is_cancelled());
        });
        assert_eq!(trace.take(), "polled dropped", "{from}, wake first: {wake_first}");
    }
}

#[test]
fn a_wake_after_the_abort_gives_no_turn() {
    let trace = Trace::new();
    block_on(async {
        let (future, waker) = reachable(&trace);
        let handle = spawn(future);
        yield_now().await;
        handle.abort_handle().abort();
        yield_now().await;
        let waker = waker.take().unwrap();
        waker.wake_by_ref();
        elsewhere(|| waker.wake());
        yield_now().await;
        assert!(handle.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "polled dropped");
}

#[test]
fn after_the_end_the_output_stays() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.spawn(async { 42 });
    let abort = handle.abort_handle();
    runtime.block_on(async {
        yield_now().await;
        abort.abort();
        elsewhere(|| abort.abort());
        yield_now().await;
    });
    abort.abort();
    runtime.block_on(async { assert_eq!(handle.await.unwrap(), 42) });
    // The task is gone; what aborts it knows its name still.
    abort.abort();
    elsewhere(|| abort.clone().abort());
    assert_eq!(abort.id().to_string(), "#1");
}

#[test]
fn after_the_runtime_is_gone_nothing_comes_of_it() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.spawn(pending::<()>());
    let abort = handle.abort_handle();
    drop(runtime);
    abort.abort();
    elsewhere(|| abort.clone().abort());
    assert!(block_on(handle).unwrap_err().is_shutdown());
    elsewhere(move || drop(abort));
}

#[test]
fn its_clones_keep_neither_the_future_nor_the_output() {
    let trace = Trace::new();
    block_on(async {
        let output = trace.on_drop("output-dropped");
        let handle = spawn(async move { output });
        let (abort, copy) = (handle.abort_handle(), handle.abort_handle().clone());
        drop(handle);
        yield_now().await;
        trace.push("ended");
        drop(abort);
        elsewhere(move || drop(copy));
    });
    assert_eq!(trace.take(), "output-dropped ended");
}

#[test]
fn a_guard_that_is_dropped_aborts_and_one_that_is_awaited_gives_the_output() {
    let trace = Trace::new();
    block_on(async {
        let guard = spawn(waiting(&trace)).abort_on_drop();
        yield_now().await;
        assert!(!guard.handle().is_finished());
        drop(guard);
        trace.push("left");
        yield_now().await;

        let guard = spawn(async {
            yield_now().await;
            42
        });
        assert_eq!(guard.abort_on_drop().await.unwrap(), 42);
        trace.push("end");
    });
    assert_eq!(trace.take(), "polled left dropped end");
}

#[test]
fn a_guard_dropped_while_it_is_awaited_aborts() {
    let trace = Trace::new();
    block_on(async {
        let guard = spawn(waiting(&trace)).abort_on_drop();
        let awaiting = spawn(guard);
        yield_now().await;
        yield_now().await;
        awaiting.abort();
        yield_now().await; // drops the awaiting task's future, and with it the guard
        yield_now().await;
        trace.push("end");
    });
    assert_eq!(trace.take(), "polled dropped end");
}

#[test]
fn a_guard_polled_after_it_gave_the_output_panics_with_the_tasks_name() {
    let caught = std::panic::catch_unwind(|| {
        block_on(async {
            let mut guard = spawn(async {}).abort_on_drop();
            (&mut guard).await.unwrap();
            let _again = pin!(guard).poll(&mut Context::from_waker(Waker::noop()));
        });
    });
    let text = caught.unwrap_err().downcast::<String>().unwrap();
    let begins = format!("JoinHandle of task #1, spawned at {}:", file!());
    assert!(text.starts_with(&begins), "{text}");
    assert!(text.ends_with(", polled after it gave the output: await it once"), "{text}");
}

#[test]
fn a_task_may_abort_itself_by_its_own_abort_handle() {
    let trace = Trace::new();
    block_on(async {
        let own = Rc::new(Cell::new(None::<AbortHandle>));
        let (inner, place) = (trace.clone(), Rc::clone(&own));
        let handle: JoinHandle<()> = spawn(async move {
            place.take().unwrap().abort();
            inner.push("still-here");
            yield_now().await;
            inner.push("not-here");
        });
        own.set(Some(handle.abort_handle()));
        assert!(handle.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "still-here");
}
