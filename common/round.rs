//! [`round_down`]: times that people are to read.

#![forbid(unsafe_code)]

use std::time::Duration;

/// Whole milliseconds, and under 10 of them whole microseconds. Never more than it was.
pub(crate) fn round_down(time: Duration) -> Duration {
    let unit = if time < Duration::from_millis(10) { 1_000 } else { 1_000_000 };
    time - Duration::from_nanos((time.subsec_nanos() % unit).into())
}
