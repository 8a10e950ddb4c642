//! Callbacks of a task: called once, in the order of registering, with the outcome, never inline.

mod common;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use common::Trace;
use taketurns::task::OnDoneError;
use taketurns::{
    Builder, JoinError, JoinHandle, Runtime, UnhandledPanic, block_on, spawn, yield_now,
};

/// A handle that callbacks of its own task can reach.
type Shared<T> = Rc<RefCell<Option<JoinHandle<T>>>>;

fn shared<T>(handle: JoinHandle<T>) -> Shared<T> {
    Rc::new(RefCell::new(Some(handle)))
}

fn on_done<T: 'static>(handle: &JoinHandle<T>, f: impl FnOnce(&Result<T, JoinError>) + 'static) {
    handle.on_done(f).unwrap();
}

/// Pushes `event` when the task is done.
fn note<T: 'static>(handle: &JoinHandle<T>, trace: &Trace, event: &'static str) {
    let trace = trace.clone();
    on_done(handle, move |_| trace.push(event));
}

fn poll_once<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> bool {
    pin!(handle).poll(&mut Context::from_waker(waker)).is_ready()
}

/// A runtime that writes down the failures nobody awaited.
fn watched() -> (Runtime, Arc<Mutex<Vec<String>>>) {
    let failures = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&failures);
    let write = move |failure: &taketurns::task::Unhandled| {
        list.lock().unwrap().push(failure.error().to_string());
    };
    let builder = Builder::new().unhandled_panic(UnhandledPanic::Call(Arc::new(write)));
    (builder.build().unwrap(), failures)
}

struct Said(&'static str, Sender<&'static str>);

impl Wake for Said {
    fn wake(self: Arc<Self>) {
        self.1.send(self.0).unwrap();
    }
}

#[test]
fn callbacks_and_a_foreign_waker_are_told_in_the_order_of_registering() {
    let (send, told) = mpsc::channel();
    block_on(async {
        let mut handle = spawn(yield_now());
        let callback = |name| {
            let send = send.clone();
            move |_: &Result<(), JoinError>| send.send(name).unwrap()
        };
        let waker = |name| Waker::from(Arc::new(Said(name, send.clone())));
        on_done(&handle, callback("first"));
        assert!(!poll_once(&mut handle, &waker("an awaiter that left")));
        on_done(&handle, callback("second"));
        // Who awaits it anew takes the old one's place.
        assert!(!poll_once(&mut handle, &waker("waker")));
        on_done(&handle, callback("third"));
        yield_now().await;
        assert_eq!(told.try_iter().count(), 0);
        yield_now().await;
    });
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["first", "waker", "second", "third"]);
}

#[test]
fn an_awaiting_task_is_woken_between_the_callbacks_it_registered_between() {
    let trace = Trace::new();
    block_on(async {
        let handle = spawn(async {
            yield_now().await;
            yield_now().await;
        });
        // What a callback spawns shows when it was called: its turn comes where the wake's does.
        let spawns = |name: &'static str| {
            let trace = trace.clone();
            move |_: &Result<(), JoinError>| {
                trace.push(name);
                spawn(async move { trace.push(format!("after-{name}")) }).detach();
            }
        };
        on_done(&handle, spawns("a"));
        let (handle, inner) = (shared(handle), trace.clone());
        let own = Rc::clone(&handle);
        let awaiter = spawn(async move {
            let awaited = poll_fn(|cx| pin!(own.borrow_mut().as_mut().unwrap()).poll(cx));
            awaited.await.unwrap();
            inner.push("awaiter");
        });
        yield_now().await;
        on_done(handle.borrow().as_ref().unwrap(), spawns("b"));
        awaiter.await.unwrap();
        yield_now().await;
    });
    assert_eq!(trace.take(), "a b after-a awaiter after-b");
}

#[test]
fn a_late_callback_is_not_called_inline_and_comes_before_a_later_awaiter() {
    let trace = Trace::new();
    block_on(async {
        let handle = spawn(async { 42 });
        yield_now().await;
        assert!(handle.is_finished());
        note(&handle, &trace, "late1");
        note(&handle, &trace, "late2");
        trace.push("registered");
        assert_eq!(handle.await.unwrap(), 42);
        trace.push("awaited");
    });
    assert_eq!(trace.take(), "registered late1 late2 awaited");
}

#[test]
fn a_late_callback_between_two_runs_is_called_in_the_second() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let handle = runtime.spawn(async {});
    runtime.block_on(yield_now());
    note(&handle, &trace, "late");
    trace.push("between");
    runtime.block_on(async {});
    assert_eq!(trace.take(), "between late");
}

