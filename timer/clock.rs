//! [`Clock`], which one a runtime goes by, and [`Timeline`], what it reads there.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant as SystemInstant};

use super::wheel::NEVER;

/// Which clock a runtime goes by.
///
/// A runtime begins with one; [`pause`](super::pause) and [`resume`](super::resume) change it. The two that
/// are not real are *virtual*: a runtime built with one begins at the same [`Instant`](super::Instant) always, so
/// two runs of one program see the same times, to the nanosecond.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Clock, Instant, sleep};
///
/// let runtime = taketurns::Builder::new().clock(Clock::AutoAdvance).build()?;
/// runtime.block_on(async {
///     let start = Instant::now();
///     sleep(Duration::from_secs(3600)).await; // at once
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// # std::io::Result::Ok(())
/// ```
///
/// Under a virtual clock a run that can never end panics and names the tasks that are deadlocked, see
/// [`Builder::deadlock_grace`](crate::Builder::deadlock_grace).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The system's monotonic clock.
    #[default]
    Real,
    /// One that stands still until [`advance`](super::advance) moves it.
    Manual,
    /// One that goes to the next deadline by itself, at once, whenever no task is ready: an hour's sleep
    /// takes no time. While a blocking job is in flight, or a [`hold`](super::hold) is out, it stands still,
    /// as real time must pass for those.
    ///
    /// It goes on only where the loop would wait. A [`block_on`](crate::Runtime::block_on) whose future is ready at
    /// once does not move it, however often it is called; nor does
    /// [`run_until_stalled`](crate::Runtime::run_until_stalled), which never waits, though that obeys an
    /// [`advance`](super::advance) in progress. A [`try_tick`](crate::Runtime::try_tick) that finds no task ready
    /// does move it, to the next deadline, in place of the wait of the loop that calls it.
    ///
    /// It knows of no other thread, socket or child that is about to wake a task: what waits for one under
    /// a limit of time, times out at once, unless the clock is held.
    AutoAdvance,
}

/// What every clock shows when it begins, in ns: 36 years, so that an instant before the process
/// began can be named.
pub(super) const ORIGIN: u64 = 1 << 60;

/// The system's monotonic clock, in ns from a moment of its own. It is the clock that std's `Instant` reads,
/// but those can only be subtracted, which is a call and some arithmetic more.
#[cfg(all(feature = "net", target_os = "linux"))]
#[inline]
pub(super) fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The system's monotonic clock, in ns from the first time it was read.
#[cfg(not(all(feature = "net", target_os = "linux")))]
fn monotonic() -> u64 {
    static FIRST: OnceLock<SystemInstant> = OnceLock::new();
    let run = FIRST.get_or_init(SystemInstant::now).elapsed();
    run.as_secs() * 1_000_000_000 + u64::from(run.subsec_nanos())
}

/// A span in ns; what exceeds 64 bits (584 years) is [`NEVER`].
#[inline]
pub(super) fn nanos(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(span.subsec_nanos()))
}

/// The real clock as everything outside of a runtime reads it.
pub(super) fn real_now() -> u64 {
    let began = began().monotonic;
    ORIGIN + (monotonic() - began)
}

/// When, by the system, a real clock shows `now`.
#[cfg(feature = "hyper")]
pub(super) fn to_system(now: u64) -> SystemInstant {
    began().system + Duration::from_nanos(now.saturating_sub(ORIGIN))
}

/// What a real clock shows at the system's `instant`; at the earliest, what it began with.
#[cfg(feature = "hyper")]
pub(super) fn from_system(instant: SystemInstant) -> u64 {
    ORIGIN.saturating_add(nanos(instant.saturating_duration_since(began().system)))
}

/// When the process first asked: one moment for all, so that the instants of all real clocks
/// compare.
fn began() -> Began {
    static BEGAN: OnceLock<Began> = OnceLock::new();
    // In this order: what is converted from std's instants may become later by it, not earlier.
    *BEGAN.get_or_init(|| Began { system: SystemInstant::now(), monotonic: monotonic() })
}

#[derive(Clone, Copy)]
struct Began {
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "for the conversions"))]
    system: SystemInstant,
    monotonic: u64,
}

/// The clock of one runtime: real or virtual, and able to change without a jump.
pub(super) struct Timeline {
    kind: Cell<Clock>,
    /// The latest reading. Of a virtual clock: the time.
    latest: Cell<u64>,
    /// While real: by how much it is ahead of the system's.
    ahead: Cell<u64>,
}

impl Timeline {
    pub(super) fn new(kind: Clock) -> Self {
        Timeline {
            kind: Cell::new(kind),
            latest: Cell::new(ORIGIN),
            ahead: Cell::new(ORIGIN.wrapping_sub(began().monotonic)),
        }
    }

    pub(super) fn kind(&self) -> Clock {
        self.kind.get()
    }

    /// Reads the clock.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        if self.kind.get() == Clock::Real {
            // It stands at the last instant before never, where an `advance` may have brought it.
            let now = monotonic().wrapping_add(self.ahead.get());
            self.latest.set(now.max(self.latest.get()).min(NEVER - 1));
        }
        self.latest.get()
    }

    /// What the last reading was: not after now, and free.
    #[inline]
    pub(super) fn latest(&self) -> u64 {
        self.latest.get()
    }

    /// Moves a virtual clock.
    pub(super) fn set(&self, now: u64) {
        self.latest.set(now);
    }

    /// It stands still from now on.
    pub(super) fn pause(&self) {
        self.now();
        self.kind.set(Clock::Manual);
    }

    /// It runs on from where it stands.
    pub(super) fn resume(&self) {
        self.ahead.set(self.latest.get().wrapping_sub(monotonic()));
        self.kind.set(Clock::Real);
    }
}
