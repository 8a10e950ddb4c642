//! Loom models on the real code.
//!
//! A test that runs threads sees one interleaving of them, and on x86 hardly any of the values that a weak load may read. So
//! the races are checked by loom, which runs a model once for every way in which its threads can interleave and for every
//! value that a load may read.
//!
//! Each model here has at most three threads and is about one race. Its bound on preemptions and the reason stand beside
//! it, and a second, wider bound for `TAKETURNS_LOOM=full`. Every model checks three things: memory (see
//! `executor/task/watch.rs`), the thread on which a future is polled and dropped ([`Homebound`]), and that no thread sleeps
//! for ever (loom calls that a deadlock). Under a plain `cargo test` each model runs once, on std's threads.
//! docs/orderings.md says what each model catches.
//!
//! # Layout
//!
//! 1. `counting.rs`: which thread frees a task.
//! 2. `waking.rs`: every wake has its poll, in order and in time. `parking.rs`: also when home sleeps.
//! 3. `aborting.rs`: an abort by another thread, against all that a task can do.
//! 4. `ending.rs`: the end of the executor, against what other threads still do. `joining.rs`: outputs between threads.
//!    `waiting.rs`: a thread that waits for one.
//!    `holding.rs`: what a virtual clock must not jump over. `tokens.rs`: a cancellation token.
//!    `leaving.rs`: the end of a loop's thread.
//! 5. `grouping.rs`: the children of one task, woken by other threads.
//! 6. `pool.rs`: the threads for blocking jobs. `tracing.rs`: the ring of a trace.
//!    `sampling.rs`: what other threads see of the tasks.
//!
//! Three models are about the ways in which an executor can let cooperative code down: `cooperative_scheduling` and
//! `missed_yield` in `waking.rs`, and `dropped_task` in `ending.rs`.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(loom)]
use loom::{sync::Notify, sync::atomic, thread};
#[cfg(not(loom))]
use std::{sync::atomic, thread};

use atomic::{AtomicUsize, Ordering};

use crate::Handle;
#[cfg(loom)]
use crate::executor::watch;
use crate::executor::{
    Driver, EVENT_INTERVAL, Executor, JoinError, JoinHandle, Pending, Unpark, yield_now,
};

mod aborting;
mod counting;
mod ending;
mod grouping;
mod holding;
mod joining;
mod leaving;
mod parking;
#[cfg(feature = "offload")]
mod pool;
mod sampling;
mod tokens;
mod tracing;
mod waiting;
mod waking;

/// How often loom may preempt a thread; `None`: as often as it likes.
#[derive(Clone, Copy)]
struct Preemptions {
    gate: Option<usize>,
    full: Option<usize>,
}

/// For models so small that every interleaving can be tried each time.
const UNBOUNDED: Preemptions = Preemptions { gate: None, full: None };

/// Bounded in the gate, every interleaving in the deep checks.
const fn bounded(gate: usize) -> Preemptions {
    Preemptions { gate: Some(gate), full: None }
}

/// Bounded in both, as every interleaving would take too long.
const fn bounded_twice(gate: usize, full: usize) -> Preemptions {
    Preemptions { gate: Some(gate), full: Some(full) }
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
            watch::begin();
            POLLING.set(false);
            run();
            assert!(!TASK_FAILED.take(), "a task that nobody awaits panicked");
            watch::end();
        });
        println!("{} executions", runs.load(std::sync::atomic::Ordering::Relaxed));
    }
    #[cfg(not(loom))]
    {
        let _: [Option<usize>; 2] = [preemptions.gate, preemptions.full];
        run();
        assert!(!TASK_FAILED.take(), "a task that nobody awaits panicked");
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
    executor_over(Parked::default(), EVENT_INTERVAL)
}

/// Runs an executor here until `there` has returned. `there` runs on another thread, with a handle of the executor.
fn beside(preemptions: Preemptions, there: impl Fn(&Handle) + Copy + Send + Sync + 'static) {
    model(preemptions, move || {
        let here = executor();
        let handle = Handle::new(&here);
        let away = thread::spawn(move || {
            there(&handle);
            handle.stop();
        });
        here.run_forever();
        away.join().unwrap();
    });
}

fn executor_over(driver: Parked, event_interval: NonZeroU32) -> Executor<'static, Parked> {
    let executor = Executor::new(driver, event_interval);
    executor.on_unhandled(|task, error| {
        eprintln!("{task:?}: {error}");
        TASK_FAILED.set(true);
    });
    executor
}

/// Waits for the model's own signal. It does not park the thread, as loom would take an `unpark` for the end of a `join`. A
/// wait with a limit times out at once. Under loom, a wait without one may end once without a reason.
#[derive(Default)]
struct Parked(Arc<Notify>);

impl Driver for Parked {
    fn wait(&mut self, limit: Option<Duration>) {
        if limit.is_none() {
            self.0.wait();
        }
    }

    fn wake(&mut self, _: bool) {}

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Unparker(Arc::clone(&self.0)))
    }
}

struct Unparker(Arc<Notify>);

impl Unpark for Unparker {
    fn unpark(&self) {
        self.0.notify();
    }
}

/// The same as loom's.
#[cfg(not(loom))]
#[derive(Default)]
struct Notify(std::sync::Mutex<bool>, std::sync::Condvar);

#[cfg(not(loom))]
impl Notify {
    fn notify(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }

    fn wait(&self) {
        let waits = |notified: &mut bool| !std::mem::take(notified);
        drop(self.1.wait_while(self.0.lock().unwrap(), waits));
    }
}

std::thread_local! {
    /// Whether an assertion in a task failed: the executor goes on then, but the model must not pass.
    static TASK_FAILED: Cell<bool> = const { Cell::new(false) };
    /// Whether a [`Homebound`] is being polled. To std all threads of a model are one thread, so no two of them may poll at
    /// the same time.
    static POLLING: Cell<bool> = const { Cell::new(false) };
}

/// A future that must be polled and dropped on one thread, and never while another one is polled. It counts its drops.
struct Homebound<F> {
    future: Pin<Box<F>>,
    home: thread::ThreadId,
    drops: Rc<Cell<u32>>,
}

fn homebound<F: Future>(future: F) -> (Homebound<F>, Rc<Cell<u32>>) {
    let drops = Rc::new(Cell::new(0));
    let homebound = Homebound {
        future: Box::pin(future),
        home: thread::current().id(),
        drops: Rc::clone(&drops),
    };
    (homebound, drops)
}

impl<F: Future> Future for Homebound<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        assert_eq!(thread::current().id(), self.home, "polled away from home");
        assert!(!POLLING.replace(true), "polled while another is polled");
        let polled = self.future.as_mut().poll(cx);
        POLLING.set(false);
        polled
    }
}

impl<F> Drop for Homebound<F> {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.home, "dropped away from home");
        self.drops.set(self.drops.get() + 1);
    }
}

/// A task that has been polled once and waits until `done` is true: its handle, its waker and the count of its drops.
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

/// The outcome of a task that has ended.
fn outcome<T>(mut handle: JoinHandle<T>) -> Result<T, JoinError> {
    match Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it has not ended"),
    }
}

/// The check for the wrong thread fails when it should.
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
