//! The borrowing group: which child is polled when, and how the group ends.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use taketurns::task::{borrowing, consume_budget, current};
use taketurns::{block_on, spawn, yield_now};

use super::common::Trace;
use super::{Counting, PanicsInDrop, Signal, panic_of, poll_once};

#[test]
fn children_borrow_and_change_what_lives_longer() {
    block_on(async {
        let text = String::from("borrowed");
        let seen = RefCell::new(Vec::new());
        let outcome = borrowing(async |group| {
            for n in 0..3 {
                let (text, seen) = (&text, &seen);
                group.spawn(async move {
                    yield_now().await;
                    seen.borrow_mut().push(format!("{text} {n}"));
                });
            }
            "done"
        });
        assert_eq!(outcome.await, "done");
        assert_eq!(seen.into_inner(), ["borrowed 0", "borrowed 1", "borrowed 2"]);
    });
}

#[test]
fn only_the_woken_children_are_polled_in_the_order_of_their_wakes() {
    let trace = Trace::new();
    let signals = [0; 40].map(|_| Signal::new());
    let counting = Arc::new(Counting::default());
    let mut group = pin!(borrowing(async |group| {
        trace.push("body");
        for (n, signal) in signals.iter().enumerate() {
            group.spawn(signal.clone().traced(trace.clone(), n));
        }
    }));
    assert!(poll_once(group.as_mut(), &counting).is_pending());
    assert_eq!((trace.take().as_str(), counting.wakes()), ("body", 1)); // what it spawned waits for the next turn
    assert!(poll_once(group.as_mut(), &counting).is_pending());
    assert_eq!(trace.take(), (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
    for n in [7, 3, 39, 3, 7] {
        signals[n].wake();
    }
    assert_eq!(counting.wakes(), 2); // the first wake of the five
    assert!(poll_once(group.as_mut(), &counting).is_pending());
    assert_eq!(trace.take(), "7 3 39");
    assert!(poll_once(group.as_mut(), &counting).is_pending());
    assert!(trace.is_empty());
    signals.iter().rev().for_each(Signal::give);
    assert!(poll_once(group.as_mut(), &counting).is_ready());
    let ends = (0..40).rev().map(|n| format!("{n} -{n}")).collect::<Vec<_>>().join(" ");
    assert_eq!(trace.take(), ends);
}

#[test]
fn a_child_that_wakes_itself_has_one_poll_a_turn_and_tasks_have_theirs_in_between() {
    let trace = Trace::new();
    block_on(async {
        let task = {
            let trace = trace.clone();
            spawn(async move {
                for _ in 0..4 {
                    trace.push("task");
                    yield_now().await;
                }
            })
        };
        borrowing(async |group| {
            for name in ["a", "b"] {
                let trace = &trace;
                group.spawn(async move {
                    for _ in 0..2 {
                        trace.push(name);
                        yield_now().await;
                    }
                });
            }
        })
        .await;
        task.await.unwrap();
    });
    assert_eq!(trace.take(), "task a b task a b task task");
}

/// rust-lang/futures-rs#2526, tokio-rs/tokio#2460
#[test]
fn more_ready_children_than_budget_are_polled_once_each() {
    let polls = Cell::new(0);
    let turns = Cell::new(0);
    block_on(async {
        let mut group = pin!(borrowing(async |group| {
            for _ in 0..1000 {
                let polls = &polls;
                let mut child = Box::pin(consume_budget());
                group.spawn(poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    child.as_mut().poll(cx)
                }));
            }
        }));
        poll_fn(|cx| {
            turns.set(turns.get() + 1);
            group.as_mut().poll(cx)
        })
        .await;
    });
    // One turn for `body`, and 128 children in each turn after it.
    assert_eq!((polls.get(), turns.get()), (1000, 1 + 1000_usize.div_ceil(128)));
}

#[test]
fn children_add_children_and_give_their_outputs() {
    block_on(async {
        let base = 10;
        let total = borrowing(async |group| {
            let child = group.spawn(async {
                let inner = group.spawn(async {
                    yield_now().await;
                    base + 1
                });
                inner.await + 1
            });
            child.await + 1
        });
        assert_eq!(total.await, 13);
    });
}

#[test]
fn finish_drops_the_body_and_then_the_rest_in_the_order_of_their_spawns() {
    let trace = Trace::new();
    let output = block_on(async {
        borrowing(async |group| {
            let _body = trace.on_drop("-body");
            group.spawn(Signal::new().traced(trace.clone(), "a"));
            let ends = trace.clone();
            group.spawn(async move {
                yield_now().await;
                ends.push("finish");
                group.finish(1);
                group.finish(2);
                drop(group.spawn(async {})); // dropped at once
                pending::<()>().await;
            });
            group.spawn(Signal::new().traced(trace.clone(), "b"));
            pending().await
        })
        .await
    });
    assert_eq!(output, 1);
    assert_eq!(trace.take(), "a b finish -body -a -b");
}

