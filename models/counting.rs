//! Which thread frees a task: another thread clones and drops wakers while the task retires at home.

#![forbid(unsafe_code)]

use std::sync::Arc;

use super::{UNBOUNDED, bounded, bounded_twice, executor, model, thread, waiting};
use crate::executor::primitives::Mutex;
use crate::executor::yield_now;

/// Unbounded: two threads, few steps.
#[test]
fn count_against_retirement() {
    model(UNBOUNDED, || {
        let executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let away = thread::spawn(move || {
            let second = waker.clone();
            drop(waker);
            drop(second);
        });
        handle.abort();
        executor.block_on(yield_now());
        assert!(handle.is_finished());
        drop(handle);
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
    });
}

/// Four preemptions: the two threads with wakers do the same, and any two steps that can race are apart by at most two
/// switches on either side.
#[test]
fn count_of_two_wakers_against_retirement() {
    model(bounded(4), || {
        let executor = executor();
        let (handle, waker, _) = waiting(&executor, || false);
        let second = waker.clone();
        let one = thread::spawn(move || drop(waker.clone()));
        let two = thread::spawn(move || drop(second));
        handle.abort();
        executor.block_on(yield_now());
        drop(handle);
        one.join().unwrap();
        two.join().unwrap();
    });
}

/// An `AbortHandle` is a reference like a waker. The task completes by itself.
///
/// Unbounded: two threads, few steps.
#[test]
fn count_of_an_abort_handle_against_retirement() {
    model(UNBOUNDED, || {
        let executor = executor();
        let handle = executor.spawn(yield_now());
        let abort = handle.abort_handle();
        let away = thread::spawn(move || {
            let second = abort.clone();
            drop(abort);
            drop(second);
        });
        drop(handle);
        executor.block_on(async {
            yield_now().await;
            yield_now().await;
        });
        away.join().unwrap();
    });
}

/// A waker that another thread cloned comes back and is dropped at home: before the task retires, after that, or after the
/// run, when this thread is no longer home.
///
/// Unbounded: two threads, few steps.
#[test]
fn waker_that_comes_back() {
    model(UNBOUNDED, || {
        let executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let here = Arc::new(Mutex::new(None));
        let there = Arc::clone(&here);
        let away = thread::spawn(move || {
            let second = waker.clone();
            *there.lock().unwrap() = Some(waker);
            drop(second);
        });
        executor.block_on(async {
            drop(here.lock().unwrap().take());
            handle.abort();
            drop(handle);
            yield_now().await;
            drop(here.lock().unwrap().take());
        });
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
        drop(here.lock().unwrap().take());
    });
}

/// The `JoinHandle` is the last hold of home, and is dropped after the executor, while another thread drops the last waker.
/// Either frees the task, and with it the hub.
///
/// Unbounded: two threads, few steps.
#[test]
fn handle_that_outlives_the_executor() {
    model(UNBOUNDED, || {
        let executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let away = thread::spawn(move || drop(waker));
        drop(executor);
        assert_eq!(drops.get(), 1);
        drop(handle);
        away.join().unwrap();
    });
}

/// Home makes more wakers than its half of the count can hold, so it folds that half into the word, while another thread
/// uses the wakers up. Then the task retires. Under loom home folds at 4.
///
/// Four preemptions: one before each drop on the other thread.
#[test]
fn fold_against_count() {
    model(bounded_twice(4, 6), || {
        let executor = executor();
        let (handle, waker, drops) = waiting(&executor, || false);
        let made: Vec<_> = executor.block_on(async { (0..3).map(|_| waker.clone()).collect() });
        let away = thread::spawn(move || made.into_iter().for_each(drop));
        let more: Vec<_> = executor.block_on(async { (0..2).map(|_| waker.clone()).collect() });
        handle.abort();
        executor.block_on(yield_now());
        drop((handle, waker, more));
        assert_eq!(drops.get(), 1);
        away.join().unwrap();
    });
}
