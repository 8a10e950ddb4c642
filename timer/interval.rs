//! [`interval`]: ticks at a fixed period, and what happens to missed ticks.
//!
//! A loop of `sleep(period)` would drift: each round takes the period plus the time its work takes. So an interval counts
//! each deadline from the one before.

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::clock;
use super::instant::Instant;
use super::sleep::Sleep;
use super::timers::Timers;
use crate::executor::budget;

/// Ticks now and every `period` from then on, by the clock of the runtime.
///
/// A tick that is due while the program does something else is taken late. [`MissedTickBehavior`] says what happens to the
/// ticks after it.
///
/// # Panics
///
/// When called outside of a runtime, when `period` is zero, and when a tick is awaited outside of the runtime it was made in.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, advance, interval, pause};
///
/// taketurns::block_on(async {
///     pause();
///     let start = Instant::now();
///     let ticks = taketurns::spawn(async move {
///         let mut interval = interval(Duration::from_secs(10));
///         let mut ticks = Vec::new();
///         for _ in 0..3 {
///             ticks.push((interval.tick().await - start).as_secs());
///         }
///         ticks
///     });
///     advance(Duration::from_secs(60)).await;
///     assert_eq!(ticks.await.unwrap(), [0, 10, 20]);
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert_period(period, "interval");
    let site = Location::caller();
    let interval = |timers: &Timers| Interval::new(timers, Instant(timers.now()), period, site);
    Timers::with_needed_by("interval", interval)
}

/// Ticks at `start` and every `period` from then on, by the clock of the runtime. Otherwise like
/// [`interval`].
///
/// # Panics
///
/// As [`interval`].
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, advance, interval_at, pause};
///
/// taketurns::block_on(async {
///     pause();
///     let (start, period) = (Instant::now() + Duration::from_secs(60), Duration::from_secs(1));
///     let mut interval = interval_at(start, period);
///     let ticks = async move { [interval.tick().await, interval.tick().await] };
///     let ticks = taketurns::spawn(ticks);
///     advance(Duration::from_secs(120)).await;
///     assert_eq!(ticks.await.unwrap(), [start, start + period]);
/// });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert_period(period, "interval_at");
    let site = Location::caller();
    Timers::with_needed_by("interval_at", |timers| Interval::new(timers, start, period, site))
}

#[track_caller]
fn assert_period(period: Duration, function: &str) {
    assert!(!period.is_zero(), "`{function}`: the period must not be zero");
}

/// What an [`Interval`] does about missed ticks.
///
/// For example, the period is 10, and from 11 to 35 the program does something else. It takes the tick of 20 at 35, and
/// from then on awaits each tick in time. So it takes its ticks at
///
/// | behavior | | | | | | | |
/// |---|---|---|---|---|---|---|---|
/// | `Burst` | 0 | 10 | 35 (20) | 35 (30) | 40 | 50 | 60 |
/// | `Delay` | 0 | 10 | 35 (20) | 45 | 55 | 65 | 75 |
/// | `Skip` | 0 | 10 | 35 (20) | 40 | 50 | 60 | 70 |
///
/// The number in parentheses is when the tick was due, if that is another time. [`tick`](Interval::tick) returns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Gives the missed ticks one after another, until it has caught up. No tick is left out.
    #[default]
    Burst,
    /// Leaves the missed ticks out. The next tick is one period after the late one was taken, so ticks are at least a
    /// period apart. A tick that is taken within a millisecond (and within its period) does not count as late, so that the
    /// delays of the loop do not add up.
    Delay,
    /// Leaves the missed ticks out. The next tick is at the next multiple of the period after the start, so ticks keep
    /// their times.
    Skip,
}

impl MissedTickBehavior {
    /// When the next tick is due, after the tick of `due` was taken at `now`.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now - due;
        match self {
            Self::Delay if late >= period || late > IN_TIME => now + period,
            Self::Burst | Self::Delay => due + period,
            Self::Skip => {
                let since = clock::nanos(late) % clock::nanos(period);
                now + (period - Duration::from_nanos(since))
            }
        }
    }
}

/// A tick that is taken within this time does not count as late.
const IN_TIME: Duration = Duration::from_millis(1);

/// Made by [`interval`] and [`interval_at`]. Also an endless `Stream` of its ticks.
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    fn new(
        timers: &Timers,
        start: Instant,
        period: Duration,
        site: &'static Location<'static>,
    ) -> Self {
        let sleep = Sleep::until(timers, start, site);
        Interval { sleep, period, missed: MissedTickBehavior::default() }
    }

    /// Waits for the next tick, and returns when it was due. Does not wait if that time has passed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no tick: the next call waits for the same one. It disarms the timer and drops the task's
    /// waker at once.
    ///
    /// # Panics
    ///
    /// Outside of the runtime it was made in.
    pub async fn tick(&mut self) -> Instant {
        struct Disarms<'a>(&'a mut Interval);
        impl Drop for Disarms<'_> {
            fn drop(&mut self) {
                self.0.sleep.disarm();
            }
        }
        let waiting = Disarms(self);
        poll_fn(|cx| waiting.0.poll_tick(cx)).await
    }

    /// [`tick`](Self::tick) for a `poll` function. The interval keeps the waker of the last poll until the tick is due or
    /// the interval is dropped.
    ///
    /// # Panics
    ///
    /// Outside of the runtime it was made in.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(budget::poll_ready(cx));
        ready!(self.sleep.poll_elapsed(cx));
        budget::spend();
        let due = self.sleep.deadline();
        self.sleep.reset(self.missed.next(due, Instant::now(), self.period));
        Poll::Ready(due)
    }

    /// Moves the next tick to one period from now. A task that waits for it goes on waiting.
    ///
    /// # Panics
    ///
    /// Outside of the runtime it was made in, if a task waits for a tick.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taketurns::time::{Instant, advance, interval, pause};
    ///
    /// taketurns::block_on(async {
    ///     pause();
    ///     let mut interval = interval(Duration::from_secs(10));
    ///     interval.tick().await;
    ///     advance(Duration::from_secs(4)).await;
    ///     interval.reset();
    ///     assert_eq!(interval.next_tick(), Instant::now() + Duration::from_secs(10));
    /// });
    /// ```
    #[track_caller]
    pub fn reset(&mut self) {
        self.reset_at(Instant::now() + self.period);
    }

    /// Moves the next tick to `deadline`. Ticks are a period apart from then on. A task that waits goes on waiting.
    ///
    /// # Panics
    ///
    /// Outside of the runtime it was made in, if a task waits for a tick.
    #[track_caller]
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep.reset(deadline);
    }

    /// When the next tick is due.
    #[must_use]
    pub fn next_tick(&self) -> Instant {
        self.sleep.deadline()
    }

    /// The time from one tick to the next.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What it does about missed ticks: [`Burst`](MissedTickBehavior::Burst) by default.
    #[must_use]
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Sets what it does about missed ticks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taketurns::time::{MissedTickBehavior, advance, interval, pause};
    ///
    /// taketurns::block_on(async {
    ///     pause();
    ///     let mut interval = interval(Duration::from_secs(10));
    ///     interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ///     let start = interval.tick().await;
    ///     advance(Duration::from_secs(35)).await;
    ///     interval.tick().await; // the tick of 10 s, taken late
    ///     assert_eq!(interval.next_tick() - start, Duration::from_secs(40));
    /// });
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }
}

/// Gives its ticks, without end.
impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
