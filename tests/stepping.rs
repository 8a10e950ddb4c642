//! Single ticks, for a host loop: what a tick does, when it returns `false`, how long the loop may wait then, and how a wake
//! between two ticks ends that wait.
//!
//! This file tests the executor, over a driver that records its calls. `stepping/descriptor.rs` tests the runtime with
//! its clock and its descriptor, and `stepping/example.rs` the example. No test sleeps.

#![forbid(unsafe_code)]

mod common;
#[cfg(all(feature = "net", feature = "time"))]
#[path = "stepping/descriptor.rs"]
mod descriptor;
#[cfg(all(feature = "net", feature = "time"))]
#[path = "stepping/example.rs"]
mod example;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::Trace;
use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, ParkThread, Pending, Unpark};
use taketurns::{Handle, spawn, yield_now};

type Happening = Box<dyn FnOnce()>;

/// What the driver and the test share.
#[derive(Clone, Default)]
struct World {
    trace: Trace,
    unparks: Arc<AtomicUsize>,
    /// The driver runs one of these in each look, after the inbox was taken.
    happenings: Rc<RefCell<VecDeque<Happening>>>,
    next_deadline: Rc<Cell<Option<Duration>>>,
}

impl World {
    fn new() -> Self {
        Self { trace: Trace::new(), ..Self::default() }
    }

    fn executor(&self, event_interval: u32) -> Executor<'static, World> {
        Executor::new(self.clone(), NonZeroU32::new(event_interval).unwrap())
    }

    fn unparks(&self) -> usize {
        self.unparks.load(Ordering::SeqCst)
    }

    /// Makes `ticks` ticks. Returns the trace, with the result of each tick in it.
    fn ticks(&self, executor: &Executor<'_, World>, ticks: usize) -> String {
        for _ in 0..ticks {
            let said = executor.try_tick().unwrap();
            self.trace.push(if said { "/" } else { "stalled" });
        }
        self.trace.take()
    }
}

impl Driver for World {
    fn wait(&mut self, limit: Option<Duration>) {
        self.trace.push(if limit == Some(Duration::ZERO) { "look" } else { "wait" });
    }

    fn wake(&mut self, _: bool) {
        let happening = self.happenings.borrow_mut().pop_front();
        happening.into_iter().for_each(|happening| happening());
    }

    fn pending(&self) -> Pending {
        Pending { next_deadline: self.next_deadline.get(), ..Pending::default() }
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Counter(Arc::clone(&self.unparks)))
    }
}

struct Counter(Arc<AtomicUsize>);

