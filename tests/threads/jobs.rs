//! Inside a blocking job `Handle::current` is a handle of the loop that the job belongs to.

use std::sync::mpsc;
use std::thread;

use futures::channel::oneshot;
use taketurns::{Handle, block_on, spawn, spawn_blocking};

use super::runtime;

/// Where the loop behind the current handle runs.
fn home() -> thread::ThreadId {
    Handle::current().call(|| thread::current().id()).unwrap()
}

#[test]
fn a_job_finds_its_own_loop() {
    let here = thread::current().id();
    block_on(async {
        assert_eq!(spawn_blocking(home).await.unwrap(), here);
    });
    // Of two loops, each on a thread of its own, each job finds its own.
    let others = [(); 2].map(|()| {
        thread::spawn(|| {
            let home = block_on(async { spawn_blocking(home).await.unwrap() });
            assert_eq!(home, thread::current().id());
        })
    });
    others.into_iter().for_each(|other| other.join().unwrap());
    assert!(Handle::try_current().is_none());
}

#[test]
fn a_job_that_runs_a_loop_of_its_own_finds_that_meanwhile() {
    block_on(async {
        let here = thread::current().id();
        let job = spawn_blocking(move || {
            let job = thread::current().id();
            let inner = block_on(async {
                let remote = Handle::current().spawn(async { thread::current().id() });
                (remote.await.unwrap(), spawn_blocking(home).await.unwrap())
            });
            assert_eq!(inner, (job, job));
            assert_eq!(home(), here);
        });
        job.await.unwrap();
    });
}

#[test]
fn a_thread_that_a_job_starts_is_outside() {
    block_on(async {
        let started = || thread::spawn(|| Handle::try_current().is_none()).join().unwrap();
        assert!(spawn_blocking(started).await.unwrap());
    });
}

#[test]
fn what_a_job_sends_and_leaves_is_as_any_task_sent() {
    block_on(async {
        let remote = spawn_blocking(|| Handle::current().spawn_with(|| spawn(async { 42 })));
        assert_eq!(remote.await.unwrap().await.unwrap().unwrap(), 42);
    });
}

/// As the runtime's end drops its tasks before it waits for the job, a call of the job is refused then.
#[test]
fn a_job_that_outlasts_the_loop_is_told_so() {
    let (open, gate) = mpsc::channel::<()>();
    let (send, receive) = mpsc::channel();
    let runtime = runtime();
    let holds = async move {
        let _open = open; // dropped as the runtime ends
        std::future::pending::<()>().await;
    };
    runtime.spawn(holds).detach();
    runtime.block_on(async {
        let (begin, begun) = oneshot::channel();
        spawn_blocking(move || {
            begin.send(()).unwrap();
            assert!(gate.recv().is_err());
            // The task was dropped, and no other task runs from there on.
            send.send(Handle::current().call(|| ())).unwrap();
        })
        .detach();
        begun.await.unwrap();
    });
    drop(runtime);
    assert!(receive.recv().unwrap().unwrap_err().is_shutdown());
}

/// A job's handle counts as any other: while it is out, a run under a virtual clock is not taken for a deadlock.
#[cfg(feature = "time")]
#[test]
fn a_handle_that_a_job_left_with_a_thread_keeps_a_run_from_being_a_deadlock() {
    use taketurns::time::Clock;

    let runtime = taketurns::Builder::new()
        .clock(Clock::AutoAdvance)
        .deadlock_grace(std::time::Duration::ZERO)
        .build()
        .unwrap();
    let (send, handles) = mpsc::channel::<Handle>();
    let (open, gate) = oneshot::channel();
    let helper = thread::spawn(move || {
        let handle = handles.recv().unwrap();
        crate::common::some_real_time();
        handle.spawn(async move { open.send(42).unwrap() }).detach();
    });
    let output = runtime.block_on(async {
        spawn_blocking(move || send.send(Handle::current()).unwrap()).await.unwrap();
        gate.await.unwrap()
    });
    assert_eq!(output, 42);
    helper.join().unwrap();
}
