//! Who runs when: the loop's promise, F1 to F5, as traces in exact order.

mod common;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use common::Trace;
use taketurns::executor::{Driver, Executor, Pending, Unpark};
use taketurns::{Runtime, spawn, task, yield_now};

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// A task that says `name` and its step in each of `turns` turns.
async fn steps(trace: Trace, name: &'static str, turns: u32) {
    for turn in 0..turns {
        trace.push(format!("{name}{turn}"));
        yield_now().await;
    }
}

#[test]
fn tasks_take_turns_in_the_order_of_spawning() {
    let trace = Trace::new();
    runtime().block_on(async {
        let tasks = ["a", "b", "c"].map(|name| spawn(steps(trace.clone(), name, 2)));
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.take(), "a0 b0 c0 a1 b1 c1");
}

#[test]
fn a_task_woken_many_times_takes_one_turn() {
    let polls = Rc::new(Cell::new(0));
    let waker = Rc::new(RefCell::new(None::<Waker>));
    runtime().block_on(async {
        let (count, place) = (Rc::clone(&polls), Rc::clone(&waker));
        spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            *place.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }))
        .detach();
        yield_now().await;
        let waker = waker.take().expect("polled once");
        for _ in 0..3 {
            waker.wake_by_ref();
        }
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(polls.get(), 2);
}

#[test]
fn who_wakes_itself_enters_behind_those_it_spawned_and_woke() {
    let trace = Trace::new();
    runtime().block_on(async {
        let parent = {
            let trace = trace.clone();
            spawn(async move {
                let woken = spawn(steps(trace.clone(), "child", 1));
                trace.push("parent0");
                yield_now().await;
                trace.push("parent1");
                woken.await.unwrap();
            })
        };
        let other = spawn(steps(trace.clone(), "other", 2));
        parent.await.unwrap();
        other.await.unwrap();
    });
    assert_eq!(trace.take(), "parent0 other0 child0 parent1 other1");
}