#[test]
fn what_a_callback_registers_has_a_turn_of_its_own() {
    let trace = Trace::new();
    block_on(async {
        let handle = shared(spawn(async {}));
        let (own, inner) = (Rc::clone(&handle), trace.clone());
        on_done(handle.borrow().as_ref().unwrap(), move |_| {
            note(own.borrow().as_ref().unwrap(), &inner, "second");
            let between = inner.clone();
            spawn(async move { between.push("between") }).detach();
            inner.push("first");
        });
        note(handle.borrow().as_ref().unwrap(), &trace, "beside");
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(trace.take(), "first beside between second");
}

#[test]
fn when_the_output_was_taken_the_error_says_so() {
    let trace = Trace::new();
    block_on(async {
        let mut handle = spawn(async {});
        (&mut handle).await.unwrap();
        let guard = trace.on_drop("refused");
        let error = handle.on_done(move |_| drop(guard)).unwrap_err();
        assert_eq!(error, OnDoneError::Taken);
        trace.push(error);
    });
    let text = "the output was taken already: call `on_done` before awaiting the handle";
    assert_eq!(trace.take(), format!("refused {text}"));
}

#[test]
fn when_the_executor_has_ended_the_error_says_so() {
    let runtime = Runtime::new().unwrap();
    let (done, lost) = (runtime.spawn(async {}), runtime.spawn(pending::<()>()));
    runtime.block_on(async {});
    drop(runtime);
    for handle in [done, lost] {
        let error = handle.on_done(|_| unreachable!()).unwrap_err();
        assert_eq!(error, OnDoneError::Ended);
        let text = "the task's executor has ended: call `on_done` before that";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_handle_dropped_before_the_end_leaves_its_callbacks() {
    let trace = Trace::new();
    block_on(async {
        let output = trace.on_drop("output-dropped");
        let handle = spawn(async move {
            yield_now().await;
            output
        });
        note(&handle, &trace, "a");
        note(&handle, &trace, "b");
        drop(handle);
        trace.push("handle-dropped");
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(trace.take(), "handle-dropped a b output-dropped");
}

#[test]
fn a_handle_dropped_with_a_late_callback_leaves_it_the_output() {
    let trace = Trace::new();
    block_on(async {
        let output = trace.on_drop("output-dropped");
        let handle = spawn(async move { output });
        yield_now().await;
        note(&handle, &trace, "late");
        drop(handle);
        trace.push("handle-dropped");
        yield_now().await;
    });
    assert_eq!(trace.take(), "handle-dropped late output-dropped");
}

#[test]
fn an_awaiter_that_left_is_not_woken_and_the_callbacks_stay() {
    let (send, told) = mpsc::channel();
    block_on(async {
        let mut handle = spawn(yield_now());
        let callback = send.clone();
        on_done(&handle, move |_| callback.send("callback").unwrap());
        let waker = Waker::from(Arc::new(Said("waker", send.clone())));
        assert!(!poll_once(&mut handle, &waker));
        drop(handle);
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["callback"]);
}

#[test]
fn every_outcome_reaches_the_callbacks_and_a_panic_they_saw_is_not_reported() {
    let trace = Trace::new();
    let (runtime, failures) = watched();
    let tell = |handle: &JoinHandle<u32>| {
        let trace = trace.clone();
        on_done(handle, move |outcome| {
            trace.push(outcome.as_ref().map_or_else(JoinError::to_string, u32::to_string));
        });
    };
    let handles = [
        runtime.spawn(async { 42 }),
        runtime.spawn(pending()),
        runtime.spawn(async { panic!("boom") }),
    ];
    handles.iter().for_each(tell);
    handles[1].abort();
    drop(handles);
    tell(&runtime.spawn(pending()));
    runtime.block_on(async {});
    assert_eq!(trace.take(), "42 task #2 was cancelled task #3 panicked: boom");
    drop(runtime);
    assert_eq!(trace.take(), "task #4 was dropped: its runtime shut down first");
    assert!(failures.lock().unwrap().is_empty());
}

#[test]
fn a_panic_that_a_callback_saw_is_not_reported_when_the_handle_goes() {
    let (runtime, failures) = watched();
    runtime.block_on(async {
        let handle: JoinHandle<()> = spawn(async { panic!("boom") });
        on_done(&handle, |outcome| assert!(outcome.is_err()));
        yield_now().await;
        drop(handle);
    });
    drop(runtime);
    assert_eq!(*failures.lock().unwrap(), [""; 0]);
}

#[test]
fn a_callback_that_panics_keeps_nobody_from_being_told_and_is_reported_once() {
    let trace = Trace::new();
    let (runtime, failures) = watched();
    runtime.block_on(async {
        let handle = spawn(async { 42 });
        note(&handle, &trace, "before");
        on_done(&handle, |_| panic!("callback"));
        note(&handle, &trace, "after");
        assert_eq!(handle.await.unwrap(), 42);

        let late = spawn(async {});
        yield_now().await;
        on_done(&late, |_| panic!("late callback"));
        note(&late, &trace, "after-late");
        late.await.unwrap();
    });
    assert_eq!(trace.take(), "before after after-late");
    drop(runtime);
    let expected = [
        "a destructor, waker or callback of task #1 panicked: callback",
        "a destructor, waker or callback of task #2 panicked: late callback",
    ];
    assert_eq!(*failures.lock().unwrap(), expected);
}

#[test]
fn a_callback_may_drop_the_handle_and_the_output_is_dropped_after_the_last() {
    let trace = Trace::new();
    for late in [false, true] {
        block_on(async {
            let output = trace.on_drop("output-dropped");
            let handle = shared(spawn(async move { output }));
            if late {
                yield_now().await;
            }
            let (own, inner) = (Rc::clone(&handle), trace.clone());
            on_done(handle.borrow().as_ref().unwrap(), move |outcome| {
                drop(own.take());
                assert!(outcome.is_ok());
                inner.push("handle-dropped");
            });
            note(handle.borrow().as_ref().unwrap(), &trace, "other");
            yield_now().await;
        });
        assert_eq!(trace.take(), "handle-dropped other output-dropped", "late: {late}");
    }
}

#[test]
fn a_callback_may_poll_the_handle_which_keeps_the_output() {
    for late in [false, true] {
        block_on(async {
            let handle = shared(spawn(async { 42 }));
            if late {
                yield_now().await;
            }
            let own = Rc::clone(&handle);
            on_done(handle.borrow().as_ref().unwrap(), move |_| {
                assert!(!poll_once(own.borrow_mut().as_mut().unwrap(), Waker::noop()));
            });
            yield_now().await;
            let handle = handle.take().unwrap();
            assert_eq!(handle.await.unwrap(), 42);
        });
    }
}

#[test]
fn a_callback_may_spawn_abort_and_wake() {
    let trace = Trace::new();
    block_on(async {
        let other = spawn(pending::<()>());
        let stopped = other.abort_handle();
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let (handle, inner) = (spawn(async { 42 }), trace.clone());
        let own = handle.abort_handle();
        on_done(&handle, move |_| {
            stopped.abort();
            own.abort(); // it has ended: nothing comes of it
            waker.wake_by_ref();
            spawn(async move { inner.push("spawned") }).detach();
        });
        // One wake of the root: by the callback.
        let mut woken = false;
        poll_fn(
            |_| if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending },
        )
        .await;
        trace.push("woken");
        assert!(other.await.unwrap_err().is_cancelled());
        assert_eq!(handle.await.unwrap(), 42);
    });
    assert_eq!(trace.take(), "woken spawned");
}

#[test]
fn late_callbacks_are_called_when_the_executor_ends_first() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let (handle, output) = (runtime.spawn(async { 42 }), trace.on_drop("output-dropped"));
    let dropped = runtime.spawn(async move { output });
    runtime.block_on(yield_now());
    note(&handle, &trace, "kept");
    note(&dropped, &trace, "dropped");
    drop(dropped);
    assert_eq!(runtime.shutdown().to_string(), "no task was lost");
    assert_eq!(trace.take(), "kept dropped output-dropped");
    assert_eq!(block_on(handle).unwrap(), 42);
}

#[test]
fn what_a_late_callback_spawns_at_the_end_is_dropped_and_reported() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let (handle, late) = (runtime.spawn(async {}), Rc::new(RefCell::new(None)));
    runtime.block_on(yield_now());
    let (inner, place) = (trace.clone(), Rc::clone(&late));
    on_done(&handle, move |_| {
        let (ran, guard) = (inner.clone(), inner.on_drop("dropped"));
        let spawned = spawn(async move {
            let _guard = guard;
            ran.push("ran");
        });
        *place.borrow_mut() = Some(spawned);
        inner.push("called");
    });
    assert_eq!(runtime.shutdown().lost().len(), 1);
    assert_eq!(trace.take(), "called dropped");
    assert!(block_on(late.take().unwrap()).unwrap_err().is_shutdown());
}
