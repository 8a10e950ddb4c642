//! An abort by another thread, against all that the task can do meanwhile.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::{
    AtomicUsize, Ordering, UNBOUNDED, bounded_twice, executor, homebound, model, outcome, thread,
    waiting,
};
use crate::executor::yield_now;

/// A future whose drop sees what was written before the abort.
struct SeesAtDrop(Arc<AtomicUsize>);

impl Drop for SeesAtDrop {
    fn drop(&mut self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 1, "dropped without the abort");
    }
}

/// A task that never completes is aborted, at any step of home's polls and parks.
///
/// Unbounded: two threads.
#[test]
fn abort_against_poll() {
    model(UNBOUNDED, || {
        let executor = executor();
        let written = Arc::new(AtomicUsize::new(0));
        let sees = SeesAtDrop(Arc::clone(&written));
        let (future, drops) = homebound(async move {
            let _sees = sees;
            yield_now().await;
            yield_now().await;
            std::future::pending::<()>().await;
        });
        let handle = executor.spawn(future);
        let abort = handle.abort_handle();
        let away = thread::spawn(move || {
            written.store(1, Ordering::Relaxed);
            abort.abort();
        });
        assert!(executor.block_on(handle).unwrap_err().is_cancelled());
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
    });
}

/// The task completes meanwhile. Either outcome is right, and either thread may be the last to let the task go.
///
/// Unbounded: two threads.
#[test]
fn abort_against_completion() {
    model(UNBOUNDED, || {
        let executor = executor();
        let (future, drops) = homebound(async {
            yield_now().await;
            7
        });
        let handle = executor.spawn(future);
        let abort = handle.abort_handle();
        let away = thread::spawn(move || {
            abort.abort();
            abort.abort();
        });
        match executor.block_on(handle) {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
    });
}

/// As above, but the handle was dropped before, so that the task retires when it ends.
///
/// Unbounded: two threads.
#[test]
fn abort_against_retirement() {
    model(UNBOUNDED, || {
        let executor = executor();
        let (future, drops) = homebound(yield_now());
        let handle = executor.spawn(future);
        let abort = handle.abort_handle();
        drop(handle);
        let away = thread::spawn(move || abort.abort());
        executor.block_on(async {
            yield_now().await;
            yield_now().await;
        });
        drop(executor);
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
    });
}

/// One thread wakes the task and another aborts it, and either may be the one that pushes it. The wake is never taken for
/// the abort, and the abort is never lost with the wake.
///
/// Three preemptions: one within each mark and push, one for home between its looks.
#[test]
fn abort_and_wake() {
    model(bounded_twice(3, 5), || {
        let executor = executor();
        let written = Arc::new(AtomicUsize::new(0));
        let sees = SeesAtDrop(Arc::clone(&written));
        let (handle, waker, drops) = waiting(&executor, move || {
            let _kept = &sees;
            false
        });
        let abort = handle.abort_handle();
        let waking = thread::spawn(move || waker.wake());
        let aborting = thread::spawn(move || {
            written.store(1, Ordering::Relaxed);
            abort.abort();
        });
        assert!(executor.block_on(handle).unwrap_err().is_cancelled());
        assert_eq!(drops.get(), 1);
        waking.join().unwrap();
        aborting.join().unwrap();
    });
}

/// The executor ends meanwhile. The task was aborted, or it was lost and reported; never both.
///
/// Unbounded: two threads.
#[test]
fn abort_against_close() {
    model(UNBOUNDED, || {
        let mut executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let abort = handle.abort_handle();
        drop(waker);
        let away = thread::spawn(move || abort.abort());
        executor.block_on(yield_now());
        let lost = executor.close_at(Location::caller()).len();
        drop(executor);
        assert_eq!(drops.get(), 1);
        let error = outcome(handle).unwrap_err();
        assert_eq!((error.is_cancelled(), error.is_shutdown()), (lost == 0, lost == 1));
        away.join().unwrap();
    });
}

/// Another thread and home abort the task at once. It ends once.
///
/// Unbounded: two threads.
#[test]
fn abort_from_both_sides() {
    model(UNBOUNDED, || {
        let executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let abort = handle.abort_handle();
        let away = thread::spawn(move || {
            waker.wake();
            abort.abort();
        });
        let called = Rc::new(RefCell::new(Vec::new()));
        let calls = Rc::clone(&called);
        handle.on_done(move |done| calls.borrow_mut().push(done.is_err())).unwrap();
        executor.block_on(async {
            yield_now().await;
            handle.abort();
            assert!(handle.await.unwrap_err().is_cancelled());
        });
        assert_eq!((drops.get(), &*called.borrow()), (1, &vec![true]));
        away.join().unwrap();
    });
}
