//! What is found, and what is said of it.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use crate::failure;
use taketurns::testing::explore;
use taketurns::time::{Clock, sleep};
use taketurns::{Builder, Order, block_on, spawn, task, yield_now};

/// A task that says `name` and its step in each of three turns, the last of which comes a second later.
async fn steps(trace: Rc<RefCell<Vec<String>>>, name: &'static str) {
    for step in 0..3 {
        trace.borrow_mut().push(format!("{name}{step}"));
        if step == 1 {
            sleep(Duration::from_secs(1)).await;
        } else {
            yield_now().await;
        }
    }
}

async fn three(trace: Rc<RefCell<Vec<String>>>) {
    let tasks = ["a", "b", "c"].map(|name| spawn(steps(Rc::clone(&trace), name)));
    for task in tasks {
        task.await.unwrap();
    }
}

/// What `three` does in a runtime of this order.
fn trace_in(order: Order) -> String {
    let trace = Rc::default();
    let runtime = Builder::new().clock(Clock::AutoAdvance).order(order).build().unwrap();
    runtime.block_on(three(Rc::clone(&trace)));
    trace.take().join(" ")
}

fn explored(seed: u64) -> String {
    let trace = Rc::default();
    explore([seed], || three(Rc::clone(&trace)));
    trace.take().join(" ")
}

#[test]
fn a_seed_is_one_schedule_on_every_machine() {
    // Written down from a model in another language: SplitMix64, and a queue of which any may be taken.
    let schedules = [
        (0, "b0 a0 a1 c0 b1 c1 c2 a2 b2"),
        (1, "c0 c1 a0 b0 b1 a1 b2 c2 a2"),
        (u64::MAX, "c0 a0 c1 a1 b0 b1 c2 a2 b2"),
    ];
    for (seed, expected) in schedules {
        assert_eq!(trace_in(Order::Shuffled(seed)), expected, "seed {seed}");
        assert_eq!(trace_in(Order::Shuffled(seed)), expected, "seed {seed}, again");
        assert_eq!(explored(seed), expected, "seed {seed}, explored");
    }
    assert_eq!(trace_in(Order::Fifo), "a0 b0 c0 a1 b1 c1 a2 b2 c2");
}

#[test]
fn each_seed_is_run_once_in_the_order_given() {
    let runs = Cell::new(0);
    let seen = RefCell::new(Vec::new());
    let seeds =
        [7, 3, 3, 9].into_iter().inspect(|&seed| seen.borrow_mut().push((seed, runs.get())));
    explore(seeds, || async { runs.set(runs.get() + 1) });
    assert_eq!(seen.take(), [(7, 0), (3, 1), (3, 2), (9, 3)]);
    assert_eq!(runs.get(), 4);
}

#[test]
fn a_failure_says_which_seed_what_and_when_and_how_to_see_it_again() {
    let line = line!();
    let body = || async {
        for _ in 0..3 {
            yield_now().await; // alone, so nothing is chosen
        }
        let value = Rc::new(Cell::new(0));
        let (written, read) = (Rc::clone(&value), value);
        let writer = spawn(async move {
            sleep(Duration::from_millis(5)).await;
            written.set(1);
        });
        let reader = async move {
            sleep(Duration::from_millis(5)).await;
            assert!(read.get() == 1, "not written yet");
        };
        task::Builder::new().name("reader").spawn(reader).await.unwrap();
        writer.await.unwrap();
    };
    let test = thread::Builder::new().name("of_reading".to_owned());
    let found = thread::scope(|scope| {
        test.spawn_scoped(scope, || failure(0..100, body).unwrap()).unwrap().join().unwrap()
    });
    let at = |lines, column| format!("{}:{}:{column}", file!(), line + lines);
    let (writer, assertion, reader, unwrap) = (at(7, 22), at(13, 13), at(15, 45), at(15, 65));
    let expected = format!(
        "seed 1 fails, after 1 that passed
  panicked at {assertion}: not written yet
  panicked at {unwrap}: called `Result::unwrap()` on an `Err` value: JoinError(task #2 \"reader\" panicked: \
         not written yet)
shortest schedule: 2 choices by the seed, then in order, 9 turns:
   turn       clock  task
      1         0ns  the future of `block_on`
      2         0ns  the future of `block_on`
      3         0ns  the future of `block_on`
      4         0ns  the future of `block_on`
      5         0ns  task #1, spawned at {writer}
      6         0ns  task #2 \"reader\", spawned at {reader}
      7 *       5ms  task #2 \"reader\", spawned at {reader}
      8         5ms  task #1, spawned at {writer}
      9         5ms  the future of `block_on`
      * the seed took it before others that were queued
again: TAKETURNS_SEED=1 cargo test of_reading
   or: taketurns::testing::explore([1], ..)"
    );
    assert_eq!(found, expected);
}

#[test]
fn what_fails_in_plain_order_needs_no_choice() {
    let found = failure(0..9, || async {
        let other = spawn(yield_now());
        yield_now().await;
        other.await.unwrap();
        panic!("always");
    });
    let found = found.unwrap();
    assert!(found.starts_with("seed 0 fails, after 0 that passed\n  panicked at "), "{found}");
    assert!(
        found.contains("it fails in plain order too, with no choice by the seed, in 5 turns:"),
        "{found}"
    );
}

#[test]
fn fewer_choices_are_tried_though_half_of_them_pass() {
    let fails = [trace_in(Order::Fifo), trace_in(Order::Shuffled(0))];
    let found = failure([0], || async {
        let trace = Rc::default();
        three(Rc::clone(&trace)).await;
        assert!(!fails.contains(&trace.take().join(" ")));
    });
    assert!(found.unwrap().contains("\nit fails in plain order too"));
}

