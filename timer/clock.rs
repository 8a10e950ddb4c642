//! [`Clock`]: which clock a runtime goes by. [`Timeline`]: the clock of one runtime.
//!
//! std's `Instant` would do for the real clock, but no program can move it. So all clocks here count nanoseconds in a
//! `u64`, and a virtual clock is a number that is set.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant as SystemInstant};

use super::wheel::NEVER;
use crate::common::monotonic::monotonic;

/// Which clock a runtime goes by.
///
/// [`Builder::clock`](crate::Builder::clock) sets the clock a runtime begins with. [`pause`](super::pause) and
/// [`resume`](super::resume) change it. `Manual` and `AutoAdvance` are *virtual*: they always begin at the same
/// [`Instant`](super::Instant), so two runs of a program see the same times, to the nanosecond.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Clock, Instant, sleep};
///
/// let runtime = taketurns::Builder::new().clock(Clock::AutoAdvance).build()?;
/// runtime.block_on(async {
///     let start = Instant::now();
///     sleep(Duration::from_secs(3600)).await; // takes no time
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// # std::io::Result::Ok(())
/// ```
///
/// Under a virtual clock, a run that can never end panics and names the deadlocked tasks, see
/// [`Builder::deadlock_grace`](crate::Builder::deadlock_grace).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clock {
    /// The system's monotonic clock.
    #[default]
    Real,
    /// Stands still until [`advance`](super::advance) moves it.
    Manual,
    /// Jumps to the next deadline whenever no task is ready, so an hour's sleep takes no time. It stands still while
    /// a blocking job runs or a [`hold`](super::hold) exists, as these take real time.
    ///
    /// It jumps only where the loop would wait. So a [`block_on`](crate::Runtime::block_on) whose future is ready at once
    /// does not move it, however often it is called. Nor does
    /// [`run_until_stalled`](crate::Runtime::run_until_stalled), which never waits; but an [`advance`](super::advance) in
    /// progress does move the clock there. A [`try_tick`](crate::Runtime::try_tick) that finds no task ready moves it to the
    /// next deadline: the host loop would wait for that.
    ///
    /// It does not know that another thread, a socket or a child process is about to wake a task. A task that waits for
    /// one of those with a timeout therefore times out at once, unless a `hold` keeps the clock still.
    AutoAdvance,
    /// The system's monotonic clock, faster or slower: it shows `rate` seconds for each second of it. (trio's `MockClock` has
    /// such a rate.)
    ///
    /// For a test that waits for threads, sockets or child processes, whose timeouts would take too long: at a rate of 60 a
    /// timeout of a minute takes a second. Work takes as long as before, so by this clock it takes `rate` times as long. Like
    /// the real clock it stands still for nothing, and no run is taken for a deadlock. Unlike that it begins at the same
    /// [`Instant`](super::Instant) as the virtual clocks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taketurns::time::{Clock, sleep};
    ///
    /// let runtime = taketurns::Builder::new().clock(Clock::Scaled { rate: 3600.0 }).build()?;
    /// let start = std::time::Instant::now();
    /// runtime.block_on(sleep_for_a_minute());
    /// assert!(start.elapsed() >= Duration::from_millis(16)); // 60 s / 3600
    ///
    /// async fn sleep_for_a_minute() {
    ///     sleep(Duration::from_secs(60)).await;
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    Scaled {
        /// Seconds of this clock in a second of the system's. More than 0, and finite.
        rate: f64,
    },
}

impl Clock {
    /// # Panics
    ///
    /// When the rate of [`Scaled`](Self::Scaled) is none.
    #[track_caller]
    pub(crate) fn check(self) {
        if let Self::Scaled { rate } = self {
            assert!(
                rate.is_finite() && rate > 0.0,
                "the rate of `Clock::Scaled` is {rate}: it must be more than 0, and finite. (`Clock::Manual` stands still)"
            );
        }
    }

    /// Whether the program moves it.
    pub(super) fn is_virtual(self) -> bool {
        matches!(self, Self::Manual | Self::AutoAdvance)
    }
}

/// What every clock shows when it begins, in ns. Not zero but 36 years, so that there are instants before it.
pub(super) const ORIGIN: u64 = 1 << 60;

/// A span in ns. A span of more than 584 years, which exceeds 64 bits, becomes [`NEVER`].
#[inline]
pub(super) fn nanos(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(span.subsec_nanos()))
}

