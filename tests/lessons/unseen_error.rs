//! Lesson 28: an error in a task that nothing awaits.

#![forbid(unsafe_code)]

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use taketurns::task::{Unhandled, reported};
use taketurns::{Builder, Runtime, UnhandledPanic, spawn, yield_now};

type Events = Arc<Mutex<Vec<String>>>;

fn push(events: &Events, event: &str) {
    events.lock().unwrap().push(event.to_owned());
}

fn reporting(events: &Events) -> Runtime {
    let events = Arc::clone(events);
    let report = move |failure: &Unhandled| push(&events, &failure.error().to_string());
    Builder::new().unhandled_panic(UnhandledPanic::Call(Arc::new(report))).build().unwrap()
}

async fn fails(events: Events) -> Result<(), &'static str> {
    push(&events, "fails");
    Err("no")
}

async fn panics(events: Events) {
    push(&events, "panics");
    resume_unwind(Box::new("no"));
}

fn assert_said(events: &Events, expected: &[&str]) {
    assert_eq!(*events.lock().unwrap(), expected);
}

#[test]
fn vanishes_with_the_output_of_a_detached_task() {
    let events = Events::default();
    let runtime = reporting(&events);
    runtime.block_on(async {
        spawn(fails(events.clone())).detach();
        yield_now().await;
        push(&events, "end");
    });
    assert!(runtime.shutdown().lost().is_empty());
    assert_said(&events, &["fails", "end"]);
}

#[test]
fn is_reported_as_the_task_ends_where_it_is_wrapped() {
    let events = Events::default();
    reporting(&events).block_on(async {
        spawn(reported(fails(events.clone()))).detach();
        yield_now().await;
        push(&events, "end");
    });
    assert_said(&events, &["fails", "no", "end"]);
}

#[test]
fn a_panic_is_reported_when_no_awaiter_can_come_any_more() {
    let events = Events::default();
    let runtime = reporting(&events);
    let mut kept = None;
    runtime.block_on(async {
        spawn(panics(events.clone())).detach();
        kept = Some(spawn(panics(events.clone())));
        yield_now().await;
        push(&events, "end");
    });
    push(&events, "drop");
    drop(kept);
    let first = "task #1 panicked: no";
    let second = "task #2 panicked: no";
    assert_said(&events, &["panics", first, "panics", "end", "drop", second]);
}

#[test]
fn is_the_awaiters_where_there_is_one() {
    let events = Events::default();
    reporting(&events).block_on(async {
        assert_eq!(spawn(fails(events.clone())).await.unwrap(), Err("no"));
        assert!(spawn(panics(events.clone())).await.unwrap_err().is_panic());
    });
    assert_said(&events, &["fails", "panics"]);
}
