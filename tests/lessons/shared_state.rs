//! Lesson 31: shared state, and locks held across an await.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;

use taketurns::sync::Mutex;
use taketurns::{block_on, spawn, yield_now};

use crate::common::Trace;

/// Two tasks that each add 60, by `add`.
fn two<F: Future<Output = ()> + 'static>(add: impl Fn(char, Trace) -> F) -> String {
    let trace = Trace::new();
    block_on(async {
        let [a, b] = ['a', 'b'].map(|name| spawn(add(name, trace.clone())));
        a.await.unwrap();
        b.await.unwrap();
    });
    trace.take()
}

#[test]
fn loses_what_was_written_between_a_read_and_its_write() {
    let balance = Rc::new(Cell::new(0));
    let said = two(|name, trace| {
        let balance = balance.clone();
        async move {
            let before = balance.get();
            trace.push(format_args!("{name}-read-{before}"));
            yield_now().await;
            balance.set(before + 60);
            trace.push(format_args!("{name}-wrote-{}", balance.get()));
        }
    });
    assert_eq!(said, "a-read-0 b-read-0 a-wrote-60 b-wrote-60");
}

#[test]
fn counts_each_under_a_lock_of_tasks() {
    let balance = Rc::new(Mutex::new(0));
    let said = two(|name, trace| {
        let balance = balance.clone();
        async move {
            let mut balance = balance.lock().await;
            trace.push(format_args!("{name}-read-{}", *balance));
            yield_now().await;
            *balance += 60;
            trace.push(format_args!("{name}-wrote-{}", *balance));
        }
    });
    assert_eq!(said, "a-read-0 a-wrote-60 b-read-60 b-wrote-120");
}

#[test]
#[expect(clippy::await_holding_lock, reason = "this is what is shown")]
fn would_stop_the_thread_under_a_lock_of_threads() {
    let balance = Rc::new(std::sync::Mutex::new(0));
    let said = two(|name, trace| {
        let balance = balance.clone();
        async move {
            let Ok(mut balance) = balance.try_lock() else {
                return trace.push(format_args!("{name}-would-block"));
            };
            yield_now().await;
            *balance += 60;
            trace.push(format_args!("{name}-wrote-{}", *balance));
        }
    });
    assert_eq!(said, "b-would-block a-wrote-60");
}
