//! What `testing::explore` promises: it finds what only some orders show, says enough, and shows it again.

#![cfg(feature = "time")]

#[path = "explore/child.rs"]
mod child;
#[path = "explore/reports.rs"]
mod reports;

use std::panic::{AssertUnwindSafe, catch_unwind};

use taketurns::testing::explore;

/// The text of the failure that `explore` finds; `None`: it found none.
fn failure<F: Future<Output = ()>>(
    seeds: impl IntoIterator<Item = u64>,
    body: impl Fn() -> F,
) -> Option<String> {
    let found = catch_unwind(AssertUnwindSafe(|| explore(seeds, body))).err()?;
    let text = match found.downcast::<String>() {
        Ok(text) => *text,
        Err(text) => (*text.downcast::<&str>().expect("the report is a text")).to_owned(),
    };
    let backtrace = text.find("\nbacktrace of").unwrap_or(text.len());
    Some(text[..backtrace].to_owned())
}
