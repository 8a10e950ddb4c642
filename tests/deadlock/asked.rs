//! Before the panic, each task that the report lists is asked in one more turn what it waits for. What it does in that
//! turn changes nothing: the run is over.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use taketurns::cancel::CancellationToken;
use taketurns::insight::Named as _;
use taketurns::sync::Event;
use taketurns::task::JoinSet;
use taketurns::testing::{self, Sequencer, explore};
use taketurns::time::{Clock, Instant, sleep};
use taketurns::{Builder, spawn, task, yield_now};

use crate::common::reports;
use crate::{HEAD, HOUR, at_once, panic_of};

pub(crate) const FILE: &str = file!();

/// Ready in its second poll, but nothing wakes its task for that.
fn loses_its_wake() -> impl Future<Output = ()> {
    let mut is_polled = false;
    poll_fn(move |_| match std::mem::replace(&mut is_polled, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
}

const STUCK_ROOT: &str = "for certain, as no waker of it is left:\n  \
     the future of `block_on`, called at here, polled once, stuck: no waker of it is left\n";

#[test]
fn a_lost_wake_is_a_deadlock_though_the_asking_would_end_the_run() {
    let text = panic_of(|| at_once(Clock::AutoAdvance).block_on(loses_its_wake()));
    assert_eq!(text, format!("{HEAD}{STUCK_ROOT}"));
}

#[test]
fn a_lost_wake_in_a_task_is_a_deadlock_though_the_asking_would_end_the_run() {
    let runtime = at_once(Clock::AutoAdvance);
    let text = panic_of(|| runtime.block_on(async { spawn(loses_its_wake()).await.unwrap() }));
    let lost = "task #1, spawned at here, polled once, stuck: no waker of it is left\n";
    assert!(text.contains(lost), "{text}");
}

/// With an interval of one turn the loop looks outside between any two of these turns.
#[test]
fn the_asking_goes_on_while_tasks_that_were_asked_are_ready() {
    let clock = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(Duration::ZERO);
    let runtime = clock.on_lost(|_| {}).event_interval(1).build().unwrap();
    let text = panic_of(|| {
        runtime.block_on(async {
            let event = Rc::new(Event::new());
            for _ in 0..3 {
                let event = Rc::clone(&event);
                spawn(async move { event.wait().await }).detach();
            }
            event.wait().await;
        });
    });
    assert_eq!(text.matches("\n    waits for the `Event` made at here").count(), 4, "{text}");
}

#[test]
fn a_future_that_panics_when_it_is_asked_does_not_take_the_verdicts_place() {
    let text = panic_of(|| {
        at_once(Clock::AutoAdvance).block_on(async {
            loses_its_wake().await;
            panic!("asked");
        });
    });
    assert_eq!(text, format!("{HEAD}{STUCK_ROOT}"));
}

#[test]
fn a_task_that_panics_when_it_is_asked_is_reported_beside_the_verdict() {
    let (reported, policy) = reports();
    let builder = Builder::new().clock(Clock::AutoAdvance).on_lost(|_| {});
    let runtime = builder.unhandled_panic(policy).build().unwrap();
    let text = panic_of(|| {
        runtime.block_on(async {
            spawn(async {
                loses_its_wake().await;
                panic!("asked");
            })
            .detach();
            pending::<()>().await;
        });
    });
    assert!(text.starts_with(&format!("{HEAD}{STUCK_ROOT}")), "{text}");
    assert!(reported.lock().unwrap()[0].contains("task #1 panicked: asked"), "{reported:?}");
}

#[test]
fn a_task_that_goes_on_for_ever_when_it_is_asked_does_not_put_the_panic_off() {
    let text = panic_of(|| {
        at_once(Clock::AutoAdvance).block_on(async {
            spawn(async {
                loses_its_wake().await;
                loop {
                    yield_now().await;
                }
            })
            .detach();
            pending::<()>().await;
        });
    });
    assert!(text.starts_with(&format!("{HEAD}{STUCK_ROOT}")), "{text}");
}

#[test]
fn the_clock_stands_still_while_tasks_are_asked() {
    let runtime = at_once(Clock::AutoAdvance);
    let start = runtime.block_on(async { Instant::now() });
    panic_of(|| {
        runtime.block_on(async {
            loses_its_wake().await;
            sleep(HOUR).await;
        });
    });
    assert_eq!(runtime.block_on(async { start.elapsed() }), Duration::ZERO);
}

/// The future of `block_on` first, then the tasks in the order of spawning, and no more of them than are listed.
#[test]
fn those_that_are_listed_are_asked_in_their_order() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let asks = |number: u32| {
        let (asked, polls) = (Rc::clone(&asked), Cell::new(0));
        poll_fn(move |_| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                asked.borrow_mut().push(number);
            }
            Poll::<()>::Pending
        })
    };
    panic_of(|| {
        at_once(Clock::AutoAdvance).block_on(async {
            (1..200).for_each(|number| spawn(asks(number)).detach());
            asks(0).await;
        });
    });
    assert_eq!(*asked.borrow(), (0..50).collect::<Vec<_>>());
}

