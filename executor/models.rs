//! Loom models on the real code.
//!
//! Loom runs a model once for every way its threads can interleave and every value a weak load may
//! read. Each model here has at most three threads and is about one race; the bound on preemptions and
//! its reason stand beside it, and a second, wider one for `TAKETURNS_LOOM=full`. Three things are watched in all of
//! them: memory (see [`watch`](super::task::watch)), the thread a future is polled and dropped on
//! ([`Homebound`]), and that nobody sleeps for ever (loom calls that a deadlock). Under a plain
//! `cargo test` each runs once, on std's threads.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(loom)]
use loom::{sync::Arc, sync::atomic, thread};
#[cfg(not(loom))]
use std::{sync::Arc, sync::atomic, thread};

use atomic::{AtomicUsize, Ordering};

use crate::Handle;

use super::{Driver, EVENT_INTERVAL, Executor, JoinHandle, Pending, Unpark, yield_now};

/// How often loom may take a thread off where it need not; `None`: as often as it likes.
#[derive(Clone, Copy)]
struct Preemptions {
    gate: Option<usize>,
    full: Option<usize>,
}

/// For models so small that all there is can be tried each time.
const UNBOUNDED: Preemptions = Preemptions { gate: None, full: None };

/// Bounded in the gate, all there is in the deep checks.
const fn bounded(gate: usize) -> Preemptions {
    Preemptions { gate: Some(gate), full: None }
}

fn model(preemptions: Preemptions, run: impl Fn() + Send + Sync + 'static) {
    #[cfg(loom)]
    {
        let mut builder = loom::model::Builder::new();
        let full = std::env::var_os("TAKETURNS_LOOM").is_some_and(|value| value == "full");
        builder.preemption_bound = if full { preemptions.full } else { preemptions.gate };
        builder.max_branches = 50_000;
        let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&runs);
        builder.check(move || {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            super::task::watch::begin();
            run();
            super::task::watch::end();
        });
        println!("{} executions", runs.load(std::sync::atomic::Ordering::Relaxed));
    }
    #[cfg(not(loom))]
    {
        let _: [Option<usize>; 2] = [preemptions.gate, preemptions.full];
        run();
    }
}

/// The ordering that `TAKETURNS_WEAKEN=access=Ordering` gives an access, to see which model then fails.
#[cfg(loom)]
pub(crate) fn weakened(access: &str) -> Option<Ordering> {
    static WEAKENED: std::sync::OnceLock<Option<(String, Ordering)>> = std::sync::OnceLock::new();
    let weakened = WEAKENED.get_or_init(|| {
        let value = std::env::var("TAKETURNS_WEAKEN").ok()?;
        let (access, ordering) = value.split_once('=').expect("access=Ordering");
        let ordering = match ordering {
            "Relaxed" => Ordering::Relaxed,
            "Acquire" => Ordering::Acquire,
            "Release" => Ordering::Release,
            other => panic!("{other} is no weaker ordering"),
        };
        Some((access.to_owned(), ordering))
    });
    weakened.as_ref().filter(|(name, _)| name == access).map(|(_, ordering)| *ordering)
}

fn executor() -> Executor<'static, Parked> {
    Executor::new(Parked, EVENT_INTERVAL)
}

/// Waits by the model's own park.
struct Parked;

impl Driver for Parked {
    fn turn(&mut self, limit: Option<Duration>, inbox: &mut dyn FnMut() -> bool) {
        if limit.is_none() {
            thread::park();
        }
        inbox();
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Unparker(thread::current()))
    }
}

struct Unparker(thread::Thread);

impl Unpark for Unparker {
    fn unpark(&self) {
        self.0.unpark();
    }
}

/// A future that may be polled and dropped on one thread only, that never finds itself polled twice at
/// once, and that counts its drops.
struct Homebound<F> {
    future: Pin<Box<F>>,
    home: thread::ThreadId,
    polling: Cell<bool>,
    drops: Rc<Cell<u32>>,
}

fn homebound<F: Future>(future: F) -> (Homebound<F>, Rc<Cell<u32>>) {
    let drops = Rc::new(Cell::new(0));
    let homebound = Homebound {
        future: Box::pin(future),
        home: thread::current().id(),
        polling: Cell::new(false),
        drops: Rc::clone(&drops),
    };
    (homebound, drops)
}

impl<F: Future> Future for Homebound<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        assert_eq!(thread::current().id(), self.home, "polled away from home");
        assert!(!self.polling.replace(true), "polled while it is polled");
        let polled = self.future.as_mut().poll(cx);
        self.polling.set(false);
        polled
    }
}

