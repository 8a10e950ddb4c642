//! Home sleeps only while there is nothing to do, and is woken when there is: in its own wait, in a wait that ends without a
//! reason or times out, and in the wait of a host loop.

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::panic::Location;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::{
    AtomicUsize, EVENT_INTERVAL, Notify, Ordering, Parked, UNBOUNDED, bounded, bounded_twice,
    executor, executor_over, model, thread, waiting,
};
use crate::Handle;
use crate::executor::{Driver, Executor, JoinHandle, Pending, Unpark};

/// The first poll sends the waker to another thread. The second poll sees what that thread wrote.
fn wait_for_a_wake(executor: &Executor<'static, impl Driver>) {
    let written = Arc::new(AtomicUsize::new(0));
    let mut away = None;
    executor.block_on(poll_fn(|cx| {
        if written.load(Ordering::Relaxed) == 1 {
            return Poll::Ready(());
        }
        let (waker, written) = (cx.waker().clone(), Arc::clone(&written));
        away.get_or_insert_with(|| {
            thread::spawn(move || {
                written.store(1, Ordering::Relaxed);
                waker.wake();
            })
        });
        Poll::Pending
    }));
    away.unwrap().join().unwrap();
}

/// Unbounded: two threads; the whole race is one word.
#[test]
fn wake_against_park() {
    model(UNBOUNDED, || wait_for_a_wake(&executor()));
}

/// The first wait ends without a reason. When home parks again, it finds itself parked.
///
/// Unbounded: two threads; the whole race is one word.
#[test]
fn wake_against_spurious_park() {
    model(UNBOUNDED, || {
        let driver = Parked::default();
        driver.0.notify();
        wait_for_a_wake(&executor_over(driver, EVENT_INTERVAL));
    });
}

/// Looks out for a call twice before each sleep.
struct Lingers(Parked);

impl Driver for Lingers {
    fn wait(&mut self, limit: Option<Duration>) {
        self.0.wait(limit);
    }

    fn wake(&mut self, any_ready: bool) {
        self.0.wake(any_ready);
    }

    fn linger(&mut self, called: &dyn Fn() -> bool) -> bool {
        called() || called()
    }

    fn pending(&self) -> Pending {
        self.0.pending()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.0.unparker()
    }
}

/// The wake comes before the loop looks out for it, meanwhile, or too late, when the loop parks.
///
/// Unbounded: two threads; the whole race is one word.
#[test]
fn wake_against_lingering() {
    model(UNBOUNDED, || {
        wait_for_a_wake(&Executor::new(Lingers(Parked::default()), EVENT_INTERVAL));
    });
}

/// Steps like a host loop, until the task has ended.
fn step_until_finished(
    executor: &Executor<'static, Parked>,
    unparked: &Notify,
    task: &JoinHandle<()>,
) {
    loop {
        while executor.try_tick().unwrap() {}
        if task.is_finished() {
            return;
        }
        if executor.next_deadline().is_none() {
            unparked.wait();
        }
    }
}

/// A wake comes between two ticks. The tick or `next_deadline` finds it, or it unparks.
///
/// Four preemptions: two for each of the two wakes.
#[test]
fn wake_against_stepping() {
    model(bounded(4), || {
        let driver = Parked::default();
        let unparked = Arc::clone(&driver.0);
        let executor = executor_over(driver, EVENT_INTERVAL);
        let written = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&written);
        let (task, waker, _) = waiting(&executor, move || seen.load(Ordering::Relaxed) == 2);
        let away = thread::spawn(move || {
            written.store(1, Ordering::Relaxed);
            waker.wake_by_ref();
            written.store(2, Ordering::Relaxed);
            waker.wake();
        });
        step_until_finished(&executor, &unparked, &task);
        away.join().unwrap();
    });
}

/// A step waits for a while, and no wake comes. Then the word no longer says that home sleeps, and a host loop must not be
/// told to sleep.
///
/// Unbounded: two threads.
#[test]
fn wake_against_timed_out_park() {
    model(UNBOUNDED, || {
        let driver = Parked::default();
        let unparked = Arc::clone(&driver.0);
        let executor = executor_over(driver, EVENT_INTERVAL);
        let written = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&written);
        let (task, waker, _) = waiting(&executor, move || seen.load(Ordering::Relaxed) == 1);
        let away = thread::spawn(move || {
            written.store(1, Ordering::Relaxed);
            waker.wake();
        });
        executor.tick_within(Duration::from_millis(1), Location::caller()).unwrap();
        if executor.next_deadline().is_none() {
            unparked.wait();
        }
        step_until_finished(&executor, &unparked, &task);
        away.join().unwrap();
    });
}

/// A run after steps finds itself parked.
///
/// Unbounded: two threads.
#[test]
fn wake_against_a_run_after_steps() {
    model(UNBOUNDED, || {
        let executor = executor();
        let written = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&written);
        let (task, waker, _) = waiting(&executor, move || seen.load(Ordering::Relaxed) == 1);
        let away = thread::spawn(move || {
            written.store(1, Ordering::Relaxed);
            waker.wake();
        });
        executor.run_until_stalled();
        executor.block_on(task).unwrap();
        away.join().unwrap();
    });
}

/// `there` writes 1 on another thread and ends `run_forever` here, which then sees the 1.
fn run_forever_sees(there: impl Fn(Handle, Arc<AtomicUsize>) + Copy + Send + Sync + 'static) {
    model(UNBOUNDED, move || {
        let executor = executor();
        let handle = Handle::new(&executor);
        let written = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&written);
        let away = thread::spawn(move || there(handle, written));
        executor.run_forever();
        assert_eq!(seen.load(Ordering::Relaxed), 1);
        away.join().unwrap();
    });
}

/// A task that `Handle::spawn` sent is found by the look, or ends the wait. What the future holds is seen with it.
///
/// Unbounded: two threads.
#[test]
fn remote_spawn_against_park() {
    run_forever_sees(|handle, written| {
        written.store(1, Ordering::Relaxed);
        let stopper = handle.clone();
        drop(handle.spawn(async move {
            assert_eq!(written.load(Ordering::Relaxed), 1);
            stopper.stop();
        }));
    });
}

/// `run_forever` ends, whether the stop comes before it, before a park or during one. What was written before the stop is
/// seen.
///
/// Unbounded: two threads.
#[test]
fn stop_against_park() {
    run_forever_sees(|handle, written| {
        written.store(1, Ordering::Relaxed);
        handle.stop();
    });
}

/// Two threads stop, perhaps so that home takes the flag once for both. Then what both wrote is seen, or the other stop is
/// still to be taken.
///
/// Three preemptions: one between write and stop on either side, one for home.
#[test]
fn two_stops() {
    model(bounded_twice(3, 5), || {
        let executor = executor();
        let written = [0, 1].map(|_| Arc::new(AtomicUsize::new(0)));
        let away = written.clone().map(|written| {
            let handle = Handle::new(&executor);
            thread::spawn(move || {
                written.store(1, Ordering::Relaxed);
                handle.stop();
            })
        });
        while written.iter().any(|written| written.load(Ordering::Relaxed) == 0) {
            executor.run_forever();
        }
        for thread in away {
            thread.join().unwrap();
        }
    });
}
