//! What woke a task is told as a blocking job, if one did: in a dump, and in each picture of a timeline.

#![cfg(feature = "offload")]
#![forbid(unsafe_code)]

use std::future::{pending, poll_fn};
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::insight::{Cause, Dump, Event, What};
use taketurns::{Builder, spawn, spawn_blocking, yield_now};

/// For a loop that answers.
const LIMIT: Duration = Duration::from_secs(300);

/// Waits until the sender is gone, and then for ever.
async fn waits(told: oneshot::Receiver<()>) {
    let _ = told.await;
    pending::<()>().await;
}

fn woken_by(dump: &Dump) -> Vec<String> {
    dump.tasks().iter().map(|task| task.woken_by().unwrap().to_string()).collect()
}

/// One thread runs both jobs: the second begins when the end of the first has woken its task.
#[test]
fn a_blocking_job_is_told_as_what_woke_a_task() {
    let runtime = Builder::new().task_slab(true).max_blocking_threads(1).build().unwrap();
    let handle = runtime.handle();
    let dump = runtime.block_on(async {
        let (go_on, goes_on) = channel::<()>();
        spawn(async {
            spawn_blocking(move || goes_on.recv().unwrap()).await.unwrap();
            pending::<()>().await;
        })
        .detach();
        let (by_job, told) = oneshot::channel();
        spawn(waits(told)).detach();
        let (by_function, told) = oneshot::channel();
        spawn(waits(told)).detach();
        yield_now().await;
        go_on.send(()).unwrap();
        let home = handle.clone();
        let job = spawn_blocking(move || {
            drop(by_job);
            drop(home.spawn(pending::<()>()));
            home.call(move || drop(by_function)).unwrap();
        });
        job.await.unwrap();
        handle.dump(LIMIT)
    });
    let job = "a blocking job";
    // `home.call` runs its function in a task of its own, the fifth.
    assert_eq!(woken_by(&dump), [job, job, job, "task #5", job]);
    assert_eq!(dump.to_string().matches("; woken last by a blocking job").count(), 4, "{dump}");
    assert_eq!(dump.to_json().matches(r#""woken_by":"a blocking job""#).count(), 4);
}

/// Wakes on another thread, while this one waits for that.
fn wake_elsewhere(waker: &Waker, in_job: bool) {
    let (waker, (wakes, woken)) = (waker.clone(), channel::<()>());
    let wake = move || {
        waker.wake();
        drop(wakes);
    };
    if in_job {
        spawn_blocking(wake).detach();
    } else {
        drop(thread::spawn(wake));
    }
    woken.recv().unwrap_err();
}

/// The loop takes in what came while it was stuck in one step, however many threads it came from.
#[test]
fn of_several_threads_that_woke_a_task_the_blocking_job_is_told() {
    let runtime = Builder::new().task_slab(true).build().unwrap();
    let handle = runtime.handle();
    let told = runtime.block_on(async {
        let (polled, polls) = channel();
        let waits = poll_fn(move |cx| {
            polled.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        });
        spawn(waits).detach();
        yield_now().await;
        let waker = polls.recv().unwrap();
        let mut told = Vec::new();
        for in_jobs in [&[false, true][..], &[false], &[true, false], &[false]] {
            in_jobs.iter().for_each(|&in_job| wake_elsewhere(&waker, in_job));
            while polls.try_recv().is_err() {
                yield_now().await;
            }
            told.extend(woken_by(&handle.dump(LIMIT)).pop());
        }
        told
    });
    let (thread, job) = ("another thread", "a blocking job");
    assert_eq!(told, [job, thread, job, thread]);
}

#[test]
fn a_blocking_job_is_told_as_what_woke_a_task_in_each_picture() {
    let runtime = Builder::new().trace(1000).build().unwrap();
    runtime.block_on(async {
        let (go_on, goes_on) = channel::<()>();
        let task = spawn(async { spawn_blocking(move || goes_on.recv().unwrap()).await.unwrap() });
        yield_now().await;
        go_on.send(()).unwrap();
        task.await.unwrap();
    });
    let trace = runtime.trace().unwrap();
    let by_job = |event: &&Event| matches!(event.what, What::Woken { by: Cause::Job, .. });
    let told: Vec<_> = trace.events().iter().filter(by_job).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].what.to_string(), "task #1 woken by a blocking job");
    let file = trace.to_perfetto();
    assert_eq!(file.matches(r#""woken_by":"a blocking job""#).count(), 1, "{file}");
}
