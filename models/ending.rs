//! The end of the executor, and of threads, against what other threads still do.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use super::{
    AtomicUsize, Notify, Ordering, UNBOUNDED, bounded, bounded_twice, executor, model, thread,
    waiting,
};
use crate::Handle;
use crate::executor::{Builder, yield_now};

/// *Dropped task*: however a wake interleaves with the end of the loop, the task is dropped exactly once, at home, and
/// reported exactly once if it did not complete.
///
/// Unbounded: two threads. The wake may come before the last turns, during them, after them, or during the close.
#[test]
fn dropped_task() {
    model(UNBOUNDED, || {
        let mut executor = executor();
        let done = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&done);
        let completed = Rc::new(Cell::new(0));
        let count = Rc::clone(&completed);
        let (handle, waker, drops) = waiting(&executor, move || {
            let done = seen.load(Ordering::Relaxed) == 1;
            count.set(count.get() + usize::from(done));
            done
        });
        drop(handle);
        let away = thread::spawn(move || {
            done.store(1, Ordering::Relaxed);
            waker.wake();
        });
        executor.block_on(yield_now());
        let lost = executor.close_at(Location::caller()).len();
        drop(executor);
        assert_eq!(drops.get(), 1);
        assert_eq!(completed.get() + lost, 1);
        away.join().unwrap();
    });
}

/// Another thread clones and drops a waker while the task is dropped unfinished: by the close, or by the abort that the
/// close finds.
///
/// Unbounded: two threads, few steps.
#[test]
fn count_against_close() {
    model(UNBOUNDED, || {
        let mut executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        handle.abort();
        drop(handle);
        let away = thread::spawn(move || {
            let second = waker.clone();
            drop(waker);
            drop(second);
        });
        assert_eq!(executor.close_at(Location::caller()).len(), 1);
        drop(executor);
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
    });
}

/// Three preemptions: the close is one swap, and so is each push.
#[test]
fn wake_against_close() {
    model(bounded_twice(3, 5), || {
        let executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let second = waker.clone();
        let one = thread::spawn(move || waker.wake());
        let two = thread::spawn(move || {
            second.wake_by_ref();
            drop(second);
        });
        drop(handle);
        drop(executor);
        assert_eq!(drops.get(), 1);
        one.join().unwrap();
        two.join().unwrap();
    });
}

/// Unbounded: two threads. One makes a task, pushes it and lets it go; the other drains, closes and frees.
#[test]
fn remote_spawn_against_close() {
    model(UNBOUNDED, || {
        let executor = executor();
        let handle = Handle::new(&executor);
        let polls = Arc::new(AtomicUsize::new(0));
        let polled = Arc::clone(&polls);
        let away = thread::spawn(move || {
            handle.spawn(async move {
                polled.fetch_add(1, Ordering::Relaxed);
            })
        });
        executor.block_on(yield_now());
        let lost = {
            let mut executor = executor;
            executor.close_at(Location::caller()).len()
        };
        let remote = away.join().unwrap();
        assert!(remote.is_finished());
        assert!(polls.load(Ordering::Relaxed) + lost <= 1);
    });
}

/// A function that another thread sends is called once, at home, or refused, whatever the executor's end does meanwhile.
/// The executor has a named task and a hook, which the sender's thread must not touch.
///
/// Unbounded: two threads.
#[test]
fn call_against_close() {
    model(UNBOUNDED, || {
        let executor = executor();
        let home = thread::current().id();
        executor.block_on(async {
            Builder::new().name("named").spawn(std::future::pending::<()>()).detach();
        });
        let (hub, calls) = (executor.remote(), Arc::new(AtomicUsize::new(0)));
        let called = Arc::clone(&calls);
        let away = thread::spawn(move || {
            let call = move || {
                assert_eq!(thread::current().id(), home, "called away from home");
                called.fetch_add(1, Ordering::Relaxed);
            };
            usize::from(!hub.call(call))
        });
        executor.block_on(yield_now());
        drop(executor);
        let refused = away.join().unwrap();
        assert_eq!(calls.load(Ordering::Relaxed) + refused, 1);
    });
}

/// *Runtime drop*: the executor is dropped while other threads use and drop a waker, a `Handle` and an `AbortHandle` of it.
/// The last drop frees the hub.
///
/// Three preemptions: the drop is a close and a retirement, and each of the other drops may come between them, in either
/// order.
#[test]
fn runtime_drop() {
    model(bounded_twice(3, 4), || {
        let executor = executor();
        let (task, waker, drops) = waiting(&executor, || false);
        let (abort, handle) = (task.abort_handle(), Handle::new(&executor));
        drop(task);
        let one = thread::spawn(move || {
            handle.stop();
            drop(handle.clone());
            waker.wake();
        });
        let two = thread::spawn(move || abort.abort());
        drop(executor);
        assert_eq!(drops.get(), 1);
        one.join().unwrap();
        two.join().unwrap();
    });
}

/// As above, for an executor without tasks: only `Handle`s keep the hub.
///
/// Three preemptions, as above.
#[test]
fn runtime_drop_against_handles() {
    model(bounded(3), || {
        let executor = executor();
        let handle = Handle::new(&executor);
        let second = handle.clone();
        let one = thread::spawn(move || drop(handle.clone()));
        let two = thread::spawn(move || second.stop());
        drop(executor);
        one.join().unwrap();
        two.join().unwrap();
    });
}

/// What another thread keeps until it ends.
struct Kept {
    waker: Waker,
    _gone: Gone,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.waker.wake_by_ref();
    }
}

/// Tells when the thread has given up what it kept: in a model a thread may be joined before that.
struct Gone(Arc<(AtomicUsize, Notify)>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.0.store(1, Ordering::Release);
        self.0.1.notify();
    }
}

#[cfg(loom)]
use loom::thread_local;
#[cfg(not(loom))]
use std::thread_local;

thread_local! {
    static KEPT: RefCell<Option<Kept>> = RefCell::default();
}

/// *Thread exit*: the end of a thread uses and drops a waker in a thread-local, while the task is aborted and retires at
/// home.
///
/// Unbounded: two threads.
#[test]
fn thread_exit() {
    model(UNBOUNDED, || {
        let executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let given_up = Arc::new((AtomicUsize::new(0), Notify::default()));
        let gone = Gone(Arc::clone(&given_up));
        let away = thread::spawn(move || {
            KEPT.with(|kept| *kept.borrow_mut() = Some(Kept { waker, _gone: gone }));
        });
        handle.abort();
        executor.block_on(yield_now());
        drop(handle);
        drop(executor);
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
        while given_up.0.load(Ordering::Acquire) == 0 {
            given_up.1.wait();
        }
    });
}
