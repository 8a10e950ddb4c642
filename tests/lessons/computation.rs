//! Lesson 30: a computation in place, on a thread, and in a process that may crash.

#![forbid(unsafe_code)]

use std::env;
use std::process::{Command, Output};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use taketurns::{block_on, spawn, spawn_blocking};

use crate::common::Trace;

/// Not used up: the loop goes on meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a task that does `work` says, and a task beside it that is ready for its turn. `work` can wait for that turn.
fn beside(work: impl AsyncFnOnce(Receiver<()>) -> String) -> String {
    let trace = Trace::new();
    block_on(async {
        let (tell, seen) = mpsc::channel();
        let said = trace.clone();
        let neighbour = spawn(async move {
            said.push("neighbour");
            let _ = tell.send(());
        });
        trace.push(work(seen).await);
        neighbour.await.unwrap();
    });
    trace.take()
}

fn compute() -> u64 {
    (0..123_457).map(|i: u64| i * i).sum::<u64>() % 1000
}

/// This test binary as a program that computes nothing: it lists its tests, or refuses an option.
fn program(option: &str) -> Output {
    Command::new(env::current_exe().unwrap()).args([option, "--exact", "no-such"]).output().unwrap()
}

#[test]
fn keeps_every_other_task_waiting_in_place() {
    assert_eq!(beside(async |_| compute().to_string()), "816 neighbour");
}

#[test]
fn lets_the_loop_go_on_from_a_thread() {
    let on_a_thread = async |seen: Receiver<()>| {
        let job = spawn_blocking(move || {
            seen.recv_timeout(PATIENCE).unwrap();
            compute()
        });
        job.await.unwrap().to_string()
    };
    assert_eq!(beside(on_a_thread), "neighbour 816");
}

#[test]
fn lets_the_loop_go_on_from_a_process_however_that_ends() {
    for (option, end) in [("--list", "Some(0)"), ("--no-such-option", "Some(101)")] {
        let in_a_process = async |seen: Receiver<()>| {
            let job = spawn_blocking(move || {
                seen.recv_timeout(PATIENCE).unwrap();
                program(option)
            });
            format!("{:?}", job.await.unwrap().status.code())
        };
        assert_eq!(beside(in_a_process), format!("neighbour {end}"));
    }
}
