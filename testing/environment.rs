//! What the environment asks for: one seed, one schedule, one list of choices.

#![forbid(unsafe_code)]

use std::env;

use super::schedule::Schedule;

/// Set it to a failure's seed to see the failure again.
pub(super) const SEED: &str = "TAKETURNS_SEED";
/// Set it to run all seeds under this schedule.
pub(super) const SCHEDULE: &str = "TAKETURNS_SCHEDULE";
/// Set it to the choices of a failure, to see it again.
pub(super) const CHOICES: &str = "TAKETURNS_CHOICES";

/// The only seed to run, if the environment names one.
///
/// # Panics
///
/// When the variable holds no seed.
#[track_caller]
pub(super) fn seed() -> Option<u64> {
    variable(
        SEED,
        "the seed that a failure of `testing::explore` named, a number below 2^64",
        |text| text.parse().ok(),
    )
}

/// The schedule of all seeds, if the environment names one.
///
/// # Panics
///
/// When the variable holds none.
#[track_caller]
pub(super) fn schedule() -> Option<Schedule> {
    variable(SCHEDULE, "`uniform`, or `pct:3` (3 is the depth, at least 1)", Schedule::parse)
}

/// The only choices to run, if the environment names some.
///
/// # Panics
///
/// When the variable holds none.
#[track_caller]
pub(super) fn choices() -> Option<Vec<usize>> {
    let parse = |text: &str| text.split(',').map(|choice| choice.trim().parse().ok()).collect();
    variable(
        CHOICES,
        "the choices that a failure of `Explorer::exhaust` named, such as 0,2,1",
        parse,
    )
}

#[track_caller]
fn variable<T>(name: &str, values: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = env::var_os(name)?;
    match text.to_str().and_then(parse) {
        Some(value) => Some(value),
        None => panic!("`{name}` is {text:?}: set it to {values}, or unset it to try all"),
    }
}
