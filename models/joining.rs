//! A task's output on another thread: `Handle::spawn` and `RemoteHandle`. The other thread awaits it in an executor of its
//! own.

#![forbid(unsafe_code)]

use std::future::{pending, poll_fn};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Wake, Waker};

use super::{
    AtomicUsize, Ordering, UNBOUNDED, beside, bounded, bounded_twice, executor, homebound, model,
    thread, waiting,
};
use crate::Handle;
use crate::RemoteHandle;
use crate::common::slot::Slot;
use crate::executor::{JoinError, yield_now};

/// Counts the drops of a future that may be dropped on any thread.
struct CountsDrops(Arc<AtomicUsize>);

impl Drop for CountsDrops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A waker that wakes no task.
struct Silent;

impl Wake for Silent {
    fn wake(self: Arc<Self>) {}
}

/// Sends a task that yields and then gives 7, and awaits it. When the outcome is known, the future has been dropped.
fn awaited(handle: &Handle, begin: impl FnOnce(&RemoteHandle<u32>)) -> Result<u32, JoinError> {
    let drops = Arc::new(AtomicUsize::new(0));
    let counts = CountsDrops(Arc::clone(&drops));
    let remote = handle.spawn(async move {
        let _counts = counts;
        yield_now().await;
        7
    });
    begin(&remote);
    let outcome = executor().block_on(remote);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    outcome
}

/// The task is polled here while its handle is polled on the other thread, with one wake through each inbox.
///
/// Three preemptions: one between the other thread's poll of the handle and its park, and one each for push and look here.
#[test]
fn remote_join() {
    beside(bounded_twice(3, 5), |handle| assert_eq!(awaited(handle, |_| {}).unwrap(), 7));
}

/// The other thread aborts the task while it completes here. Either outcome is right.
///
/// Three preemptions, as above.
#[test]
fn remote_abort_against_completion() {
    beside(bounded_twice(3, 5), |handle| match awaited(handle, RemoteHandle::abort) {
        Ok(output) => assert_eq!(output, 7),
        Err(error) => assert!(error.is_cancelled()),
    });
}

/// The other thread aborts the task while it waits here. The abort is never lost.
///
/// Three preemptions, as above.
#[test]
fn remote_abort_against_poll() {
    beside(bounded_twice(3, 5), |handle| {
        let remote = handle.spawn(pending::<()>());
        remote.abort();
        assert!(executor().block_on(remote).unwrap_err().is_cancelled());
    });
}

/// The executor ends while the other thread awaits the handle. The await ends too.
///
/// Three preemptions: one before the push, one between the poll of the handle and its park, one in the close.
#[test]
fn remote_join_against_close() {
    model(bounded_twice(3, 5), || {
        let mut here = executor();
        let handle = Handle::new(&here);
        let away = thread::spawn(move || match awaited(&handle, |_| {}) {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_shutdown()),
        });
        here.block_on(yield_now());
        here.close_at(Location::caller());
        drop(here);
        away.join().unwrap();
    });
}

/// The other thread drops the handle, and with it a reference on the task, while the task ends here.
///
/// Four preemptions: two for the push and the drop that follows, two for home.
#[test]
fn remote_handle_drop_against_completion() {
    model(bounded(4), || {
        let here = executor();
        let handle = Handle::new(&here);
        let polls = Arc::new(AtomicUsize::new(0));
        let polled = Arc::clone(&polls);
        let away = thread::spawn(move || {
            let remote = handle.spawn(async move {
                polled.fetch_add(1, Ordering::Relaxed);
            });
            drop(remote);
            handle.stop();
        });
        here.run_forever();
        drop(here);
        away.join().unwrap();
        assert!(polls.load(Ordering::Relaxed) <= 1);
    });
}

/// The slot's handle registers here while the other thread fills the slot. The waker is cloned between two checks, and an
/// output that comes just then is not missed.
#[test]
fn slot_poll_against_fill() {
    model(UNBOUNDED, || {
        let slot = Arc::new(Slot::<u32, ()>::new(()));
        let filling = Arc::clone(&slot);
        let away = thread::spawn(move || {
            let filled = filling.fill(7).expect("it is empty");
            assert!(filled.unwanted.is_none());
            if let Some(awaiter) = filled.awaiter {
                awaiter.wake();
            }
        });
        let output = executor().block_on(poll_fn(|cx| slot.poll(cx.waker())));
        assert_eq!(output, Some(7));
        away.join().unwrap();
    });
}

/// The slot's handle is dropped here while the other thread fills the slot. In the end one of the two threads has the
/// output, and one has the waker.
#[test]
fn slot_leave_against_fill() {
    model(UNBOUNDED, || {
        let slot = Arc::new(Slot::<u32, ()>::new(()));
        let silent = Waker::from(Arc::new(Silent));
        assert!(slot.poll(&silent).is_pending());
        let filling = Arc::clone(&slot);
        let away = thread::spawn(move || filling.fill(7).expect("it is empty"));
        let (awaiter, output) = slot.leave();
        let filled = away.join().unwrap();
        assert_eq!(output.is_some(), filled.unwanted.is_none());
        assert_eq!(awaiter.is_some(), filled.awaiter.is_none());
        assert!(slot.is_done());
    });
}

/// A task here awaits a second task, which the other thread wakes. The wake becomes a turn, the turn an output, and the
/// output a turn of the awaiter.
///
/// Three preemptions: one for each of the two threads' wakes, one for the park between them.
#[test]
fn join_against_wake() {
    model(bounded_twice(3, 4), || {
        let executor = executor();
        let written = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&written);
        let (awaited, waker, _) = waiting(&executor, move || seen.load(Ordering::Relaxed) == 1);
        let (awaiting, drops) = homebound(awaited);
        let awaiting = executor.spawn(awaiting);
        let abort = awaiting.abort_handle();
        let waking = thread::spawn(move || {
            written.store(1, Ordering::Relaxed);
            waker.wake();
        });
        let aborting = thread::spawn(move || abort.abort());
        match executor.block_on(awaiting) {
            Ok(awaited) => awaited.unwrap(),
            Err(error) => assert!(error.is_cancelled()),
        }
        assert_eq!(drops.get(), 1);
        waking.join().unwrap();
        aborting.join().unwrap();
    });
}
