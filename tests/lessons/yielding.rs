//! Lesson 16: a manager that yields every round, and awaits its children.

#![forbid(unsafe_code)]

use taketurns::time::sleep;
use taketurns::{JoinHandle, spawn, yield_now};

use crate::common::Trace;
use crate::{SECOND, Said, losing, played};

async fn child(said: Said, name: char, seconds: u32) {
    said.say(format_args!("start-{name}"));
    sleep(seconds * SECOND).await;
    said.say(format_args!("finish-{name}"));
}

async fn manager(said: &Said, works: &[u32]) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    for (name, &seconds) in ('a'..).zip(works) {
        tasks.push(spawn(child(said.clone(), name, seconds)));
        said.say(format_args!("made-{name}"));
        yield_now().await;
    }
    tasks
}

#[test]
fn each_child_starts_right_after_its_creation_and_all_are_awaited() {
    let said = played(|said| async move {
        for task in manager(&said, &[1, 3, 2]).await {
            task.await.unwrap();
        }
        said.say("end");
    });
    let starts = "0:made-a 0:start-a 0:made-b 0:start-b 0:made-c 0:start-c";
    assert_eq!(said, format!("{starts} 1:finish-a 2:finish-c 3:finish-b 3:end"));
}

#[test]
fn a_sleep_that_guesses_loses_the_child_that_takes_longer() {
    let trace = Trace::new();
    let runtime = losing();
    runtime.block_on(async {
        let said = Said { began: taketurns::time::Instant::now(), trace: trace.clone() };
        drop(manager(&said, &[1, 5]).await);
        sleep(2 * SECOND).await;
        said.say("end");
    });
    assert_eq!(trace.take(), "0:made-a 0:start-a 0:made-b 0:start-b 1:finish-a 2:end");
    assert_eq!(runtime.shutdown().lost().len(), 1);
}

/// Makes two children a round, without end.
async fn endless(trace: Trace) {
    for round in 0.. {
        for child in ["a", "b"] {
            let trace = trace.clone();
            spawn(async move { trace.push(format_args!("{child}{round}")) }).detach();
        }
        trace.push(format_args!("round-{round}"));
        yield_now().await;
    }
}

#[test]
fn one_without_end_is_stopped_from_outside() {
    let trace = Trace::new();
    losing().block_on(async {
        let manager = spawn(endless(trace.clone()));
        for _ in 0..3 {
            yield_now().await;
        }
        trace.push("stop");
        manager.abort();
        assert!(manager.await.unwrap_err().is_cancelled());
        trace.push("stopped");
    });
    assert_eq!(trace.take(), "round-0 a0 b0 round-1 a1 b1 round-2 stop a2 b2 stopped");
}