/// The real clock, as it is read outside of a runtime.
pub(super) fn real_now() -> u64 {
    let began = began().monotonic;
    ORIGIN + (monotonic() - began)
}

/// The system's instant at which a real clock shows `now`.
#[cfg(feature = "hyper")]
pub(super) fn to_system(now: u64) -> SystemInstant {
    began().system + Duration::from_nanos(now.saturating_sub(ORIGIN))
}

/// What a real clock shows at the system's `instant`. An `instant` before the clock began counts as its beginning.
#[cfg(feature = "hyper")]
pub(super) fn from_system(instant: SystemInstant) -> u64 {
    ORIGIN.saturating_add(nanos(instant.saturating_duration_since(began().system)))
}

/// When the process first read the clock. All real clocks count from this moment, so that their instants compare.
fn began() -> Began {
    static BEGAN: OnceLock<Began> = OnceLock::new();
    // In this order, so that an instant converted from std's can only become later, never earlier.
    *BEGAN.get_or_init(|| Began { system: SystemInstant::now(), monotonic: monotonic() })
}

#[derive(Clone, Copy)]
struct Began {
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "read only by the conversions"))]
    system: SystemInstant,
    monotonic: u64,
}

/// The clock of one runtime. It runs by itself or is virtual, and changes from one to the other without a jump.
pub(super) struct Timeline {
    kind: Cell<Clock>,
    /// What it is when it runs by itself: real or scaled.
    running: Clock,
    /// The latest reading, in ns. A virtual clock shows this.
    latest: Cell<u64>,
    /// While real: how far it is ahead of the system's clock, in ns. While scaled: how far it was when it began to run.
    ahead: Cell<u64>,
    /// While scaled: what it showed when it began to run.
    from: Cell<u64>,
}

impl Timeline {
    pub(super) fn new(kind: Clock) -> Self {
        let is_scaled = matches!(kind, Clock::Scaled { .. });
        // All real clocks count from one moment. A scaled one begins now.
        let began = if is_scaled { monotonic() } else { began().monotonic };
        Timeline {
            kind: Cell::new(kind),
            running: if is_scaled { kind } else { Clock::Real },
            latest: Cell::new(ORIGIN),
            ahead: Cell::new(ORIGIN.wrapping_sub(began)),
            from: Cell::new(ORIGIN),
        }
    }

    pub(super) fn kind(&self) -> Clock {
        self.kind.get()
    }

    /// Reads the clock.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        match self.kind.get() {
            // Not before the latest reading, and not at never: an `advance` may have brought the clock to the instant before.
            Clock::Real => self.show(self.unscaled()),
            Clock::Scaled { rate } => {
                let run = self.unscaled().saturating_sub(self.from.get()) as f64 * rate;
                self.show(self.from.get().saturating_add(run as u64));
            }
            Clock::Manual | Clock::AutoAdvance => {}
        }
        self.latest.get()
    }

    /// What the clock would show if its rate had been 1 since it began to run.
    #[inline]
    fn unscaled(&self) -> u64 {
        monotonic().wrapping_add(self.ahead.get())
    }

    #[inline]
    fn show(&self, now: u64) {
        self.latest.set(now.max(self.latest.get()).min(NEVER - 1));
    }

    /// How long the system's clock takes for a `span` of this one, in ns. Never less.
    #[inline]
    pub(super) fn real_span(&self, span: u64) -> u64 {
        match self.kind.get() {
            Clock::Scaled { rate } => (span as f64 / rate).ceil() as u64,
            _ => span,
        }
    }

    /// The latest reading. It costs nothing, and is never after now.
    #[inline]
    pub(super) fn latest(&self) -> u64 {
        self.latest.get()
    }

    /// Moves a virtual clock.
    pub(super) fn set(&self, now: u64) {
        self.latest.set(now);
    }

    /// Makes the clock manual: it stands still from now on.
    pub(super) fn pause(&self) {
        self.now();
        self.kind.set(Clock::Manual);
    }

    /// Makes the clock real, or scaled if it was that before: it runs on from where it stands.
    pub(super) fn resume(&self) {
        self.ahead.set(self.latest.get().wrapping_sub(monotonic()));
        self.from.set(self.latest.get());
        self.kind.set(self.running);
    }
}