#[test]
fn a_woken_task_goes_to_the_tail_and_not_to_the_front() {
    let trace = Trace::new();
    runtime().block_on(async {
        let gate = Rc::new(RefCell::new(None::<Waker>));
        let waiting = {
            let (trace, gate, mut first) = (trace.clone(), Rc::clone(&gate), true);
            spawn(poll_fn(move |cx| {
                if std::mem::take(&mut first) {
                    *gate.borrow_mut() = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                trace.push("woken");
                Poll::Ready(())
            }))
        };
        yield_now().await;
        let queued = spawn(steps(trace.clone(), "queued", 1));
        gate.take().unwrap().wake();
        spawn(steps(trace.clone(), "later", 1)).await.unwrap();
        waiting.await.unwrap();
        queued.await.unwrap();
    });
    assert_eq!(trace.take(), "queued0 woken later0");
}

#[test]
fn the_root_is_an_ordinary_entry_and_is_polled_only_when_woken() {
    let mut polls = 0;
    runtime().block_on(async {
        let other = spawn(async {
            for _ in 0..10 {
                yield_now().await;
            }
        });
        let mut other = std::pin::pin!(other);
        poll_fn(|cx| {
            polls += 1;
            other.as_mut().poll(cx).map(Result::unwrap)
        })
        .await;
    });
    assert_eq!(polls, 2);
}

/// A driver that looks at nothing, and writes down how it was asked.
struct Asked {
    trace: Trace,
    looks: Rc<Cell<u32>>,
    /// At which look it wakes what.
    wakes: Rc<RefCell<Vec<(u32, Waker)>>>,
    is_asked_to_wait: bool,
}

impl Asked {
    fn new(trace: Trace) -> Self {
        Self { trace, looks: Rc::default(), wakes: Rc::default(), is_asked_to_wait: false }
    }

    /// Whether it is to wake a task at this look or a later one.
    fn will_wake(&self) -> bool {
        self.wakes.borrow().iter().any(|(at, _)| *at >= self.looks.get())
    }
}

impl Driver for Asked {
    fn wait(&mut self, limit: Option<Duration>) {
        self.looks.set(self.looks.get() + 1);
        self.is_asked_to_wait = limit.is_none();
        self.trace.push(if self.is_asked_to_wait { "wait" } else { "look" });
    }

    fn wake(&mut self, any_ready: bool) {
        for (at, waker) in &*self.wakes.borrow() {
            if *at == self.looks.get() {
                self.trace.push("wake");
                waker.wake_by_ref();
            }
        }
        let ends = any_ready || self.will_wake();
        assert!(ends || !self.is_asked_to_wait, "it waits with nothing to wait for");
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        struct Nobody;
        impl Unpark for Nobody {
            fn unpark(&self) {}
        }
        Box::new(Nobody)
    }
}

#[test]
fn at_most_the_interval_of_turns_passes_between_looks() {
    let trace = Trace::new();
    let driver = Asked::new(trace.clone());
    let executor = Executor::new(driver, NonZeroU32::new(3).unwrap());
    executor.block_on(steps(trace.clone(), "", 7));
    assert_eq!(trace.take(), "look 0 1 2 look 3 4 5 look 6");
}

#[test]
fn an_empty_queue_looks_at_once_and_waits_there() {
    let trace = Trace::new();
    let events = Rc::new(RefCell::new(Vec::new()));
    let driver = Asked { wakes: Rc::clone(&events), ..Asked::new(trace.clone()) };
    let executor = Executor::new(driver, NonZeroU32::new(61).unwrap());
    let mut first = true;
    executor.block_on(poll_fn(|cx| {
        trace.push("poll");
        if std::mem::take(&mut first) {
            events.borrow_mut().push((3, cx.waker().clone()));
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    assert_eq!(trace.take(), "look poll wait wait wake poll");
}

#[test]
fn a_leaf_that_is_always_ready_gives_way_after_its_budget() {
    let trace = Trace::new();
    runtime().block_on(async {
        let done: Vec<_> = (0..300).map(|_| spawn(async {})).collect();
        yield_now().await;
        let other = spawn(steps(trace.clone(), "other", 9));
        for (number, handle) in done.into_iter().enumerate() {
            handle.await.unwrap();
            if (number + 1) % 100 == 0 {
                trace.push(number + 1);
            }
        }
        drop(other);
    });
    // 128 awaits a turn: the other's turns fall behind the 128th and the 256th.
    assert_eq!(trace.take(), "100 other0 200 other1 300 other2");
}

#[test]
fn remote_tasks_that_have_ended_give_way_after_the_budget_too() {
    let trace = Trace::new();
    let runtime = runtime();
    let handle = runtime.handle();
    runtime.block_on(async {
        let done: Vec<_> = (0..300).map(|_| handle.spawn(async {})).collect();
        while !done.iter().all(taketurns::RemoteHandle::is_finished) {
            yield_now().await;
        }
        let other = spawn(steps(trace.clone(), "other", 9));
        for (number, handle) in done.into_iter().enumerate() {
            handle.await.unwrap();
            if (number + 1) % 100 == 0 {
                trace.push(number + 1);
            }
        }
        drop(other);
    });
    assert_eq!(trace.take(), "100 other0 200 other1 300 other2");
}

#[test]
fn a_task_without_a_budget_keeps_its_turn() {
    let trace = Trace::new();
    runtime().block_on(async {
        let done: Vec<_> = (0..300).map(|_| spawn(async {})).collect();
        yield_now().await;
        let other = spawn(steps(trace.clone(), "other", 9));
        task::unconstrained(async {
            for handle in done {
                handle.await.unwrap();
            }
        })
        .await;
        trace.push("done");
        drop(other);
    });
    assert_eq!(trace.take(), "done other0");
}

#[test]
fn the_budget_is_as_it_was_after_unconstrained_and_after_another_runtime_ended() {
    let trace = Trace::new();
    runtime().block_on(async {
        let done: Vec<_> = (0..300).map(|_| spawn(async {})).collect();
        yield_now().await;
        let other = spawn(steps(trace.clone(), "other", 9));
        task::unconstrained(async { spawn(async {}).abort() }).await;
        drop(runtime());
        for (number, handle) in done.into_iter().enumerate() {
            handle.await.unwrap();
            if [128, 129, 256, 257].contains(&(number + 1)) {
                trace.push(number + 1);
            }
        }
        drop(other);
    });
    assert_eq!(trace.take(), "128 other0 129 256 other1 257 other2");
}

#[test]
fn when_the_root_completes_each_queued_task_takes_one_last_turn() {
    let trace = Trace::new();
    let runtime = runtime();
    runtime.block_on(async {
        let trace = trace.clone();
        spawn(async move {
            spawn(steps(trace.clone(), "grandchild", 1)).detach();
            steps(trace, "child", 9).await;
        })
        .detach();
    });
    assert_eq!(trace.take(), "child0");
    runtime.block_on(async {});
    // One turn ahead of the root, and one last turn.
    assert_eq!(trace.take(), "grandchild0 child1 child2");
    runtime.block_on(async {});
    assert_eq!(trace.take(), "child3 child4");
}

#[test]
fn a_task_spawned_before_the_run_is_ahead_of_the_root() {
    let trace = Trace::new();
    let runtime = runtime();
    let task = runtime.spawn(steps(trace.clone(), "task", 2));
    runtime.block_on(steps(trace.clone(), "root", 2));
    assert_eq!(trace.take(), "task0 root0 task1 root1");
    assert!(task.is_finished());
}

#[test]
fn a_driver_that_panics_leaves_the_executor_as_it_was() {
    /// Panics at its first look.
    struct Faulty(bool);
    impl Driver for Faulty {
        fn wait(&mut self, _: Option<Duration>) {
            assert!(std::mem::replace(&mut self.0, true), "the driver's own fault");
        }
        fn wake(&mut self, _: bool) {}
        fn pending(&self) -> Pending {
            Pending::default()
        }
        fn unparker(&self) -> Box<dyn Unpark> {
            Asked::new(Trace::new()).unparker()
        }
    }
    let trace = Trace::new();
    let executor = Executor::new(Faulty(false), NonZeroU32::new(61).unwrap());
    let _task = executor.spawn(steps(trace.clone(), "task", 1));
    let run = || executor.block_on(steps(trace.clone(), "root", 1));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    assert_eq!(trace.take(), "");
    executor.block_on(steps(trace.clone(), "again", 1));
    assert_eq!(trace.take(), "task0 again0");
}

#[test]
fn an_executor_that_blocks_inside_a_turn_is_not_refused_for_ever() {
    runtime().block_on(async {
        let done: Vec<_> = (0..600).map(|_| spawn(async {})).collect();
        yield_now().await;
        // It polls again as soon as it is woken, in the same turn.
        futures::executor::block_on(async {
            for handle in done {
                handle.await.unwrap();
            }
        });
    });
}

#[test]
fn a_future_that_joins_many_still_gives_way_after_its_budget() {
    let trace = Trace::new();
    runtime().block_on(async {
        let done: Vec<_> = (0..300).map(|_| spawn(async {})).collect();
        yield_now().await;
        let other = spawn(steps(trace.clone(), "other", 9));
        let mut done: futures::stream::FuturesUnordered<_> = done.into_iter().collect();
        let mut number = 0;
        while let Some(joined) = futures::StreamExt::next(&mut done).await {
            joined.unwrap();
            number += 1;
            if number % 100 == 0 {
                trace.push(number);
            }
        }
        drop(other);
    });
    // `FuturesUnordered` has wakers of its own, but gives way itself when two of its futures do.
    assert_eq!(trace.take(), "100 other0 200 other1 300 other2");
}

/// Spends its turn's budget and ends, by a panic if it is to. Says whether its destructor has one.
struct Spends(Trace, bool);

impl Future for Spends {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
        while task::has_budget() {
            assert!(std::pin::pin!(task::consume_budget()).poll(cx).is_ready());
        }
        assert!(!self.1, "as it was told");
        Poll::Ready(())
    }
}

impl Drop for Spends {
    fn drop(&mut self) {
        self.0.push(task::has_budget());
    }
}

#[test]
fn what_runs_at_the_end_of_a_turn_is_not_bound_by_what_that_has_spent() {
    let (trace, runtime) = (Trace::new(), runtime());
    runtime.block_on(async {
        let ends = spawn(Spends(trace.clone(), false));
        let callback = trace.clone();
        ends.on_done(move |_| callback.push(task::has_budget())).unwrap();
        ends.await.unwrap();
        assert!(spawn(Spends(trace.clone(), true)).await.is_err());
    });
    assert_eq!(trace.take(), "true true true");
    runtime.block_on(Spends(trace.clone(), false));
    assert_eq!(trace.take(), "true");
}