#[test]
fn a_body_that_does_something_else_each_time_is_told_so() {
    let runs = Cell::new(0);
    let body = || async {
        runs.set(runs.get() + 1);
        assert!(runs.get() != 3, "the third time");
    };
    let found = failure(0..9, body).unwrap();
    assert!(found.starts_with("seed 2 fails, after 2 that passed\n  panicked at "), "{found}");
    assert!(found.contains("the same choices pass in another run: "), "{found}");
}

#[test]
fn a_panic_that_nobody_awaits_is_a_failure() {
    let found = failure([0], || async {
        spawn(async { panic!("on its own") }).detach();
        sleep(Duration::from_secs(1)).await;
    });
    let found = found.unwrap();
    assert!(found.contains("on its own\n  panicked at "), "{found}");
    assert!(found.contains("task #1 panicked: on its own; no awaiter sees it"), "{found}");
}

#[cfg(feature = "offload")]
#[test]
fn a_panic_of_a_blocking_job_that_nobody_awaits_is_a_failure() {
    let job = || drop(taketurns::spawn_blocking(|| panic!("of a job")));
    let found = failure([0], async || {
        job();
        pending::<()>().await;
    });
    assert!(found.unwrap().contains("panicked: of a job; no awaiter sees it"));
    // It has begun, and panics while the runtime ends.
    let found = failure([0], async || {
        let (begin, begun) = std::sync::mpsc::channel();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        drop(taketurns::spawn_blocking(move || {
            begin.send(()).unwrap();
            panic!("at the end: {}", gate.recv().is_err());
        }));
        begun.recv().unwrap();
        spawn(async move {
            let _open = open;
            pending::<()>().await;
        })
        .detach();
    });
    let found = found.unwrap();
    assert!(found.contains("panicked: at the end: true; no awaiter sees it"), "{found}");
}

/// In the handle of a task that is lost, whose panic comes to light as the runtime ends.
#[test]
fn a_panic_that_nobody_has_seen_by_the_end_is_a_failure() {
    let text = failure([0], || async {
        let fails = spawn(async { panic!("unseen") });
        spawn(async move {
            pending::<()>().await;
            drop(fails);
        })
        .detach();
        sleep(Duration::from_secs(1)).await;
    });
    assert!(text.is_some_and(|text| text.contains(": unseen\n")));
}

/// Caught where it was made, by a destructor of a task that is lost.
#[test]
fn a_panic_that_a_destructor_deals_with_at_the_end_is_none() {
    struct Deals;
    impl Drop for Deals {
        fn drop(&mut self) {
            let _ = std::panic::catch_unwind(|| panic!("dealt with"));
        }
    }
    explore([0], || async {
        let deals = Deals;
        spawn(async move {
            let _deals = deals;
            pending::<()>().await;
        })
        .detach();
        yield_now().await;
    });
}

#[test]
fn a_destructor_that_panics_as_the_runtime_ends_is_a_failure() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let body = || async {
        let bomb = Bomb;
        spawn(async move {
            pending::<()>().await;
            drop(bomb);
        })
        .detach();
        yield_now().await;
    };
    let found = failure([0], body).unwrap();
    assert!(found.contains(": in drop\n"), "{found}");
}

#[test]
fn a_panic_that_is_dealt_with_is_none() {
    explore(0..9, || async {
        assert!(spawn(async { panic!("dealt with") }).await.is_err());
    });
}

#[test]
fn of_many_panics_the_first_and_the_last_are_named() {
    let body = |panics| async move {
        for number in 0..panics {
            assert!(spawn(async move { panic!("panic {number}") }).await.is_err());
        }
        panic!("the end");
    };
    let named = |panics| {
        let found = failure([0], || body(panics)).unwrap();
        let of_panics = |line: &&str| line.starts_with("  ");
        let last_word = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
        found.lines().skip(1).take_while(of_panics).map(last_word).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(named(1), "0 end");
    assert_eq!(named(4), "0 1 2 3 end");
    assert_eq!(named(5), "0 1 2 ... 4 end");
    assert_eq!(named(9), "0 1 2 ... 8 end");
}

#[test]
fn a_deadlock_is_a_failure_and_names_who_waits() {
    let found = failure([0], || async { spawn(pending::<()>()).await.unwrap() }).unwrap();
    assert!(found.contains(": deadlock: no task is ready"), "{found}");
    assert!(
        found.contains("for certain, as no waker of it is left:\n  task #1, spawned at "),
        "{found}"
    );
}

#[test]
fn a_run_without_end_is_given_up() {
    let body = || async {
        spawn(async {
            loop {
                yield_now().await;
            }
        })
        .detach();
        loop {
            yield_now().await;
        }
    };
    let found = failure([0], body).unwrap();
    assert!(found.contains(": livelock? 1000000 turns, and no end"), "{found}");
    let given_up = "shortest schedule found before giving up: 1000000 choices";
    assert!(found.contains(given_up), "{found}");
}

#[test]
fn of_a_long_trace_the_middle_is_left_out() {
    let found = failure([0], || async {
        for _ in 1..100 {
            yield_now().await;
        }
        panic!("at last");
    });
    let found = found.unwrap();
    let table: Vec<_> = found.lines().skip(3).collect();
    assert_eq!(table.len(), 1 + 20 + 1 + 40 + 3, "{found}");
    let numbers = [1, 20, 22, 61].map(|line: usize| table[line].split_whitespace().next().unwrap());
    assert_eq!(numbers, ["1", "20", "61", "100"], "{found}");
    assert_eq!(table[21], "    ... 40 more ...");
}

#[test]
fn inside_of_a_run_it_says_where_it_belongs() {
    let error = block_on(async { failure([0], || async {}) }).unwrap();
    assert!(error.contains("call it outside of `block_on`"), "{error}");
}
