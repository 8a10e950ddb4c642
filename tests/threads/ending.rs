//! How another thread ends a task: `abort_and_wait`, which returns when the future is gone, and `cancel`, which asks.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;

use futures::channel::oneshot;
use taketurns::cancel::cancelled;
use taketurns::{Handle, block_on, yield_now};

use super::waiting::DroppedOn;
use super::{on_a_thread, runtime};

#[test]
fn an_aborted_future_is_gone_from_its_own_thread_when_abort_and_wait_returns() {
    let (handle, stopped) = on_a_thread();
    let home = handle.call(|| thread::current().id()).unwrap();
    let (send, receive) = mpsc::channel();
    let dropped = DroppedOn(send);
    // The future is not `Send`.
    let remote = handle.spawn_with(|| async move {
        let _local = Rc::new(dropped);
        pending::<()>().await;
    });
    assert!(remote.abort_and_wait().unwrap_err().is_cancelled());
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), [home]);
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn abort_and_wait_gives_the_output_of_a_task_that_was_faster() {
    let (handle, stopped) = on_a_thread();
    let remote = handle.spawn(async { 42 });
    handle.call(|| ()).unwrap();
    assert_eq!(remote.abort_and_wait().unwrap(), 42);
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn where_abort_and_wait_cannot_wait_the_task_is_aborted_in_its_next_turn() {
    let runtime = runtime();
    let handle = runtime.handle();
    let held = Arc::new(());
    let holds = |held: &Arc<()>| {
        let held = Arc::clone(held);
        async move {
            let _held = held;
            pending::<()>().await;
        }
    };
    assert!(handle.spawn(holds(&held)).abort_and_wait().unwrap_err().is_own_thread());
    handle.stop();
    runtime.run_forever();
    let remote = handle.spawn(holds(&held));
    let stopped = thread::spawn(|| remote.abort_and_wait()).join().unwrap();
    assert!(stopped.unwrap_err().is_stopped());
    assert_eq!(Arc::strong_count(&held), 3);
    runtime.run_until_stalled();
    assert_eq!(Arc::strong_count(&held), 1);
}

/// A thousand times an abort on one thread and a completion on another: the handle has one of the two, and by then the
/// future is gone.
#[test]
fn an_abort_against_a_completion_has_one_outcome() {
    let (handle, stopped) = on_a_thread();
    for _ in 0..1_000 {
        let held = Arc::new(());
        let holds = Arc::clone(&held);
        let remote = handle.spawn(async move {
            yield_now().await;
            drop(holds);
            7
        });
        match remote.abort_and_wait() {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        assert_eq!(Arc::strong_count(&held), 1);
    }
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn a_task_that_hears_it_is_asked_to_end_was_cancelled_for_the_first_reason() {
    let (handle, stopped) = on_a_thread();
    let (open, gate) = oneshot::channel();
    let (listens, listening) = mpsc::channel();
    let remote = handle.spawn_with(|| async move {
        listens.send(()).unwrap();
        let heard = cancelled().await.to_string();
        gate.await.unwrap(); // it cleans up
        heard
    });
    listening.recv().unwrap();
    remote.cancel("the client has gone");
    handle.call(|| ()).unwrap(); // it has heard
    remote.cancel("again");
    assert!(!remote.is_finished());
    open.send(()).unwrap();
    let error = remote.wait().unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.reason().unwrap().as_str(), "the client has gone");
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn a_task_that_is_asked_before_its_first_turn_hears_of_it() {
    let runtime = runtime();
    let sent = runtime.handle().spawn_with(|| async { cancelled().await.to_string() });
    let made = runtime.handle().spawn_with(|| {
        let local = Rc::new(Cell::new(0));
        async move { local.set(cancelled().await.as_str().len()) }
    });
    sent.cancel("first");
    sent.cancel("second");
    made.cancel("first");
    let errors =
        [runtime.block_on(sent).map(drop).unwrap_err(), runtime.block_on(made).unwrap_err()];
    for error in errors {
        assert_eq!(error.reason().unwrap().as_str(), "first");
    }
}

#[test]
fn a_task_that_does_not_listen_keeps_its_output_and_so_does_one_that_has_ended() {
    let runtime = runtime();
    let deaf = runtime.handle().spawn(async {
        yield_now().await;
        1
    });
    deaf.cancel("not heard");
    assert_eq!(runtime.block_on(deaf).unwrap(), 1);
    let ended = runtime.handle().spawn(async { 2 });
    runtime.run_until_stalled();
    ended.cancel("too late");
    assert_eq!(runtime.block_on(ended).unwrap(), 2);
}

#[test]
fn an_abort_after_the_request_has_its_reason() {
    let runtime = runtime();
    let remote = runtime.handle().spawn_with(|| async {
        cancelled().await;
        pending::<()>().await;
    });
    remote.cancel("enough");
    runtime.run_until_stalled();
    assert!(!remote.is_finished());
    remote.abort();
    let error = runtime.block_on(remote).unwrap_err();
    assert_eq!(error.reason().unwrap().as_str(), "enough");
}

#[test]
fn a_value_that_a_cancelled_task_leaves_is_dropped_on_its_own_thread() {
    let (handle, stopped) = on_a_thread();
    let home = handle.call(|| thread::current().id()).unwrap();
    let (send, receive) = mpsc::channel();
    let value = DroppedOn(send);
    let remote = handle.spawn_with(|| async move {
        cancelled().await;
        value
    });
    remote.cancel("enough");
    assert!(remote.wait().is_err_and(|error| error.is_cancelled()));
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), [home]);
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn to_end_what_was_refused_has_no_effect() {
    let handle = {
        let runtime = runtime();
        runtime.handle()
    };
    let refused = |handle: &Handle| handle.spawn(async {});
    refused(&handle).cancel("too late");
    let remote = refused(&handle);
    remote.cancel("too late");
    assert!(block_on(remote).unwrap_err().is_shutdown());
    let ended = thread::spawn(move || refused(&handle).abort_and_wait()).join().unwrap();
    assert!(ended.unwrap_err().is_shutdown());
}

#[test]
fn a_task_that_was_asked_and_then_aborted_before_its_first_turn_ends_for_the_reason() {
    let runtime = runtime();
    let handle = runtime.handle();
    let mut sent = [handle.spawn(async {}), handle.spawn_with(|| async {})];
    for remote in &sent {
        remote.cancel("enough");
        remote.abort();
    }
    runtime.run_until_stalled();
    for remote in &mut sent {
        let error = remote.try_get().unwrap().unwrap_err();
        assert_eq!(error.reason().unwrap().as_str(), "enough");
    }
}
