//! The seed that the environment asks for.

#![forbid(unsafe_code)]

use std::env;

/// Set it to a failure's seed to see the failure again.
pub(super) const VARIABLE: &str = "TAKETURNS_SEED";

/// The only seed to run, if the environment names one.
///
/// # Panics
///
/// When the variable holds no seed.
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
