//! A thread that waits for a task, without an executor of its own: against the task's completion, a stop of the loop, its next
//! run and its end.

#![forbid(unsafe_code)]

use std::future::pending;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::{
    AtomicUsize, Ordering, Parked, UNBOUNDED, beside, bounded, bounded_twice, executor, homebound,
    model, thread,
};
use crate::Handle;
use crate::executor::{Driver, Executor, JoinError, yield_now};
use crate::group::cancel::cancelled;
use crate::threads::Handles;

/// An executor and its handles, which are told of a stop, as in a runtime.
fn with_handles() -> (Executor<'static, Parked>, Rc<Handles>) {
    let executor = executor();
    let unparker = Parked::default().unparker(); // for the count of handles, of which these models ask nothing
    let handles = Handles::new(unparker, Arc::new(|_, error| panic!("{error}")));
    handles.connect(executor.remote());
    (executor, handles)
}

/// Sends a task that yields and then gives 7, and waits for it.
fn waited(handle: &Handle) -> Result<u32, JoinError> {
    let remote = handle.spawn(async {
        yield_now().await;
        7
    });
    remote.wait()
}

/// The task completes here while the other thread registers, and while it falls asleep.
///
/// Three preemptions: one between the other thread's look at the slot and its sleep, and one each for push and look here.
#[test]
fn wait_against_completion() {
    beside(bounded_twice(3, 5), |handle| assert_eq!(waited(handle).unwrap(), 7));
}

/// A future that is not `Send` is made, polled and dropped here, and what it gives arrives there.
///
/// Three preemptions, as above.
#[test]
fn wait_for_a_future_made_at_home() {
    beside(bounded_twice(3, 5), |handle| {
        let remote = handle.spawn_with(|| {
            let (future, drops) = homebound(yield_now());
            async move {
                future.await;
                drops.get()
            }
        });
        assert_eq!(remote.wait().unwrap(), 1);
    });
}

/// The other thread aborts the task while it completes here. Either outcome is right, and by then the future is gone.
///
/// Three preemptions, as above.
#[test]
fn abort_and_wait_against_completion() {
    beside(bounded_twice(3, 5), |handle| {
        let held = Arc::new(AtomicUsize::new(7));
        let holds = Arc::clone(&held);
        let remote = handle.spawn(async move {
            yield_now().await;
            holds.load(Ordering::Relaxed)
        });
        match remote.abort_and_wait() {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

/// The other thread asks the task to end while it begins to listen here. The request is never lost.
///
/// Three preemptions, as above.
#[test]
fn cancel_of_a_sent_task_against_its_turns() {
    beside(bounded_twice(3, 5), |handle| {
        let remote = handle.spawn_with(|| async { cancelled().await.to_string() });
        remote.cancel("enough");
        let error = remote.wait().unwrap_err();
        assert_eq!(error.reason().unwrap().as_str(), "enough");
    });
}

/// One thread submits and waits, and another stops the loop. The wait ends with the output, or as the loop is stopped; then
/// the next run has the task. It never hangs.
///
/// Two preemptions: one within the submit or between the waiting thread's looks at slot and stop and its sleep, one for home.
#[test]
fn stop_against_submit() {
    model(bounded_twice(2, 4), || {
        let (here, handles) = with_handles();
        let polls = Arc::new(AtomicUsize::new(0));
        let (polled, handle) = (Arc::clone(&polls), handles.new_handle());
        let submitting = thread::spawn(move || {
            let polls = async move { polled.fetch_add(1, Ordering::Relaxed) };
            handle.spawn(polls).wait()
        });
        let handle = handles.new_handle();
        let stopping = thread::spawn(move || handle.stop());
        here.run_forever();
        handles.stop_waits();
        stopping.join().unwrap();
        match submitting.join().unwrap() {
            Ok(before) => assert_eq!(before, 0),
            Err(error) => assert!(error.is_stopped()),
        }
        here.run_until_stalled();
        assert_eq!(polls.load(Ordering::Relaxed), 1);
    });
}

/// The task itself stops the loop here, in the turn in which it ends. The other thread gets its output: it may be told of the
/// stop first, and looks again.
///
/// Three preemptions: one within the submit, one between the other thread's looks at slot and stop, one for home.
#[test]
fn stop_by_the_task_against_wait() {
    model(bounded_twice(3, 5), || {
        let (here, handles) = with_handles();
        let (handle, stops) = (handles.new_handle(), handles.new_handle());
        let away = thread::spawn(move || {
            let task = async move {
                stops.stop();
                7
            };
            handle.spawn(task).wait()
        });
        here.run_forever();
        handles.stop_waits();
        assert_eq!(away.join().unwrap().unwrap(), 7);
    });
}

/// The loop is stopped here, runs again, and ends, while the other thread submits and waits. The wait ends.
///
/// Three preemptions: one within the submit, one before the other thread's sleep, one between stop, run and end.
#[test]
fn wait_against_stop_and_next_run() {
    model(bounded(3), || {
        let (mut here, handles) = with_handles();
        let handle = handles.new_handle();
        let away = thread::spawn(move || waited(&handle));
        handles.stop_waits();
        {
            let _entered = handles.enter();
            here.block_on(yield_now());
        }
        here.close_at(Location::caller());
        match away.join().unwrap() {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_stopped() || error.is_shutdown()),
        }
    });
}

/// The executor ends here while the other thread submits and waits. The future, which is not `Send`, is dropped here, if it was
/// made at all.
///
/// Unbounded: two threads.
#[test]
fn wait_against_close() {
    model(UNBOUNDED, || {
        let mut here = executor();
        let handle = Handle::new(&here);
        let away = thread::spawn(move || {
            let remote = handle.spawn_with(|| homebound(pending::<()>()).0);
            assert!(remote.wait().unwrap_err().is_shutdown());
        });
        here.block_on(yield_now());
        here.close_at(Location::caller());
        drop(here);
        away.join().unwrap();
    });
}
