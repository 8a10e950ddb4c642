//! Lesson 23: work for a loop on another thread, and the end of that loop.

#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::thread;

use taketurns::{Handle, JoinError, Runtime, yield_now};

use crate::across::Events;

#[test]
fn is_done_on_the_thread_of_the_loop_though_it_was_sent_before() {
    let events = Events::default();
    let said = events.clone();
    let (tell, told) = mpsc::channel();
    let (begin, begins) = mpsc::channel();
    let thread = thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        tell.send(runtime.handle()).unwrap();
        begins.recv().unwrap();
        said.push("runs");
        runtime.run_forever();
        said.push("has-ended");
    });
    let (handle, loops, said) = (told.recv().unwrap(), thread.thread().id(), events.clone());
    let early = handle.spawn(async move {
        assert_eq!(thread::current().id(), loops);
        yield_now().await;
        said.push("works");
        1
    });
    assert!(!early.is_finished());
    begin.send(()).unwrap();
    events.push(early.wait().unwrap());
    let fails = handle.spawn(async { Err::<(), _>("no") });
    events.push(fails.wait().unwrap().unwrap_err());
    handle.stop();
    thread.join().unwrap();
    events.push("joined");
    assert_eq!(events.take(), "runs works 1 no has-ended joined");
}

/// Waits, without a limit, on a thread that is not the loop's.
fn refusal(handle: &Handle, events: &Events) -> JoinError {
    let (handle, said) = (handle.clone(), events.clone());
    let waits = move || handle.spawn(async move { said.push("done") }).wait().unwrap_err();
    thread::spawn(waits).join().unwrap()
}

#[test]
fn is_not_waited_for_where_the_loop_was_stopped_and_refused_where_it_has_ended() {
    let events = Events::default();
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    handle.stop();
    runtime.run_forever();
    let stopped = refusal(&handle, &events);
    assert!(stopped.is_stopped(), "{stopped}");
    assert_eq!(events.take(), "");
    runtime.run_until_stalled();
    assert_eq!(events.take(), "done");
    drop(runtime);
    let closed = refusal(&handle, &events);
    assert!(closed.is_shutdown(), "{closed}");
    assert_eq!(events.take(), "");
}
