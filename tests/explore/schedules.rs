//! What `testing::Explorer` has beside a uniform choice: priorities, all schedules, each run twice.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::thread;

use crate::{failure_of, yields};
use taketurns::testing::{Explorer, Report, Schedule, explore};
use taketurns::{spawn, yield_now};

type Trace = Rc<RefCell<Vec<String>>>;

/// Tasks a, b, c of three turns each, which say what they do.
async fn three(trace: Trace) {
    let tasks = ["a", "b", "c"].map(|name| {
        let trace = Rc::clone(&trace);
        spawn(async move {
            for step in 0..3 {
                trace.borrow_mut().push(format!("{name}{step}"));
                yield_now().await;
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

fn pct(depth: u32) -> Explorer {
    Explorer::new().schedule(Schedule::Pct { depth })
}

/// What `three` does, for each run of the explorer but the first.
fn traces(explorer: Explorer, seeds: impl IntoIterator<Item = u64>) -> Vec<String> {
    let traces = RefCell::new(Vec::new());
    explorer.run(seeds, || async {
        let trace = Trace::default();
        three(Rc::clone(&trace)).await;
        traces.borrow_mut().push(trace.take().join(" "));
    });
    traces.take().split_off(1)
}

#[test]
fn at_depth_1_a_task_runs_until_it_waits() {
    let seen: BTreeSet<_> = traces(pct(1), 0..100).into_iter().collect();
    let orders = ["abc", "acb", "bac", "bca", "cab", "cba"];
    let whole = |order: &str| {
        let turns = order.chars().map(|name| format!("{name}0 {name}1 {name}2"));
        turns.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(seen, orders.map(whole).into(), "each order, and nothing else");
}

#[test]
fn each_change_of_priority_interrupts_one_task_more() {
    // How often a task begins that did not just run: 3 times if each runs to its end.
    let most = |depth| {
        let pieces = |trace: &String| {
            let names: Vec<_> = trace.split(' ').map(|turn| &turn[..1]).collect();
            1 + names.windows(2).filter(|pair| pair[0] != pair[1]).count()
        };
        traces(pct(depth), 0..1000).iter().map(pieces).max().unwrap()
    };
    assert_eq!([1, 2, 3].map(most), [3, 4, 5]);
}

#[test]
fn a_seed_is_one_schedule_whatever_seeds_come_before_it() {
    let all = traces(pct(3), 0..20);
    for (seed, trace) in (0..).zip(&all) {
        assert_eq!(traces(pct(3), [seed])[0], *trace, "seed {seed}");
    }
    // Written down, so that it is the same on every machine.
    let expected =
        ["a0 a1 a2 c0 c1 b0 b1 b2 c2", "c0 c1 c2 a0 a1 a2 b0 b1 b2", "a0 a1 a2 c0 c1 c2 b0 b1 b2"];
    assert_eq!(all[..3], expected);
}

#[test]
fn a_task_that_yields_until_another_is_done_does_not_keep_it_back_for_ever() {
    pct(2).run(0..200, || async {
        let done = Rc::new(Cell::new(0));
        let spinners = [(); 3].map(|()| {
            let done = Rc::clone(&done);
            spawn(async move {
                for round in 0..20 {
                    while done.get() < round {
                        yield_now().await;
                    }
                }
            })
        });
        for round in 0..=20 {
            done.set(round);
            yield_now().await;
        }
        for spinner in spinners {
            spinner.await.unwrap();
        }
    });
}

#[test]
fn nor_do_two_tasks_that_wake_each_other() {
    pct(1).run(0..100, || async {
        let done = Rc::new(Cell::new(false));
        let (to_ping, mut ping) = futures::channel::mpsc::unbounded();
        let (to_pong, mut pong) = futures::channel::mpsc::unbounded();
        to_ping.unbounded_send(()).unwrap();
        let (is_done, is_over) = (Rc::clone(&done), Rc::clone(&done));
        spawn(async move {
            use futures::StreamExt;
            while !is_done.get() && ping.next().await.is_some() {
                let _ended = to_pong.unbounded_send(());
            }
        })
        .detach();
        spawn(async move {
            use futures::StreamExt;
            while !is_over.get() && pong.next().await.is_some() {
                let _ended = to_ping.unbounded_send(());
            }
        })
        .detach();
        let worker = spawn(async move { done.set(true) });
        worker.await.unwrap();
    });
}

/// The reader is kept back for 30 turns.
async fn late_writer() {
    let value = Rc::new(Cell::new(0));
    let written = Rc::clone(&value);
    let writer = spawn(async move { written.set(1) });
    yields(30).await;
    assert_eq!(value.get(), 1, "not written yet");
    writer.await.unwrap();
}

#[test]
fn a_failure_under_priorities_says_so_and_how_to_see_it_again() {
    explore(0..200, late_writer);
    let test = thread::Builder::new().name("of_writing".to_owned());
    let found = thread::scope(|scope| {
        let find = || failure_of(|| pct(2).run(0..100, late_writer)).unwrap();
        test.spawn_scoped(scope, find).unwrap().join().unwrap()
    });
    let seed = found.strip_prefix("seed ").unwrap().split(' ').next().unwrap();
    let title = format!("seed {seed} fails under PCT of depth 2, after {seed} that passed\n");
    assert!(found.starts_with(&title), "{found}");
    assert!(found.contains("not written yet"), "{found}");
    let again = format!(
        "\nagain: TAKETURNS_SEED={seed} TAKETURNS_SCHEDULE=pct:2 cargo test of_writing\n   \
         or: taketurns::testing::Explorer::new().schedule(Schedule::Pct {{ depth: 2 }}).run([{seed}], ..)"
    );
    assert!(found.ends_with(&again), "{found}");
    let seed = seed.parse().unwrap();
    assert!(failure_of(|| pct(2).run([seed], late_writer)).is_some());
}

#[test]
fn the_first_run_in_plain_order_has_to_pass_too() {
    let found = failure_of(|| pct(1).run([], || async { panic!("always") })).unwrap();
    assert!(found.starts_with("plain order fails, before any seed\n"), "{found}");
    assert!(found.ends_with(".replay([], ..)"), "{found}");
}

#[test]
fn a_depth_of_zero_is_refused() {
    let found = failure_of(|| pct(0).run([], || async {})).unwrap();
    assert_eq!(
        found,
        "the depth of `Schedule::Pct` must be at least 1: with 1, no priority changes"
    );
}

#[test]
fn exhaust_runs_each_schedule_once_and_says_that_it_has_seen_all() {
    let seen = RefCell::new(Vec::new());
    let body = || async {
        let trace = Trace::default();
        let tasks = ["a", "b"].map(|name| {
            let trace = Rc::clone(&trace);
            spawn(async move {
                for step in 0..2 {
                    trace.borrow_mut().push(format!("{name}{step}"));
                    if step == 0 {
                        yield_now().await;
                    }
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        seen.borrow_mut().push(trace.take().join(" "));
    };
    let report = Explorer::new().exhaust(1000, body);
    let mut seen = seen.take();
    // (2 + 2)! / (2! 2!), but where a has ended the root is ready too, and may take its turn before b's or between them.
    assert!(report.complete);
    assert_eq!(report.to_string(), format!("all {} schedules passed", seen.len()));
    assert_eq!(seen[0], "a0 b0 a1 b1", "plain order comes first");
    seen.sort();
    seen.dedup();
    let all =
        ["a0 a1 b0 b1", "a0 b0 a1 b1", "a0 b0 b1 a1", "b0 a0 a1 b1", "b0 a0 b1 a1", "b0 b1 a0 a1"];
    assert_eq!(seen, all);
}

#[test]
fn exhaust_says_when_its_limit_came_first() {
    let three = || three(Trace::default());
    let report = Explorer::new().exhaust(1000, three);
    assert_eq!((report.schedules, report.complete), (1000, false));
    assert_eq!(report.to_string(), "1000 schedules passed, and there may be more");
    let none = Explorer::new().exhaust(0, three);
    assert_eq!((none.schedules, none.complete), (0, false));
    let only = Explorer::new().exhaust(1, || async {});
    assert_eq!(only.to_string(), "the only schedule passed");
}

/// Fails in one order of nine tasks' turns only.
async fn reversed() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let tasks = [1, 2, 3, 4].map(|number| {
        let order = Rc::clone(&order);
        spawn(async move { order.borrow_mut().push(number) })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_ne!(*order.borrow(), [4, 3, 2, 1]);
}

#[test]
fn a_failure_of_exhaust_says_the_choices_and_replays_them() {
    let test = thread::Builder::new().name("of_all".to_owned());
    let found = thread::scope(|scope| {
        let find =
            || failure_of(|| drop_report(Explorer::new().exhaust(10_000, reversed))).unwrap();
        test.spawn_scoped(scope, find).unwrap().join().unwrap()
    });
    let title = found.lines().next().unwrap();
    assert!(title.starts_with("schedule ") && title.ends_with(" that passed"), "{found}");
    assert!(found.contains("shortest schedule: 3 choices from the list, then in order"), "{found}");
    assert!(found.contains("* the list took it before others"), "{found}");
    let again = "\nagain: TAKETURNS_CHOICES=3,2,1 cargo test of_all\n   \
                 or: taketurns::testing::Explorer::new().replay([3, 2, 1], ..)";
    assert!(found.ends_with(again), "{found}");
    let replayed = failure_of(|| drop_report(Explorer::new().replay([3, 2, 1], reversed)));
    assert!(replayed.unwrap().starts_with("schedule 1 fails, after 0 that passed\n"));
    assert_eq!(Explorer::new().replay([3, 2], reversed).schedules, 1, "it passes");
}

fn drop_report(_: Report) {}

#[test]
fn a_list_of_another_body_is_told_so() {
    for (list, choice) in [(vec![0, 9], 2), (vec![0; 50], 0)] {
        let length = list.len();
        let found = failure_of(|| drop_report(Explorer::new().replay(list.clone(), reversed)));
        let found = found.unwrap();
        let told = found.lines().nth(1).unwrap();
        if choice > 0 {
            assert!(told.starts_with("choice 2 could not be made as the list has it: "), "{found}");
        } else {
            let number = told.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
            assert!(number > 3 && number < length, "{found}");
        }
    }
}

#[test]
fn exhaust_notices_a_body_that_goes_another_way() {
    let runs = Cell::new(0);
    let found = failure_of(|| {
        drop_report(Explorer::new().exhaust(100, || async {
            runs.set(runs.get() + 1);
            if runs.get() != 3 {
                three(Trace::default()).await;
            }
        }));
    });
    let found = found.unwrap();
    assert!(
        found.starts_with("schedule 3 fails, after 2 that passed\nchoice 1 could not"),
        "{found}"
    );
}

#[test]
fn two_runs_that_differ_are_told_with_the_first_turn_that_does() {
    let runs = Cell::new(0);
    let line = line!();
    let body = || async {
        runs.set(runs.get() + 1);
        yield_now().await;
        let first = || spawn(yield_now());
        let second = || spawn(yield_now());
        if runs.get() == 6 { second() } else { first() }.await.unwrap();
    };
    let check = Explorer::new().check_determinism(true);
    let found = failure_of(|| check.run(0..9, body)).unwrap();
    let expected = format!(
        "seed 2 fails, after 2 that passed
it was run twice with the same choices, and turn 3 differs:
  first run: task #1, spawned at {file}:{first}:24, at 0ns
  second run: task #1, spawned at {file}:{second}:25, at 0ns
the body depends on more than the order of turns (",
        file = file!(),
        first = line + 4,
        second = line + 5,
    );
    assert!(found.starts_with(&expected), "{found}");
    assert!(found.contains("\nagain: "), "{found}");
}

#[test]
fn of_two_runs_one_may_be_longer_or_fail() {
    let runs = Cell::new(0);
    let check = Explorer::new().check_determinism(true);
    let longer = || async {
        runs.set(runs.get() + 1);
        yields(runs.get()).await;
    };
    let found = failure_of(|| check.run([7], longer)).unwrap();
    assert!(
        found.contains("and turn 3 differs:\n  first run: it had ended\n  second run: the"),
        "{found}"
    );
    runs.set(0);
    let fails = || async {
        runs.set(runs.get() + 1);
        assert!(runs.get() < 2, "the second time");
    };
    let found = failure_of(|| check.run([7], fails)).unwrap();
    assert!(found.contains("the same choices pass in another run: "), "{found}");
    assert!(found.contains("the second time"), "{found}");
}

#[test]
fn a_body_that_depends_on_the_seed_alone_passes_the_check() {
    let check = Explorer::new().check_determinism(true);
    let three = || three(Trace::default());
    assert_eq!(check.run(0..100, three).schedules, 100);
    assert_eq!(check.schedule(Schedule::Pct { depth: 3 }).run(0..100, three).schedules, 100);
    assert_eq!(check.exhaust(100, three).schedules, 100);
}