#[test]
fn of_many_waits_of_one_task_some_are_told() {
    let text = panic_of(|| {
        at_once(Clock::AutoAdvance).block_on(async {
            let at = |number| sleep(Duration::MAX - Duration::from_secs(number));
            let tasks = (0..20).map(|_| spawn(pending::<()>()));
            let sleeps = async {
                futures::join!(at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9));
            };
            futures::join!(sleeps, join_all(tasks));
        });
    });
    let lines = text.lines().skip_while(|line| !line.contains("block_on")).skip(1);
    let lines: Vec<_> = lines.take_while(|line| line.starts_with("    ")).collect();
    let (last, told) = lines.split_last().unwrap();
    assert!(told.len() == 8 && told.iter().all(|line| line.contains("awaits task")), "{text}");
    assert_eq!(*last, "    and 21 more", "12 tasks, and 9 timers");
}

/// In the turn in which it is asked, the task polls them all.
#[test]
fn what_is_inside_of_a_named_future_stands_below_it() {
    let text = panic_of(|| {
        at_once(Clock::AutoAdvance).block_on(async {
            let [one, two] = [(); 2].map(|()| Event::new());
            let inner = async { one.wait().named("inner").await };
            futures::join!(inner.named("outer"), two.wait().named("beside"), two.wait());
        });
    });
    let root = "\n  the future of `block_on`, called at here, polled once, waiting\n    \
                in \"outer\", named at here\n      \
                in \"inner\", named at here\n        \
                waits for the `Event` made at here\n    \
                in \"beside\", named at here\n      \
                waits for the `Event` made at here\n    \
                waits for the `Event` made at here\n";
    assert!(text.contains(root), "{text}");
}

#[test]
fn an_awaited_task_stands_below_the_name_that_it_is_awaited_in() {
    for explains in [false, true] {
        let builder = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(Duration::ZERO);
        let runtime = builder.report_deadlocks(explains).on_lost(|_| {}).build().unwrap();
        let text = panic_of(|| {
            runtime.block_on(async {
                let [one, two] = [(); 2].map(|()| spawn(pending::<()>()));
                let _ = futures::join!(one.named("reading"), two);
            });
        });
        let root = "\n  the future of `block_on`, called at here, polled once, waiting\n    \
                    awaits task #2\n    \
                    in \"reading\", named at here\n      \
                    awaits task #1\n";
        assert!(text.contains(root), "{explains}: {text}");
    }
}

/// `Shared` polls the handle with a waker of its own, which leads to no task.
#[test]
fn a_task_that_is_awaited_in_a_foreign_combinator_is_told() {
    let text = panic_of(|| {
        at_once(Clock::AutoAdvance)
            .block_on(async { spawn(pending::<()>()).map(drop).shared().await });
    });
    let root = "\n  the future of `block_on`, called at here, polled once, waiting\n    \
                awaits task #1\n";
    assert!(text.contains(root), "{text}");
}