impl<F> Drop for Homebound<F> {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.home, "dropped away from home");
        self.drops.set(self.drops.get() + 1);
    }
}

/// A task that has been polled once, waits for `done` to say so, and its waker.
fn waiting(
    executor: &Executor<'static, Parked>,
    done: impl Fn() -> bool + 'static,
) -> (JoinHandle<()>, Waker, Rc<Cell<u32>>) {
    let waker = Rc::new(RefCell::new(None));
    let first = Rc::clone(&waker);
    let (future, drops) = homebound(poll_fn(move |cx| {
        first.borrow_mut().get_or_insert_with(|| cx.waker().clone());
        if done() { Poll::Ready(()) } else { Poll::Pending }
    }));
    let handle = executor.spawn(future);
    executor.block_on(yield_now());
    let waker = waker.take().expect("polled once");
    (handle, waker, drops)
}

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

/// Three preemptions: the two wakers' places differ in nothing, and every pair of steps that can race
/// is apart by at most one switch on either side.
#[test]
fn count_of_two_wakers_against_retirement() {
    model(bounded(3), || {
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

/// Three preemptions: one to get between the store and the wake, one each for the second wake and the
/// park that follows.
#[test]
fn wake_against_poll() {
    model(bounded(3), || {
        let executor = executor();
        let step = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&step);
        // Relaxed: only the wake can make the store visible to the poll.
        let (handle, waker, _) = waiting(&executor, move || seen.load(Ordering::Relaxed) == 2);
        let away = thread::spawn(move || {
            step.store(1, Ordering::Relaxed);
            waker.wake_by_ref();
            step.store(2, Ordering::Relaxed);
            waker.wake();
        });
        executor.block_on(handle).unwrap();
        away.join().unwrap();
    });
}

/// Three preemptions, as above: the writes of the one that loses QUEUED must reach the poll too. Without
/// a bound it did not end within 9 minutes, so the wider one is 5.
#[test]
fn two_wakes_against_poll() {
    model(Preemptions { gate: Some(3), full: Some(5) }, || {
        let executor = executor();
        let steps = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let seen = steps.clone();
        let all = move || seen.iter().all(|step| step.load(Ordering::Relaxed) == 1);
        let (handle, waker, _) = waiting(&executor, all);
        let away = steps.map(|step| {
            let waker = waker.clone();
            thread::spawn(move || {
                step.store(1, Ordering::Relaxed);
                waker.wake();
            })
        });
        drop(waker);
        executor.block_on(handle).unwrap();
        for thread in away {
            thread.join().unwrap();
        }
    });
}

/// Unbounded: two threads; the whole race is one word.
#[test]
fn wake_against_park() {
    model(UNBOUNDED, || {
        let executor = executor();
        let ready = Arc::new(AtomicUsize::new(0));
        let mut away = None;
        executor.block_on(poll_fn(|cx| {
            if ready.load(Ordering::Relaxed) == 1 {
                return Poll::Ready(());
            }
            let (waker, set) = (cx.waker().clone(), Arc::clone(&ready));
            away.get_or_insert_with(|| {
                thread::spawn(move || {
                    set.store(1, Ordering::Relaxed);
                    waker.wake();
                })
            });
            Poll::Pending
        }));
        away.unwrap().join().unwrap();
    });
}

/// Two preemptions: the close is one swap, and so is each push.
#[test]
fn wake_against_close() {
    model(bounded(2), || {
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

/// Three preemptions: between making, pushing and letting go on the one side, drain, close and free on
/// the other.
#[test]
fn remote_spawn_against_close() {
    model(bounded(3), || {
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
            executor.end().len()
        };
        let remote = away.join().unwrap();
        assert!(remote.is_finished());
        assert!(polls.load(Ordering::Relaxed) + lost <= 1);
    });
}

/// *Dropped task*: whatever the interleaving of a wake with the end of the loop, the task is dropped
/// exactly once, at home, and reported exactly once if it did not complete.
///
/// Three preemptions: the wake may fall before, into or behind the last turns, and into the close.
#[test]
fn dropped_task() {
    model(bounded(3), || {
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
        let lost = executor.end().len();
        drop(executor);
        assert_eq!(drops.get(), 1);
        assert_eq!(completed.get() + lost, 1);
        away.join().unwrap();
    });
}

/// The check for the wrong thread bites.
#[test]
#[should_panic(expected = "dropped away from home")]
fn a_future_dropped_elsewhere_fails_the_model() {
    model(UNBOUNDED, || {
        let elsewhere = thread::spawn(|| thread::current().id()).join().unwrap();
        let (mut future, _) = homebound(std::future::pending::<()>());
        future.home = elsewhere;
        drop(future);
    });
}
