//! Lesson 36: tasks that wait for each other, under the real clock.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::channel::oneshot;
use taketurns::insight::{Deadlock, Finding};
use taketurns::sync::Mutex;
use taketurns::time::{sleep, timeout};
use taketurns::{Builder, JoinHandle, Runtime, spawn};

use crate::HOUR;
use crate::common::Trace;

type Reports = UnboundedReceiver<(Finding, String)>;

/// After this no report is to come any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// A runtime that sends its reports there: what is certain at once, what is suspected after the grace.
fn reporting(grace: Duration) -> (Runtime, Reports) {
    let (tell, told) = unbounded();
    let on_deadlock = move |deadlock: &Deadlock| {
        tell.unbounded_send((deadlock.finding(), deadlock.to_string())).unwrap();
    };
    let builder = Builder::new().deadlock_grace(grace).on_lost(|_| {}).on_deadlock(on_deadlock);
    (builder.build().unwrap(), told)
}

async fn first(reports: &mut Reports) -> (Finding, String) {
    timeout(PATIENCE, reports.next()).await.expect("a report").unwrap()
}

#[test]
fn two_tasks_that_await_each_other_are_told_while_the_run_goes_on() {
    let (runtime, mut reports) = reporting(HOUR);
    let (finding, text) = runtime.block_on(async {
        let (of_a, of_b) = (Rc::<Cell<Option<JoinHandle<()>>>>::default(), Rc::default());
        let awaits = |handle: &Rc<Cell<Option<JoinHandle<()>>>>| {
            let handle = Rc::clone(handle);
            spawn(async move { handle.take().unwrap().await.unwrap() })
        };
        let (a, b) = (awaits(&of_b), awaits(&of_a));
        of_a.set(Some(a));
        of_b.set(Some(b));
        first(&mut reports).await
    });
    assert_eq!(finding, Finding::Circle);
    assert!(
        text.contains("\nin a circle: task #1 waits for task #2, which waits for task #1\n"),
        "{text}"
    );
}

type Lock = Rc<Mutex<()>>;

async fn takes(name: char, locks: [Lock; 2], trace: Trace) {
    let _first = locks[0].lock().await;
    trace.push(format_args!("{name}-has-one"));
    sleep(Duration::from_millis(1)).await; // the loop parks
    let _second = locks[1].lock().await;
    trace.push(format_args!("{name}-has-both"));
}

#[test]
fn two_locks_in_two_orders_are_told_with_which_task_holds_which() {
    let (runtime, mut reports) = reporting(HOUR);
    let (one, two, trace) = (Lock::default(), Lock::default(), Trace::new());
    let (finding, text) = runtime.block_on(async {
        spawn(takes('a', [one.clone(), two.clone()], trace.clone())).detach();
        spawn(takes('b', [two.clone(), one.clone()], trace.clone())).detach();
        first(&mut reports).await
    });
    assert_eq!(trace.take(), "a-has-one b-has-one");
    assert_eq!(finding, Finding::Circle);
    let line = |task: &str, other: &str| {
        let lines = text.split_once(&format!("\n  {task}, ")).unwrap().1;
        let wait = lines.lines().nth(1).unwrap();
        let waits = format!("    waits for the `Mutex::lock()` at {}:", file!());
        wait.starts_with(&waits) && wait.contains(&format!(", locked by {other} at {}:", file!()))
    };
    assert!(line("task #1", "task #2") && line("task #2", "task #1"), "{text}");
}

#[test]
fn two_locks_in_one_order_are_no_deadlock() {
    let (runtime, mut reports) = reporting(Duration::ZERO);
    let (locks, trace) = ([Lock::default(), Lock::default()], Trace::new());
    runtime.block_on(async {
        for task in ['a', 'b'].map(|name| spawn(takes(name, locks.clone(), trace.clone()))) {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.take(), "a-has-one a-has-both b-has-one b-has-both");
    assert!(reports.try_recv().is_err(), "nothing is told");
}

#[test]
fn what_a_thread_may_still_end_is_only_suspected() {
    let (tell, told) = mpsc::channel();
    let on_deadlock = move |deadlock: &Deadlock| tell.send(deadlock.finding()).unwrap();
    let builder = Builder::new().deadlock_grace(Duration::ZERO).on_deadlock(on_deadlock);
    let (answer, answered) = oneshot::channel();
    // It answers once it is told of the deadlock.
    thread::spawn(move || answer.send(told.recv_timeout(PATIENCE)).unwrap());
    let told = builder.build().unwrap().block_on(answered).unwrap();
    assert_eq!(told, Ok(Finding::Suspected));
}
