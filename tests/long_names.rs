//! Reports of a task with a very long name have the beginning of it, also once the task has ended.

#![cfg(feature = "offload")]
#![forbid(unsafe_code)]

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake};
use std::time::Duration;

use taketurns::insight::{Deadlock, Named};
use taketurns::sync::Event;
use taketurns::task::{self, Unhandled};
use taketurns::{Builder, UnhandledPanic, spawn_blocking};

const LONG: Duration = Duration::from_secs(60);

/// 20 kB. Byte 200 is the second of a character.
fn long() -> String {
    format!("x{}", "ä".repeat(10_000))
}

/// As much of it as reports have.
fn short() -> String {
    format!("x{}…", "ä".repeat(99))
}

fn named() -> task::Builder {
    task::Builder::new().name(long())
}

#[test]
fn the_task_itself_has_its_whole_name() {
    taketurns::block_on(async {
        let name = named().spawn(async { task::current().unwrap().name().map(str::to_owned) });
        assert!(name.await.unwrap() == Some(long()));
    });
}

#[test]
fn what_is_kept_of_a_task_that_has_ended_has_the_beginning_of_its_name() {
    let runtime = Builder::new().trace(100).build().unwrap();
    let (ended, failed) = runtime.block_on(async {
        let ended = named().spawn(async {});
        let id = ended.id();
        ended.await.unwrap();
        (id, named().spawn(async { panic!("on purpose") }).await.unwrap_err())
    });
    assert_eq!(runtime.trace().unwrap().name(ended), Some(&*short()));
    assert_eq!(failed.task().unwrap().name(), Some(&*short()));
    runtime.block_on(async { named().spawn(pending::<()>()).detach() });
    assert_eq!(runtime.shutdown().lost()[0].name(), Some(&*short()));
}

#[test]
fn a_failure_that_no_awaiter_sees_has_the_beginning_of_its_tasks_name() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    let tell = move |failure: &Unhandled| {
        let name = failure.task().unwrap().name().unwrap().to_owned();
        tells.lock().unwrap().push(name);
    };
    let builder = Builder::new().unhandled_panic(UnhandledPanic::Call(Arc::new(tell)));
    builder.build().unwrap().block_on(async {
        named().spawn(async { panic!("on purpose") }).detach();
        let failing = async { Err::<(), _>("on purpose") };
        named().spawn(task::reported(failing)).detach();
        named().spawn(async { wake_a_waker_that_panics() }).detach();
        taketurns::yield_now().await;
    });
    assert_eq!(*told.lock().unwrap(), [short(), short(), short()]);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

fn wake_a_waker_that_panics() {
    let event = Event::new();
    let waits = pin!(event.wait());
    assert!(waits.poll(&mut Context::from_waker(&Arc::new(Panics).into())).is_pending());
    event.set();
}

#[test]
fn a_dump_has_the_beginning_of_each_name_whether_the_loop_answers_or_is_stuck() {
    let runtime = Builder::new().task_slab(true).build().unwrap();
    let handle = runtime.handle();
    runtime.block_on(async {
        named().spawn(pending::<()>()).detach();
        let asks = handle.clone();
        let answered = spawn_blocking(move || asks.dump(LONG)).await.unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(handle.dump(Duration::ZERO)));
        let stuck = told.recv().unwrap();
        assert!(answered.is_answered() && !stuck.is_answered());
        for dump in [answered, stuck, runtime.dump()] {
            assert_eq!(dump.tasks()[1].info().name(), Some(&*short()));
        }
    });
}

#[test]
fn a_wait_has_the_beginning_of_its_name() {
    let (tell, told) = mpsc::channel();
    let on_deadlock = move |deadlock: &Deadlock| {
        let waits = deadlock.tasks().flat_map(|(_, waits)| waits);
        tell.send(waits.filter_map(|wait| wait.label().map(str::to_owned)).collect()).unwrap();
    };
    let runtime = Builder::new().on_deadlock(on_deadlock).build().unwrap();
    runtime.block_on(async {
        let long: &'static str = long().leak();
        taketurns::spawn(pending::<()>().named(long)).detach();
        taketurns::spawn(pending::<()>().named(long.to_owned()).named("a short one")).detach();
        let labels: Vec<String> = spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        assert_eq!(labels, [short(), "a short one".to_owned(), short()]);
    });
}

#[test]
fn a_stall_has_the_beginning_of_the_names_of_task_and_thread() {
    let (tell, told) = mpsc::channel();
    let runs = move || {
        let runtime = Builder::new()
            .stall_threshold(Duration::from_millis(4))
            .on_stall(move |stall| {
                if let Some(name) = stall.name() {
                    let _ = tell.send([name.to_owned(), stall.thread().to_owned()]);
                }
            })
            .build()
            .unwrap();
        let stalls = async move { assert_eq!(told.recv().unwrap(), [short(), short()]) };
        runtime.block_on(async { named().spawn(stalls).await.unwrap() });
    };
    std::thread::Builder::new().name(long()).spawn(runs).unwrap().join().unwrap();
}
