//! The one seed that the environment asks for.

#![forbid(unsafe_code)]

use std::env;

/// Where a failure's seed is put to see it again.
pub(super) const VARIABLE: &str = "TAKETURNS_SEED";

/// The seed to run alone, if the environment names one.
///
/// # Panics
///
/// When what it names is no seed.
#[track_caller]
pub(super) fn from_environment() -> Option<u64> {
    let text = env::var_os(VARIABLE)?;
    match text.to_str().and_then(|text| text.parse().ok()) {
        Some(seed) => Some(seed),
        None => panic!(
            "`{VARIABLE}` is {text:?}: set it to the seed that a failure of `testing::explore` named, \
             a number below 2^64, or unset it to try all seeds"
        ),
    }
}