#[test]
fn a_slot_that_is_used_again_does_not_change_the_order_of_the_drops() {
    let trace = Trace::new();
    let counting = Arc::new(Counting::default());
    let [first, second, third] = [(); 3].map(|()| Signal::new());
    {
        let mut group = pin!(borrowing(async |group| {
            group.spawn(first.clone().traced(trace.clone(), "first"));
            let second = group.spawn(second.clone().traced(trace.clone(), "second"));
            group.spawn(Signal::new().traced(trace.clone(), "third"));
            second.await;
            group.spawn(third.clone().traced(trace.clone(), "fourth"));
            pending::<()>().await;
        }));
        for _ in 0..2 {
            assert!(poll_once(group.as_mut(), &counting).is_pending());
        }
        second.give();
        for _ in 0..4 {
            assert!(poll_once(group.as_mut(), &counting).is_pending());
        }
        assert_eq!(trace.take(), "first second third second -second fourth");
        // A waker of the child before wakes its slot's new child no more.
        second.wake();
        assert!(poll_once(group.as_mut(), &counting).is_pending());
        assert!(trace.is_empty());
        second.wake();
        third.wake();
        assert!(poll_once(group.as_mut(), &counting).is_pending());
        assert_eq!(trace.take(), "fourth");
    }
    assert_eq!(trace.take(), "-first -third -fourth");
}

#[test]
fn a_panic_of_a_child_goes_to_the_caller_after_the_others_were_dropped() {
    let trace = Trace::new();
    let panic = panic_of(|| {
        block_on(borrowing(async |group| {
            group.spawn(Signal::new().traced(trace.clone(), "a"));
            group.spawn(Signal::new().traced(trace.clone(), "b"));
            group.spawn(async { panic!("of a child") });
            let _body = trace.on_drop("-body");
            pending::<()>().await;
        }));
    });
    assert_eq!((panic.as_str(), trace.take().as_str()), ("of a child", "a b -body -a -b"));
}

#[test]
fn a_panic_of_a_drop_keeps_no_other_child_from_its_drop() {
    let trace = Trace::new();
    let panic = panic_of(|| {
        block_on(borrowing(async |group| {
            group.spawn(async {
                let _first = PanicsInDrop("the first");
                pending::<()>().await;
            });
            group.spawn(async {
                let _second = PanicsInDrop("the second, which is reported");
                pending::<()>().await;
            });
            group.spawn(Signal::new().traced(trace.clone(), "a"));
            group.spawn(async {
                yield_now().await;
                group.finish(());
            });
            pending::<()>().await;
        }));
    });
    assert_eq!((panic.as_str(), trace.take().as_str()), ("the first", "a -a"));
    // A child that panics in its own end ends the group too.
    let panic = panic_of(|| {
        block_on(borrowing(async |group| {
            group.spawn(Signal::new().traced(trace.clone(), "b"));
            group.spawn(async {
                let _last = PanicsInDrop("at its end");
            });
        }));
    });
    assert_eq!((panic.as_str(), trace.take().as_str()), ("at its end", "b -b"));
}

#[test]
fn dropped_at_any_await_point_it_drops_each_child_once_and_gives_its_waker_back() {
    for polls in 0..6 {
        let counting = Arc::new(Counting::default());
        let drops = Trace::new();
        let made = Cell::new(0);
        {
            let (drops, made) = (&drops, &made);
            let mut group = pin!(borrowing(async |group| {
                for n in 0..4 {
                    group.spawn(async move {
                        made.set(made.get() + 1);
                        let _dropped = drops.on_drop("drop");
                        for _ in 0..n {
                            yield_now().await;
                        }
                        group.spawn(async { yield_now().await });
                    });
                }
                yield_now().await;
            }));
            for _ in 0..polls {
                if poll_once(group.as_mut(), &counting).is_ready() {
                    break;
                }
            }
        }
        assert_eq!(drops.take().split_whitespace().count(), made.get(), "after {polls} polls");
        assert_eq!(Arc::strong_count(&counting), 1, "after {polls} polls");
    }
}