/// Each of two tasks of a layer awaits both of the next layer. There are a million ways through 20 layers, and the report
/// follows none of them.
#[test]
fn layers_of_tasks_that_await_each_other_are_each_told_once() {
    let polls = Rc::new(Cell::new(0));
    let text = panic_of(|| {
        at_once(Clock::AutoAdvance).block_on(async {
            let mut below = [(); 2].map(|()| spawn(pending::<()>()).map(drop).shared());
            for _ in 1..20 {
                below = [(); 2].map(|()| {
                    let ([a, b], polls) = (below.clone(), Rc::clone(&polls));
                    let mut both = Box::pin(futures::future::join(a, b));
                    spawn(poll_fn(move |cx| {
                        polls.set(polls.get() + 1);
                        both.as_mut().poll(cx).map(drop)
                    }))
                    .map(drop)
                    .shared()
                });
            }
            let [a, b] = below;
            futures::join!(a, b);
        });
    });
    let tasks = text.lines().filter(|line| line.starts_with("  task #")).count();
    assert_eq!(tasks, 40, "{text}");
    assert!(polls.get() <= 4 * 38, "each is polled a few times: {}", polls.get());
}

/// The turns in which tasks are asked are no part of the schedule that a seed stands for.
#[test]
fn explore_shows_the_turns_up_to_the_deadlock() {
    let text = panic_of(|| explore([0], || async { spawn(pending::<()>()).await.unwrap() }));
    assert!(
        text.contains("it fails in plain order too, with no choice by the seed, in 2 turns:"),
        "{text}"
    );
}

/// Though none of them was woken.
#[test]
fn the_children_of_a_future_are_asked_with_its_task() {
    let never = || sleep(Duration::MAX);
    let waits = |body: &dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>| {
        let text = panic_of(|| at_once(Clock::AutoAdvance).block_on(body()));
        text.contains("  waits for the timer made at here, never due\n")
    };
    assert!(waits(&|| Box::pin(async move { drop(task::join_all([never()]).await) })));
    assert!(waits(&|| Box::pin(async move {
        task::borrowing(async |group| drop(group.spawn(never()))).await;
    })));
}

#[test]
fn each_kind_of_wait_is_named_with_its_place() {
    let runtime = at_once(Clock::AutoAdvance);
    let settles = at_once(Clock::AutoAdvance);
    let mut settle = None;
    settles.block_on(async { settle = Some(testing::settle()) });
    let text = panic_of(|| {
        runtime.block_on(async {
            let token = CancellationToken::new();
            spawn(token.clone().cancelled_owned()).detach();
            let sequencer = Sequencer::new();
            let never = sequencer.at(1);
            spawn(async move { drop(never.await) }).detach();
            let mut set = JoinSet::new();
            set.spawn(pending::<()>());
            set.spawn(pending::<()>());
            spawn(async move { drop(set.join_next().await) }).detach();
            spawn(settle.unwrap()).detach();
            let both = task::borrowing(async |group| {
                let child = group.spawn(token.cancelled());
                token.run_until_cancelled(child).await
            });
            drop(both.await);
        });
    });
    for waits in [
        "the `CancellationToken::cancelled_owned` at here",
        "the `Sequencer::at()` at here, for block 1, while block 0 has not ended",
        "a task of the `JoinSet` made at here, 2 left",
        "the `settle` at here",
    ] {
        assert!(text.contains(&format!(", waiting\n    waits for {waits}\n")), "{waits}: {text}");
    }
    for waits in [
        "the child of `borrowing` spawned at here",
        "the `CancellationToken::run_until_cancelled` at here",
        "the `CancellationToken::cancelled` at here",
    ] {
        assert!(text.contains(&format!("  waits for {waits}")), "{waits}: {text}");
    }
}
