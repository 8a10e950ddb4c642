//! [`Instant`]: a moment of a runtime's clock.
//!
//! std's `Instant` would not do: a virtual clock needs moments that the system's clock never showed. This one is the count
//! of nanoseconds that the wheel works with.

#![forbid(unsafe_code)]

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use super::clock::{self, ORIGIN};
use super::timers::Timers;

/// A moment of a runtime's clock, in nanoseconds.
///
/// Instants of real clocks compare with each other, also between runtimes. Instants of a clock that is or was virtual compare
/// only with those of the same clock.
///
/// Arithmetic saturates. The last instant, some 500 years from now, is never reached.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::Instant;
///
/// let start = Instant::now();
/// let deadline = start + Duration::from_millis(250);
/// assert_eq!(deadline - start, Duration::from_millis(250));
/// assert_eq!(start - deadline, Duration::ZERO);
/// assert!(start + Duration::MAX > deadline);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub(super) u64);

impl Instant {
    /// Reads the clock of the runtime this thread is inside of. Outside of a runtime, reads the real clock.
    #[must_use]
    #[inline]
    pub fn now() -> Self {
        Instant(Timers::with_current(Timers::now).unwrap_or_else(clock::real_now))
    }

    /// The time from this instant until [`now`](Self::now). Zero if this instant is in the future.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now() - self
    }

    /// The time from `earlier` until this instant. Zero if `earlier` is later.
    #[must_use]
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` until this instant. `None` if `earlier` is later.
    #[must_use]
    pub fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// `span` after this instant. `None` past the last instant.
    #[must_use]
    pub fn checked_add(self, span: Duration) -> Option<Self> {
        let span = u64::try_from(span.as_nanos()).ok()?;
        self.0.checked_add(span).map(Instant)
    }

    /// `span` before this instant. `None` before the first instant.
    #[must_use]
    pub fn checked_sub(self, span: Duration) -> Option<Self> {
        let span = u64::try_from(span.as_nanos()).ok()?;
        self.0.checked_sub(span).map(Instant)
    }

    /// For libraries that use std's instants. [`from_system`](Self::from_system) reverses it.
    #[cfg(feature = "hyper")]
    pub(crate) fn to_system(self) -> std::time::Instant {
        clock::to_system(self.0)
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn from_system(instant: std::time::Instant) -> Self {
        Instant(clock::from_system(instant))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    #[inline]
    fn add(self, span: Duration) -> Instant {
        Instant(self.0.saturating_add(clock::nanos(span)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, span: Duration) -> Instant {
        Instant(self.0.saturating_sub(clock::nanos(span)))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, span: Duration) {
        *self = *self - span;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    /// Relative to the instant at which clocks begin: `Instant(+1.5s)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < ORIGIN { '-' } else { '+' };
        let distance = Duration::from_nanos(self.0.abs_diff(ORIGIN));
        write!(f, "Instant({sign}{distance:?})")
    }
}