#[test]
fn wakers_from_other_threads_wake_their_children_and_nothing_once_the_group_is_gone() {
    let trace = Trace::new();
    let counting = Arc::new(Counting::default());
    let [a, b] = [(); 2].map(|()| Signal::new());
    let kept = {
        let mut group = pin!(borrowing(async |group| {
            group.spawn(a.clone().traced(trace.clone(), "a"));
            group.spawn(b.clone().traced(trace.clone(), "b"));
        }));
        for _ in 0..2 {
            assert!(poll_once(group.as_mut(), &counting).is_pending());
        }
        assert_eq!(trace.take(), "a b");
        let wakers = [b.waker(), a.waker()];
        let wakes = counting.wakes();
        std::thread::spawn(move || {
            for waker in wakers.iter().cycle().take(1000) {
                waker.wake_by_ref();
            }
        })
        .join()
        .unwrap();
        assert_eq!(counting.wakes(), wakes + 1);
        a.wake(); // at home, and so before those from other threads
        assert!(poll_once(group.as_mut(), &counting).is_pending());
        assert_eq!(trace.take(), "a b");
        let (again, wakes) = (b.waker(), counting.wakes());
        std::thread::spawn(move || again.wake()).join().unwrap();
        assert!(poll_once(group.as_mut(), &counting).is_pending());
        assert_eq!((trace.take().as_str(), counting.wakes()), ("b", wakes + 1)); // no turn for nothing follows
        [a.waker(), b.waker()]
    };
    assert_eq!(trace.take(), "-a -b");
    let wakes = counting.wakes();
    kept[0].wake_by_ref();
    std::thread::spawn(move || kept.map(Waker::wake)).join().unwrap();
    assert_eq!((counting.wakes(), Arc::strong_count(&counting)), (wakes, 1));
}

#[test]
fn the_latest_waker_of_the_task_is_woken_and_a_noop_waker_gives_it_back() {
    let signal = Signal::new();
    let [first, second] = [(); 2].map(|()| Arc::new(Counting::default()));
    let mut group = pin!(borrowing(async |group| {
        group.spawn(signal.clone().traced(Trace::new(), "a"));
    }));
    for _ in 0..2 {
        assert!(poll_once(group.as_mut(), &first).is_pending());
    }
    assert!(poll_once(group.as_mut(), &second).is_pending());
    assert_eq!(Arc::strong_count(&first), 1);
    let wakes = first.wakes();
    signal.wake();
    assert_eq!((first.wakes(), second.wakes()), (wakes, 1));
    assert!(group.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(Arc::strong_count(&second), 1);
    signal.give();
    assert!(poll_once(group.as_mut(), &second).is_ready());
}

#[test]
fn a_handle_that_is_dropped_gives_its_waker_back_and_its_child_goes_on() {
    let (trace, awaiter) = (Trace::new(), Arc::new(Counting::default()));
    block_on(borrowing(async |group| {
        let mut handle = group.spawn(async {
            yield_now().await;
            trace.push("child");
        });
        assert!(poll_once(Pin::new(&mut handle), &awaiter).is_pending());
        assert_eq!(Arc::strong_count(&awaiter), 2);
        drop(handle);
        assert_eq!(Arc::strong_count(&awaiter), 1);
    }));
    assert_eq!(trace.take(), "child");
}

/// Polls a future inside its own waker's wake: the child's wake must not happen under a borrow.
#[test]
fn a_wake_may_drop_the_group() {
    thread_local! {
        static GROUP: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>> = const { RefCell::new(None) };
    }
    struct Drops;
    impl std::task::Wake for Drops {
        fn wake(self: Arc<Self>) {
            let group = GROUP.take();
            drop(group);
        }
    }
    let trace = Trace::new();
    let signal = Signal::new();
    let (traced, given) = (trace.clone(), signal.clone());
    GROUP.set(Some(Box::pin(borrowing(async move |group| {
        group.spawn(given.traced(traced, "a"));
    }))));
    let counting = Arc::new(Counting::default());
    for _ in 0..2 {
        let mut group = GROUP.take().unwrap();
        assert!(poll_once(group.as_mut(), &counting).is_pending());
        GROUP.set(Some(group));
    }
    let mut group = GROUP.take().unwrap();
    let drops = Waker::from(Arc::new(Drops));
    assert!(group.as_mut().poll(&mut Context::from_waker(&drops)).is_pending());
    GROUP.set(Some(group));
    signal.wake();
    assert_eq!(trace.take(), "a -a");
}

#[test]
fn groups_nest_and_are_one_task() {
    block_on(async {
        let handle = spawn(async {
            let task = current().unwrap().id();
            borrowing(async |outer| {
                outer.spawn(async {
                    let inner = borrowing(async |inner| {
                        inner.spawn(async { yield_now().await });
                        current().unwrap().id()
                    });
                    assert_eq!(inner.await, task);
                });
            })
            .await;
        });
        handle.await.unwrap();
    });
}

#[test]
fn a_waker_that_panics_does_not_fail_the_child_whose_handle_it_awaits() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in the wake");
        }
    }
    let output = block_on(borrowing(async |group| {
        let mut handle = pin!(group.spawn(async {
            yield_now().await;
            7
        }));
        let waker = Waker::from(Arc::new(Panics));
        assert!(handle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        while !handle.is_finished() {
            yield_now().await;
        }
        handle.await
    }));
    assert_eq!(output, 7, "the panic is reported, as the waker's own");
}
