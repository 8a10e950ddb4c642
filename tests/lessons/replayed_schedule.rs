//! Lesson 34: a schedule that loses an update, found by seed and played again.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use taketurns::time::Clock;
use taketurns::{Builder, Order, spawn, testing, yield_now};

use crate::common::Trace;

type Balance = Rc<Cell<u32>>;

/// Reads, and writes back what may no longer be so.
async fn deposit(balance: &Balance, trace: &Trace) {
    let before = balance.get();
    trace.push(format_args!("read-{before}"));
    yield_now().await;
    balance.set(before + 60);
    trace.push(format_args!("wrote-{}", before + 60));
}

/// Nothing awaits between its read and its write.
async fn deposit_at_once(balance: &Balance, trace: &Trace) {
    yield_now().await;
    let before = balance.get();
    trace.push(format_args!("read-{before}"));
    balance.set(before + 60);
    trace.push(format_args!("wrote-{}", before + 60));
}

async fn two(trace: Trace, deposit: impl AsyncFn(&Balance, &Trace) + Copy + 'static) -> u32 {
    let balance = Balance::default();
    let (wages, told) = (balance.clone(), trace.clone());
    let wages = spawn(async move { deposit(&wages, &told).await });
    yield_now().await;
    yield_now().await;
    deposit(&balance, &trace).await;
    wages.await.unwrap();
    balance.get()
}

fn in_order(order: Order, deposit: impl AsyncFn(&Balance, &Trace) + Copy + 'static) -> String {
    let trace = Trace::new();
    let runtime = Builder::new().clock(Clock::AutoAdvance).order(order).build().unwrap();
    runtime.block_on(two(trace.clone(), deposit));
    trace.take()
}

const OVER: &str = "read-0 wrote-60 read-60 wrote-120";

#[test]
fn the_seed_in_the_report_shows_the_lost_update_each_time() {
    assert_eq!(in_order(Order::Fifo, deposit), OVER);
    let body = || async { assert_eq!(two(Trace::new(), deposit).await, 120) };
    let explored = catch_unwind(AssertUnwindSafe(|| testing::explore(0..1000, body)));
    let report = *explored.unwrap_err().downcast::<String>().unwrap();
    let seed = report.strip_prefix("seed ").and_then(|rest| rest.split(' ').next());
    let seed = seed.and_then(|seed| seed.parse().ok()).expect("the report names its seed");
    for _ in ["found", "again"] {
        let lost = "read-0 read-0 wrote-60 wrote-60";
        assert_eq!(in_order(Order::Shuffled(seed), deposit), lost);
    }
    assert_eq!(in_order(Order::Shuffled(seed), deposit_at_once), OVER);
}

#[test]
fn no_seed_loses_an_update_where_nothing_awaits_in_between() {
    testing::explore(0..1000, || async {
        assert_eq!(two(Trace::new(), deposit_at_once).await, 120);
    });
}
