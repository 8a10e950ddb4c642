//! Lesson 38: a loop that is stuck in a call can still be asked.

#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use taketurns::insight::Dump;
use taketurns::sync::Event;
use taketurns::time::sleep;
use taketurns::{Builder, spawn, task};

use crate::HOUR;

/// What another thread is told while a task blocks the loop until that has asked.
fn asked_while_stuck(builder: Builder) -> Dump {
    let runtime = builder.on_lost(|_| {}).build().unwrap();
    let handle = runtime.handle();
    let (ask, may_ask) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let asks = thread::spawn(move || {
        may_ask.recv().unwrap();
        answer.send(handle.dump(Duration::from_millis(20))).unwrap();
    });
    let dump = runtime.block_on(async {
        let event = std::rc::Rc::new(Event::new());
        let waits = event.clone();
        spawn(sleep(HOUR)).detach();
        spawn(async move { waits.wait().await }).detach();
        let culprit = task::Builder::new().name("culprit").spawn(async move {
            event.set();
            ask.send(()).unwrap();
            answered.recv().unwrap()
        });
        culprit.await.unwrap()
    });
    asks.join().unwrap();
    dump
}

#[test]
fn with_a_slab_it_names_the_task_that_has_the_turn_and_those_behind_it() {
    let dump = asked_while_stuck(Builder::new().task_slab(true));
    assert!(!dump.is_answered());
    let heading = dump.to_string();
    let heading = heading.lines().next().unwrap();
    assert!(heading.contains("it is in the turn of task #3 \"culprit\", spawned at "), "{heading}");
    let told: Vec<String> = dump
        .tasks()
        .iter()
        .map(|task| {
            let info = task.info();
            format!("{} {:?} by {}", info.id(), info.state(), task.woken_by().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            "#0 Waiting by the program, between turns",
            "#1 Waiting by the future of `block_on`",
            "#2 Ready by task #3",
            "#3 Running by the future of `block_on`",
        ]
    );
}

#[test]
fn without_a_slab_it_says_that_the_loop_is_stuck_and_how_many_tasks_it_has() {
    let dump = asked_while_stuck(Builder::new());
    assert!(!dump.is_answered() && dump.tasks().is_empty());
    let text = dump.to_string();
    assert!(
        text.contains("no answer from the loop within 20ms: ") && text.contains("3 tasks"),
        "{text}"
    );
}
