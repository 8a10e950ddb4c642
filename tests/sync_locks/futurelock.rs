//! tokio-rs/tokio#6450: a lock that is granted to a future which its task does not poll any more. The report says so.

use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use taketurns::Builder;
use taketurns::sync::{Barrier, Mutex, RwLock, Semaphore};
use taketurns::time::Clock;
use taketurns::{spawn, yield_now};

use super::panic_of;

/// Runs until nothing can go on, and returns the report.
fn deadlock(task: impl Future<Output = ()>) -> String {
    let runtime = Builder::new().clock(Clock::AutoAdvance).on_lost(|_| {}).build().unwrap();
    panic_of(|| runtime.block_on(task))
}

/// The place of the call, as reports write it, `lines` further down.
#[track_caller]
fn below(lines: u32) -> String {
    let here = Location::caller();
    format!("{}:{}:", here.file(), here.line() + lines)
}

#[test]
fn of_two_writes_in_one_select_the_one_that_is_not_polled_has_the_lock() {
    let mut places = (String::new(), String::new());
    let told = &mut places;
    let report = deadlock(async move {
        let lock = RwLock::new(0);
        let held = lock.read().await;
        told.0 = below(1);
        let first = pin!(lock.write());
        let Either::Right((_, first)) = select(first, pin!(yield_now())).await else {
            panic!("a task reads");
        };
        drop(held); // the lock is granted to `first`
        told.1 = below(1);
        let second = lock.write().await;
        drop((first, second));
    });
    let (first, second) = places;
    let waits = report.split_once("waits for ").expect(&report).1;
    assert!(waits.starts_with(&format!("the `RwLock::write()` at {second}")), "{report}");
    let granted = format!("; granted to the `RwLock::write()` at {first}");
    let rest = waits.split_once(&granted).expect(&report).1;
    let rest = rest.split_once(", ").expect(&report).1;
    assert!(rest.starts_with("which no task has polled since"), "{report}");
}

#[test]
fn a_report_says_what_is_there_and_how_many_are_ahead() {
    let report = deadlock(async {
        let semaphore = Rc::new(Semaphore::new(3));
        let tasks = [5, 1, 1].map(|permits| {
            let semaphore = Rc::clone(&semaphore);
            spawn(async move { drop(semaphore.acquire_many(permits).await) })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    for told in
        ["acquire_many()` at ", ", needs 5 permits, 3 are free", ", 1 ahead of it", ", 2 ahead"]
    {
        assert!(report.contains(told), "{told:?} is missing: {report}");
    }
    assert!(!report.contains("granted"), "{report}");
}

#[test]
fn a_report_names_locks_and_barriers() {
    let report = deadlock(async {
        let (mutex, barrier) = (Mutex::new(0), Barrier::new(3));
        let _guard = mutex.lock().await;
        select(pin!(mutex.lock()), pin!(barrier.wait())).await;
    });
    assert!(report.contains("the `Mutex::lock()` at "), "{report}");
    assert!(report.contains("the `Barrier::wait()` at "), "{report}");
    assert!(report.contains(", 1 of 3 there"), "{report}");
}
