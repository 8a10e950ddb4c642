//! What `testing::explore` promises: it finds what only some orders show, says enough, and shows it again.

#![cfg(feature = "time")]

#[path = "explore/bugs/mod.rs"]
mod bugs;
#[path = "explore/child.rs"]
mod child;
#[path = "explore/reports.rs"]
mod reports;
#[path = "explore/schedules.rs"]
mod schedules;
#[path = "explore/table.rs"]
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bugs::{BUGS, RARE};
use taketurns::testing::{Explorer, Schedule, explore};
use taketurns::time::Clock;
use taketurns::{Builder, yield_now};

/// The text of the failure that `explore` finds; `None`: it found none.
fn failure<F: Future<Output = ()>>(
    seeds: impl IntoIterator<Item = u64>,
    body: impl Fn() -> F,
) -> Option<String> {
    failure_of(|| explore(seeds, body))
}

/// By priorities, with the depth that the page recommends.
fn pct() -> Explorer {
    Explorer::new().schedule(Schedule::Pct { depth: 3 })
}

/// The text of the failure of `exploration`; `None`: it found none.
fn failure_of<T>(exploration: impl FnOnce() -> T) -> Option<String> {
    let found = catch_unwind(AssertUnwindSafe(exploration)).err()?;
    let text = match found.downcast::<String>() {
        Ok(text) => *text,
        Err(text) => (*text.downcast::<&str>().expect("the report is a text")).to_owned(),
    };
    let backtrace = text.find("\nbacktrace of").unwrap_or(text.len());
    Some(text[..backtrace].to_owned())
}

#[test]
fn each_planted_bug_is_hidden_in_plain_order_and_found_by_a_seed() {
    for bug in BUGS {
        let builder = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(Duration::ZERO);
        builder.build().unwrap().block_on(bug.planted());
        let found = failure(0..200, || bug.planted());
        let found = found.unwrap_or_else(|| panic!("{}: not found", bug.name));
        assert!(found.contains("shortest schedule: "), "{}: {found}", bug.name);
    }
}

#[test]
fn the_fixed_twin_of_each_passes_the_same_seeds() {
    for bug in BUGS.iter().chain(&RARE) {
        explore(0..200, || bug.fixed());
        pct().run(0..200, || bug.fixed());
    }
}

#[test]
fn each_rare_bug_is_found_by_priorities_within_100_seeds_and_not_by_a_uniform_choice() {
    for bug in RARE {
        explore(0..300, || bug.planted());
        let found = failure_of(|| pct().run(0..100, || bug.planted()));
        assert!(found.is_some(), "{}: not found", bug.name);
    }
}

#[test]
#[ignore = "takes some minutes; with --release, less than one"]
fn a_uniform_choice_finds_no_rare_bug_in_100000_seeds() {
    for bug in RARE {
        explore(0..100_000, || bug.planted());
    }
}

async fn yields(times: u32) {
    for _ in 0..times {
        yield_now().await;
    }
}
