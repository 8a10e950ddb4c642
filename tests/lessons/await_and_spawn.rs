//! Lesson 27: awaiting a future makes no task.

#![forbid(unsafe_code)]

use taketurns::task::{Id, current};
use taketurns::{block_on, spawn, yield_now};

use crate::common::Trace;

fn me() -> Option<Id> {
    current().map(|task| task.id())
}

async fn work(name: char, caller: Option<Id>, trace: Trace) {
    trace.push(format_args!("{name}-{}", if me() == caller { "same" } else { "other" }));
    yield_now().await;
    trace.push(format_args!("{name}-ends"));
}

/// What `main` says as a task, which has an id, as the future of `block_on` has none.
fn said(main: impl AsyncFn(Trace) + 'static) -> String {
    let trace = Trace::new();
    let inner = trace.clone();
    block_on(async { spawn(async move { main(inner).await }).await.unwrap() });
    trace.take()
}

#[test]
fn an_awaited_future_runs_in_the_awaiting_task_and_nothing_of_it_before() {
    let said = said(async |trace| {
        let (a, b) = (work('a', me(), trace.clone()), work('b', me(), trace.clone()));
        trace.push("made");
        yield_now().await;
        trace.push("a-turn-later");
        a.await;
        b.await;
    });
    assert_eq!(said, "made a-turn-later a-same a-ends b-same b-ends");
}

#[test]
fn a_spawned_future_runs_in_a_task_of_its_own_whether_or_not_it_is_awaited() {
    let said = said(async |trace| {
        let (a, b) = (work('a', me(), trace.clone()), work('b', me(), trace.clone()));
        let tasks = [spawn(a), spawn(b)];
        trace.push("spawned");
        yield_now().await;
        yield_now().await;
        trace.push(tasks.iter().all(taketurns::JoinHandle::is_finished));
    });
    assert_eq!(said, "spawned a-other b-other a-ends b-ends true");
}
