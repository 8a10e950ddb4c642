//! Timers and the wakers they keep: replaced, given up, or panicking.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use taketurns::task::Unhandled;
use taketurns::time::{Sleep, advance, pause, sleep, sleep_until, timeout};
use taketurns::{Builder, OnExit, UnhandledPanic, block_on, spawn, yield_now};

use super::common::Trace;
use super::timers::{HOUR, ms, poll_once, tell};

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn of_several_wakers_only_the_last_is_woken_and_none_is_kept() {
    let wakers: Vec<_> = (0..5).map(|_| Arc::new(Wakes::default())).collect();
    block_on(async {
        pause();
        let mut polled = sleep(ms(1));
        for wakes in &wakers {
            let waker = Waker::from(Arc::clone(wakes));
            let again = Pin::new(&mut polled).poll(&mut Context::from_waker(&waker));
            assert!(again.is_pending());
        }
        let kept: Vec<_> = wakers.iter().map(Arc::strong_count).collect();
        assert_eq!(kept, [1, 1, 1, 1, 2]);
        advance(ms(1)).await;
        assert!(poll_once(&mut polled).await.is_ready());
    });
    let woken: Vec<_> = wakers.iter().map(|wakes| wakes.0.load(Ordering::Relaxed)).collect();
    assert_eq!(woken, [0, 0, 0, 0, 1]);
    assert!(wakers.iter().all(|wakes| Arc::strong_count(wakes) == 1));
}

#[test]
fn a_thousand_timeouts_of_one_handle_leave_no_waker() {
    let wakes = Arc::new(Wakes::default());
    block_on(async {
        pause();
        let mut handle = spawn(pending::<()>());
        for _ in 0..1000 {
            let waker = Waker::from(Arc::clone(&wakes));
            let mut limited = timeout(Duration::ZERO, &mut handle);
            let polled = Pin::new(&mut limited).poll(&mut Context::from_waker(&waker));
            assert!(matches!(polled, Poll::Ready(Err(_))));
            drop(waker);
            assert_eq!(Arc::strong_count(&wakes), 1);
            yield_now().await; // for another budget
        }
        handle.abort();
    });
}

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

fn poll_badly(sleep: &mut Sleep) {
    let waker = Waker::from(Arc::new(Panics));
    assert!(Pin::new(sleep).poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn after_a_waker_that_panics_the_run_goes_on_and_the_others_are_woken() {
    let trace = Trace::new();
    block_on(async {
        pause();
        tell(&trace, "before", sleep(ms(1)));
        yield_now().await;
        let mut bad = sleep(ms(1));
        poll_badly(&mut bad);
        tell(&trace, "behind", sleep(ms(1)));
        advance(ms(5)).await;
        assert!(poll_once(&mut bad).await.is_ready());
    });
    assert_eq!(trace.take(), "before:1 behind:1");
}

#[test]
fn a_waker_that_panics_in_a_look_is_reported_without_a_task() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reports);
    let hook = move |failure: &Unhandled| {
        seen.lock().unwrap().push((failure.task().is_some(), failure.error().to_string()));
    };
    let hook = UnhandledPanic::Call(Arc::new(hook));
    Builder::new().unhandled_panic(hook).build().unwrap().block_on(async {
        let mut bad = sleep(ms(1));
        poll_badly(&mut bad);
        sleep(ms(2)).await;
    });
    let expected = "a waker or destructor panicked: a waker that panics".to_owned();
    assert_eq!(*reports.lock().unwrap(), [(false, expected)]);
}

#[test]
fn a_waker_that_panics_while_a_runtime_ends_leaves_its_report_complete() {
    let wait = OnExit::Wait { deadline: HOUR };
    let runtime = Builder::new().on_exit(wait).build().unwrap();
    let trace = Trace::new();
    let [mut bad] = runtime.block_on(async { [sleep(ms(1))] });
    let (deadline, told) = (bad.deadline(), trace.clone());
    runtime.block_on(async { poll_badly(&mut bad) });
    let task = async move {
        sleep_until(deadline + ms(1)).await;
        told.push("ended");
    };
    runtime.spawn(task).detach();
    let report = runtime.shutdown();
    assert_eq!((trace.take().as_str(), report.lost().len()), ("ended", 0));
}