impl Unpark for Counter {
    fn unpark(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Takes `turns` turns, and in each writes `name` and the number of the turn.
async fn steps(trace: Trace, name: &'static str, turns: u32) {
    for turn in 0..turns {
        trace.push(format!("{name}{turn}"));
        if turn + 1 < turns {
            yield_now().await;
        }
    }
}

/// Writes `name` in each turn and leaves its waker. Never ends.
fn sleeper(trace: &Trace, name: &'static str) -> (impl Future<Output = ()> + use<>, Wakers) {
    let (trace, wakers) = (trace.clone(), Wakers::default());
    let place = wakers.clone();
    let sleeper = poll_fn(move |cx| {
        trace.push(name);
        place.0.replace(Some(cx.waker().clone()));
        Poll::Pending
    });
    (sleeper, wakers)
}

/// The waker of a [`sleeper`].
#[derive(Clone, Default)]
struct Wakers(Rc<RefCell<Option<Waker>>>);

impl Wakers {
    fn get(&self) -> Waker {
        self.0.borrow().clone().expect("polled before")
    }

    /// Wakes the task on another thread, and returns after the wake.
    fn wake_elsewhere(&self) {
        let waker = self.get();
        thread::spawn(move || waker.wake()).join().unwrap();
    }
}

#[test]
fn each_tick_is_one_turn_and_returns_false_when_no_task_is_ready() {
    let world = World::new();
    let executor = world.executor(61);
    assert_eq!(world.ticks(&executor, 2), "look stalled look stalled");
    executor.spawn(steps(world.trace.clone(), "a", 2)).detach();
    executor.spawn(steps(world.trace.clone(), "b", 2)).detach();
    assert_eq!(world.ticks(&executor, 4).replace("look ", ""), "a0 / b0 / a1 / b1 /");
    assert_eq!(world.ticks(&executor, 2), "look stalled look stalled");
    assert_eq!(executor.live(), 0);
}

#[test]
fn looks_come_at_the_interval_over_many_ticks() {
    let world = World::new();
    let executor = world.executor(3);
    executor.spawn(steps(world.trace.clone(), "", 7)).detach();
    let expected = "look 0 / 1 / 2 / look 3 / 4 / 5 / look 6 / look stalled";
    assert_eq!(world.ticks(&executor, 8), expected);
}

#[test]
fn run_until_stalled_also_runs_tasks_that_wake_themselves_and_new_tasks() {
    let world = World::new();
    let executor = world.executor(3);
    let trace = world.trace.clone();
    executor
        .spawn(async move {
            trace.push("parent");
            spawn(steps(trace.clone(), "child", 3)).detach();
            steps(trace, "self", 2).await;
        })
        .detach();
    let (sleeper, waker) = sleeper(&world.trace, "sleeper");
    executor.spawn(sleeper).detach();
    executor.run_until_stalled();
    let all = "look parent self0 sleeper child0 look self1 child1 child2 look";
    assert_eq!(world.trace.take(), all);
    waker.wake_elsewhere();
    executor.run_until_stalled();
    assert_eq!(world.trace.take(), "look sleeper look");
    executor.run_until_stalled();
    assert_eq!(world.trace.take(), "look");
}

#[test]
fn next_deadline_is_zero_unless_a_tick_returned_false_and_no_task_is_ready() {
    let world = World::new();
    let executor = world.executor(61);
    let hour = Some(Duration::from_secs(3600));
    world.next_deadline.set(hour);
    assert_eq!(executor.next_deadline(), Some(Duration::ZERO), "before the first tick");
    let (sleeper, waker) = sleeper(&world.trace, "sleeper");
    executor.spawn(sleeper).detach();
    assert!(executor.try_tick().unwrap());
    assert_eq!(executor.next_deadline(), Some(Duration::ZERO), "the tick was not false");
    assert!(!executor.try_tick().unwrap());
    assert_eq!(executor.next_deadline(), hour, "the driver's");
    world.next_deadline.set(None);
    assert_eq!(executor.next_deadline(), None, "nothing but a wake can come");
    waker.wake_elsewhere();
    assert_eq!(executor.next_deadline(), Some(Duration::ZERO), "woken from elsewhere");
    executor.run_until_stalled();
    assert_eq!(executor.next_deadline(), None);
    executor.spawn(async {}).detach();
    assert_eq!(executor.next_deadline(), Some(Duration::ZERO), "spawned between two ticks");
    assert!(executor.try_tick().unwrap());
    assert_eq!(executor.next_deadline(), Some(Duration::ZERO), "that tick was not false either");
    assert!(!executor.try_tick().unwrap());
    assert_eq!(executor.next_deadline(), None);
    executor.block_on(async {
        assert_eq!(executor.next_deadline(), Some(Duration::ZERO), "inside of a run");
    });
    assert_eq!(executor.next_deadline(), Some(Duration::ZERO), "a run does not end with a `false`");
}

#[test]
fn a_wake_after_the_last_look_of_a_tick_makes_it_return_true() {
    let world = World::new();
    let executor = world.executor(61);
    let (sleeper, waker) = sleeper(&world.trace, "sleeper");
    executor.spawn(sleeper).detach();
    assert_eq!(world.ticks(&executor, 1), "look sleeper /");
    let trace = world.trace.clone();
    world.happenings.borrow_mut().push_back(Box::new(move || {
        waker.wake_elsewhere(); // this look has taken the inbox
        trace.push("woken");
    }));
    assert_eq!(world.ticks(&executor, 2), "look woken look sleeper / look stalled");
    assert_eq!(world.unparks(), 0, "the tick returned true, so no loop waits");
}

#[test]
fn after_a_tick_that_returned_false_the_first_wake_unparks_and_no_other() {
    let world = World::new();
    let executor = world.executor(61);
    let (one, wake_one) = sleeper(&world.trace, "one");
    let (two, wake_two) = sleeper(&world.trace, "two");
    executor.spawn(one).detach();
    executor.spawn(two).detach();
    let handle = Handle::new(&executor);
    thread::spawn(move || drop(handle.spawn(async {}))).join().unwrap();
    assert_eq!(world.unparks(), 0, "before the first tick no loop waits");
    assert_eq!(world.ticks(&executor, 4), "look one / two / / look stalled");

    wake_two.wake_elsewhere();
    assert_eq!(world.unparks(), 1);
    wake_one.wake_elsewhere();
    wake_one.wake_elsewhere();
    assert_eq!(world.unparks(), 1, "told already");
    assert_eq!(world.ticks(&executor, 1), "look two /", "in the order of waking");
    wake_two.wake_elsewhere();
    assert_eq!(world.unparks(), 1, "the tick was not false");
    assert_eq!(world.ticks(&executor, 3), "one / look two / look stalled");

    assert_eq!(world.ticks(&executor, 2), "look stalled look stalled");
    assert_eq!(world.unparks(), 1, "no wake, no unpark");
    wake_one.wake_elsewhere();
    assert_eq!(world.unparks(), 2);
}

#[test]
fn a_waker_used_on_this_thread_between_ticks_acts_as_from_another_thread() {
    let world = World::new();
    let executor = world.executor(61);
    let (sleeper, waker) = sleeper(&world.trace, "sleeper");
    executor.spawn(sleeper).detach();
    executor.run_until_stalled();
    waker.get().wake();
    assert_eq!((world.unparks(), executor.next_deadline()), (1, Some(Duration::ZERO)));
    assert_eq!(world.trace.take(), "look sleeper look", "not polled inside of the wake");
    assert_eq!(world.ticks(&executor, 2), "look sleeper / look stalled");
}

#[test]
fn a_task_aborted_between_two_ticks_is_dropped_in_the_next_tick() {
    let world = World::new();
    let executor = world.executor(61);
    let ending = ["by its handle", "from elsewhere"].map(|name| {
        let dropped = world.trace.on_drop(name);
        executor.spawn(async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
        })
    });
    executor.run_until_stalled();
    world.trace.take();

    ending[0].abort();
    assert_eq!((world.unparks(), executor.next_deadline()), (0, Some(Duration::ZERO)));
    assert_eq!(world.trace.take(), "", "not inside of the call");
    assert_eq!(world.ticks(&executor, 2).replace("look ", ""), "by its handle / stalled");

    let handle = ending[1].abort_handle();
    thread::spawn(move || handle.abort()).join().unwrap();
    assert_eq!(world.trace.take(), "", "nor on that thread");
    assert_eq!((world.unparks(), executor.next_deadline()), (1, Some(Duration::ZERO)));
    assert_eq!(world.ticks(&executor, 2), "look from elsewhere / look stalled");
    for handle in ending {
        assert!(executor.block_on(handle).unwrap_err().is_cancelled());
    }
}

#[test]
fn ticks_ignore_a_stop_and_leave_it_to_the_next_run_forever() {
    let world = World::new();
    let executor = world.executor(61);
    executor.spawn(steps(world.trace.clone(), "", 9)).detach();
    Handle::new(&executor).stop();
    assert_eq!(world.ticks(&executor, 2), "look 0 / 1 /");
    executor.run_forever();
    assert_eq!(world.trace.take(), "look 2", "one last turn");
    assert_eq!(world.ticks(&executor, 2), "3 / 4 /");
    let handle = Handle::new(&executor);
    executor.spawn(async move { handle.stop() }).detach();
    executor.run_forever();
    assert_eq!(world.trace.take(), "look 5 6");
    executor.run_until_stalled();
    assert_eq!(world.trace.take(), "7 8 look");
}

#[test]
fn ticks_and_runs_go_on_with_each_others_tasks() {
    let world = World::new();
    let executor = world.executor(61);
    let (trace, task) = (world.trace.clone(), executor.spawn(steps(world.trace.clone(), "", 9)));
    executor.block_on(steps(trace.clone(), "root", 2));
    assert_eq!(trace.take(), "look 0 root0 1 root1 2");
    assert_eq!(world.ticks(&executor, 1), "3 /");
    executor.block_on(async { trace.push("root") });
    assert_eq!(trace.take(), "look 4 root 5");
    assert_eq!(world.ticks(&executor, 4), "6 / 7 / 8 / look stalled");
    executor.block_on(steps(trace.clone(), "root", 2)); // after a `false`
    assert_eq!(trace.take(), "look root0 root1");
    executor.block_on(task).unwrap();
}

#[test]
fn a_tick_inside_of_a_run_is_a_nested_error() {
    let world = World::new();
    let (executor, other) = (world.executor(61), world.executor(61));
    let line = line!() + 1;
    executor.block_on(async {
        let steps = [executor.try_tick().err(), other.try_tick().err()];
        let runs = [executor.try_run_until_stalled().err(), other.try_run_until_stalled().err()];
        for nested in steps.into_iter().chain(runs) {
            assert_eq!(nested.expect("an error").outer().line(), line);
        }
    });
}

#[test]
fn a_host_loop_that_parks_the_thread_is_unparked() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let (sender, receiver) = futures::channel::oneshot::channel();
    let task = executor.spawn(receiver);
    assert!(executor.try_tick().unwrap());
    assert!(!executor.try_tick().unwrap());
    assert_eq!(executor.next_deadline(), None);
    let sending = thread::spawn(move || sender.send(42).unwrap());
    while !executor.try_tick().unwrap() {
        thread::park(); // without the unpark it would be for ever
    }
    assert!(task.is_finished());
    sending.join().unwrap();
    assert_eq!(executor.block_on(task).unwrap(), Ok(42));
}
