//! The system's monotonic clock as a number.

#![forbid(unsafe_code)]

#[cfg(not(all(feature = "net", target_os = "linux")))]
use std::{sync::OnceLock, time::Instant};

/// In ns since a moment of the system's choice. std's `Instant` reads the same clock, but gives no number: subtracting two of
/// them would cost another call and arithmetic.
#[cfg(all(feature = "net", target_os = "linux"))]
#[inline]
pub(crate) fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// In ns since its first reading.
#[cfg(not(all(feature = "net", target_os = "linux")))]
pub(crate) fn monotonic() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let run = FIRST.get_or_init(Instant::now).elapsed();
    run.as_secs() * 1_000_000_000 + u64::from(run.subsec_nanos())
}
