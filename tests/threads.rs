//! Other threads: waking, sending tasks, stopping. No test sleeps: a channel says when.

#[path = "common/clone.rs"]
mod clone;
mod common;
#[path = "threads/ending.rs"]
mod ending;
#[path = "threads/handles.rs"]
mod handles;
#[cfg(feature = "offload")]
#[path = "threads/jobs.rs"]
mod jobs;
#[path = "threads/messages.rs"]
mod messages;
#[path = "threads/stopping.rs"]
mod stopping;
#[path = "threads/waiting.rs"]
mod waiting;

use std::future::poll_fn;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use common::Trace;
use futures::task::{LocalSpawnExt, SpawnExt};
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::{Handle, Runtime, block_on, spawn, yield_now};

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// Runs a runtime on another thread until it is stopped: a handle of it, and the thread.
fn on_a_thread() -> (Handle, thread::JoinHandle<()>) {
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        let runtime = runtime();
        send.send(runtime.handle()).unwrap();
        runtime.run_forever();
    });
    (receive.recv().unwrap(), thread)
}

/// Waits once, to be woken on another thread in this way.
fn wait_for(wake: impl FnOnce(Waker) + Send + 'static) {
    let (send, receive) = mpsc::channel();
    let waking = thread::spawn(move || wake(receive.recv().unwrap()));
    let mut first = true;
    block_on(poll_fn(|cx| {
        if std::mem::take(&mut first) {
            send.send(cx.waker().clone()).unwrap();
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    waking.join().unwrap();
}

#[test]
fn a_wake_from_another_thread_ends_the_wait() {
    wait_for(Waker::wake);
}

#[test]
fn an_executor_over_a_parked_thread_is_woken_too() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let handle = Handle::new(&executor);
    let sent = thread::spawn(move || handle.spawn(async { 42 }));
    executor.block_on(async {
        yield_now().await;
        assert_eq!(sent.join().unwrap().await.unwrap(), 42);
    });
}

#[test]
fn a_wake_from_inside_another_threads_executor_is_a_wake_from_elsewhere() {
    wait_for(|waker| block_on(async { waker.wake() }));
}

#[test]
fn tasks_sent_by_a_thread_run_in_the_order_of_sending() {
    let runtime = runtime();
    let handle = runtime.handle();
    let (send, receive) = mpsc::channel();
    let remotes = thread::spawn(move || {
        (0..5)
            .map(|number| {
                let send = send.clone();
                handle.spawn(async move {
                    send.send(number).unwrap();
                    number * 10
                })
            })
            .collect::<Vec<_>>()
    })
    .join()
    .unwrap();
    let outputs = runtime.block_on(async {
        let mut outputs = Vec::new();
        for remote in remotes {
            outputs.push(remote.await.unwrap());
        }
        outputs
    });
    assert_eq!(outputs, [0, 10, 20, 30, 40]);
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn thousands_of_wakes_of_one_task_while_the_loop_is_busy_do_not_block() {
    let (send, receive) = mpsc::channel::<Waker>();
    let waking = thread::spawn(move || {
        let waker = receive.recv().unwrap();
        for _ in 0..10_000 {
            waker.wake_by_ref();
        }
        let copies: Vec<_> = (0..1000).map(|_| waker.clone()).collect();
        copies.into_iter().for_each(Waker::wake);
    });
    let mut waking = Some(waking);
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 1 {
            send.send(cx.waker().clone()).unwrap();
            waking.take().unwrap().join().unwrap();
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    assert_eq!(polls, 2);
}

#[test]
fn a_remote_handle_says_what_became_of_the_task() {
    let runtime = runtime();
    let handle = runtime.handle();
    let panics = handle.spawn(async { panic!("boom") });
    let aborted = handle.spawn(std::future::pending::<()>());
    let line = line!() + 1;
    let lost = handle.spawn(std::future::pending::<()>());
    runtime.block_on(async {
        let error = panics.await.map(|(): ()| ()).unwrap_err();
        assert_eq!(error.to_string(), "task #1 panicked: boom");
        aborted.abort();
        assert!(!aborted.is_finished());
        assert_eq!(aborted.await.unwrap_err().to_string(), "task #2 was cancelled");
    });
    assert_eq!(runtime.shutdown().lost().len(), 1);
    let error = block_on(lost).unwrap_err();
    let begins = format!("remote task spawned at {}:{line}:", file!());
    assert!(error.to_string().starts_with(&begins), "{error}");
    assert!(error.to_string().ends_with(" was dropped: its runtime shut down first"), "{error}");
}

#[test]
fn a_task_sent_to_a_runtime_that_has_ended_is_dropped_by_the_sender() {
    let runtime = runtime();
    let handle = runtime.handle();
    drop(runtime);
    let (send, receive) = mpsc::channel::<()>();
    let remote = handle.spawn(async move { drop(send) });
    assert!(remote.is_finished());
    assert!(receive.recv().is_err());
    assert!(block_on(remote).unwrap_err().is_shutdown());
    remote_abort_of_nothing(&handle);
}

fn remote_abort_of_nothing(handle: &taketurns::Handle) {
    let remote = handle.spawn(async {});
    remote.abort();
    assert!(block_on(remote).unwrap_err().is_shutdown());
}

#[test]
fn stop_ends_run_forever_and_the_tasks_go_on_in_the_next_run() {
    let trace = Trace::new();
    let runtime = runtime();
    let (handle, inner) = (runtime.handle(), trace.clone());
    runtime
        .spawn(async move {
            for turn in 0.. {
                inner.push(turn);
                if turn == 2 {
                    handle.stop();
                }
                yield_now().await;
            }
        })
        .detach();
    runtime.run_forever();
    // Turn 3 is the last turn that what is queued takes.
    assert_eq!(trace.take(), "0 1 2 3");
    runtime.block_on(async {});
    assert_eq!(trace.take(), "4 5");
}

#[test]
fn a_stop_from_another_thread_ends_a_wait_and_one_before_the_run_ends_it_at_once() {
    let runtime = runtime();
    let handle = runtime.handle();
    let (send, receive) = mpsc::channel();
    let stopping = thread::spawn(move || {
        receive.recv().unwrap();
        handle.stop();
        handle
    });
    runtime.spawn(async move { send.send(()).unwrap() }).detach();
    runtime.run_forever();
    stopping.join().unwrap().stop();
    runtime.run_forever();
}

#[test]
fn the_fields_own_traits_spawn_too() {
    let runtime = runtime();
    let (send, receive) = mpsc::channel();
    for name in ["local", "send", "remote"] {
        let send = send.clone();
        let future = async move { send.send(name).unwrap() };
        match name {
            "local" => runtime.spawn_local(future).unwrap(),
            "send" => SpawnExt::spawn(&runtime, future).unwrap(),
            _ => SpawnExt::spawn(&runtime.handle(), future).unwrap(),
        }
    }
    runtime.block_on(async { spawn(async {}).await.unwrap() });
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), ["local", "send", "remote"]);
    let handle = runtime.handle();
    drop(runtime);
    assert!(SpawnExt::spawn(&handle, async {}).unwrap_err().is_shutdown());
}
