//! [`Failure`]: a seed that fails, and the text that says so.

#![forbid(unsafe_code)]

use std::fmt;
use std::thread;

use super::panics::Panic;
use super::seed::VARIABLE;
use super::shrink::{Certainty, Shrunk};

/// How many panics the text has, of many: the first and the last.
const FIRST: usize = 3;
const LAST: usize = 2;

/// The first seed that failed.
pub(super) struct Failure {
    pub(super) seed: u64,
    /// How many seeds passed before it.
    pub(super) passed: u64,
    pub(super) shrunk: Shrunk,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, passed, shrunk } = self;
        write!(f, "seed {seed} fails, after {passed} that passed")?;
        let panics = shrunk.trial.panics.as_deref().unwrap_or_default();
        write_panics(panics, f)?;
        write!(f, "\n{shrunk}")?;
        match thread::current().name() {
            Some(test) if test != "main" => {
                write!(f, "\nagain: {VARIABLE}={seed} cargo test {test}")
            }
            _ => write!(f, "\nagain: run it with {VARIABLE}={seed} in the environment"),
        }?;
        write!(f, "\n   or: taketurns::testing::explore([{seed}], ..)")?;
        match panics.first().and_then(Panic::backtrace) {
            Some(backtrace) => write!(f, "\nbacktrace of the first panic:\n{backtrace}"),
            None => Ok(()),
        }
    }
}

fn write_panics(panics: &[Panic], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let last = panics.len().saturating_sub(LAST).max(FIRST.min(panics.len()));
    for panic in &panics[..panics.len().min(FIRST)] {
        write!(f, "\n  {panic}")?;
    }
    if last > FIRST {
        write!(f, "\n  ... {} more ...", last - FIRST)?;
    }
    for panic in &panics[last..] {
        write!(f, "\n  {panic}")?;
    }
    Ok(())
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { choices, trial, certainty } = self;
        let turns = trial.trace.turns;
        let by_seed = format!("{choices} choice{}", if *choices == 1 { "" } else { "s" });
        match (certainty, choices) {
            (Certainty::NotRepeatable, _) => write!(
                f,
                "when the seed was run again it passed: the body depends on more than the order of turns \
                 (a thread, real time, an address, the order of a `HashMap`); the first run, {turns} turns:"
            ),
            (_, 0) => write!(
                f,
                "it fails in plain order too, with no choice by the seed, in {turns} turns:"
            ),
            (Certainty::Least, _) => {
                write!(f, "shortest schedule: {by_seed} by the seed, then in order, {turns} turns:")
            }
            (Certainty::GivenUp, _) => write!(
                f,
                "shortest schedule found before giving up: {by_seed} by the seed, then in order, \
                 {turns} turns:"
            ),
        }?;
        write!(f, "\n{}", trial.trace)?;
        f.write_str("\n      * the seed took it before others that were queued")
    }
}
