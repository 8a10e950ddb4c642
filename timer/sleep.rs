//! [`sleep`]: the future that is ready at a given time.

#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::FusedFuture;

use super::instant::Instant;
use super::rings::Key;
use super::timers::{Check, Timers};
use crate::executor::{budget, contain, is_noop};

/// Waits for `duration` from now, by the clock of the runtime.
///
/// The time runs from the call, not from the first poll. Never ends early; late by at most one tick (66 us
/// under the real clock by default, nothing under a virtual one), the time until the loop comes to it and, on
/// an idle loop, what the kernel adds (docs/time.md). A zero `duration` gives up the thread for one turn, as
/// [`yield_now`](crate::yield_now) does; one that passes the last [`Instant`], as [`Duration::MAX`] does,
/// never ends.
///
/// # Cancellation
///
/// Dropping the future disarms the timer, in constant time; nothing is lost.
///
/// # Panics
///
/// Outside of a runtime; and when the future is polled in another than it was made in.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, sleep};
///
/// taketurns::block_on(async {
///     let start = Instant::now();
///     sleep(Duration::from_millis(2)).await;
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// });
/// ```
#[track_caller]
#[inline]
pub fn sleep(duration: Duration) -> Sleep {
    let site = Location::caller();
    Timers::needed("sleep", |timers| Sleep::new(timers, Instant(timers.now()) + duration, site))
}

/// Waits until `deadline`, by the clock of the runtime. Otherwise like [`sleep`].
///
/// The clock is read at the first poll: a `deadline` that has passed by then is ready at once. So a loop that
/// makes one each round sees its deadline, though something else in it is always ready. It counts against
/// the [budget](crate::task#the-budget-of-a-turn) of the turn.
///
/// # Cancellation
///
/// Dropping the future disarms the timer, in constant time; nothing is lost.
///
/// # Panics
///
/// Outside of a runtime; and when the future is polled in another than it was made in.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, sleep_until};
///
/// taketurns::block_on(async {
///     let mut next = Instant::now();
///     for _ in 0..3 {
///         next += Duration::from_millis(1);
///         sleep_until(next).await; // no drift: each is counted from the one before
///         assert!(Instant::now() >= next);
///     }
/// });
/// ```
#[track_caller]
#[inline]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let site = Location::caller();
    Timers::needed("sleep_until", |timers| Sleep::until(timers, deadline, site))
}

/// What [`sleep`] and [`sleep_until`] return. Ready again when it is polled after it was ready.
///
/// It holds numbers and no pointer into the runtime: that one's number, its deadline, and where its timer is in
/// the wheel. So it is `Unpin`, `Send` and `Sync`, for libraries that ask it of every timer,
/// though only its own runtime can poll it. Dropped anywhere else, its timer is left to expire: its
/// task may then be polled once for nothing, and a clock that advances by itself goes there.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    runtime: u32,
    state: State,
    deadline: Instant,
    /// Where it was made.
    site: &'static Location<'static>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not polled, and the clock was read when it was made: a deadline that has passed yields.
    Fresh,
    /// Not armed: the next poll reads the clock, and is ready if the deadline has passed.
    Disarmed,
    /// In the wheel until it fires.
    Armed(Key),
    /// The deadline of a fresh one had passed at the first poll; the task was woken at once.
    Yielded,
    Done,
}

impl Sleep {
    /// For a deadline that was counted from a reading of the clock just made.
    #[inline]
    pub(super) fn new(
        timers: &Timers,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Self {
        Sleep { runtime: timers.id(), state: State::Fresh, deadline, site }
    }

    /// For any other: its first poll reads the clock.
    #[inline]
    pub(super) fn until(
        timers: &Timers,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Self {
        Sleep { runtime: timers.id(), state: State::Disarmed, deadline, site }
    }

    /// When it ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the clock has reached the deadline, polled or not: reads it.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Gives it another deadline, as if [`sleep_until`] had made it. A task that waits for it goes on waiting,
    /// and is woken at the new one.
    ///
    /// # Panics
    ///
    /// In another runtime than it was made in, while it waits.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taketurns::time::{Instant, sleep};
    ///
    /// taketurns::block_on(async {
    ///     let mut idle = sleep(Duration::from_secs(3600));
    ///     idle.reset(Instant::now() + Duration::from_millis(1));
    ///     idle.await;
    /// });
    /// ```
    #[track_caller]
    pub fn reset(&mut self, deadline: Instant) {
        match self.state {
            State::Armed(key) if self.with_timers(|timers| timers.reset(key, deadline.0)) => {}
            _ => self.state = State::Disarmed,
        }
        self.deadline = deadline;
    }

    /// As `poll`, with neither a yield nor the budget: for a future that sees to both itself.
    pub(super) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.state {
            State::Disarmed if self.has_passed() => {}
            State::Fresh | State::Disarmed => {
                if let Some(key) = self.arm(cx) {
                    self.state = State::Armed(key);
                    return Poll::Pending;
                }
            }
            State::Armed(key) => ready!(self.poll_armed(key, cx)),
            State::Yielded | State::Done => {}
        }
        self.state = State::Done;
        Poll::Ready(())
    }

    /// Reads the clock.
    fn has_passed(&self) -> bool {
        self.with_timers(|timers| timers.now() >= self.deadline.0)
    }

    /// `None`: its deadline has passed, by the last reading of the clock.
    #[inline]
    fn arm(&self, cx: &Context<'_>) -> Option<Key> {
        // Cloned before the timers are borrowed, and dropped after if they did not take it.
        let mut waker = Some(cx.waker().clone());
        self.with_timers(|timers| timers.arm(self.deadline.0, &mut waker))
    }

    #[inline(never)]
    fn poll_armed(&mut self, key: Key, cx: &Context<'_>) -> Poll<()> {
        match self.with_timers(|timers| timers.check(key, cx.waker())) {
            Check::Fired => return Poll::Ready(()),
            Check::Waits => {}
            // A poll with a noop waker asks us to forget the registered one.
            Check::WakesAnother if is_noop(cx.waker()) => self.disarm(),
            Check::WakesAnother => {
                let mut waker = cx.waker().clone();
                self.with_timers(|timers| timers.replace_waker(key, &mut waker));
                contain(|| drop(waker));
            }
        }
        Poll::Pending
    }

    /// Lets go of the waker, and keeps the deadline. Elsewhere than at home it does nothing.
    #[inline]
    pub(super) fn disarm(&mut self) {
        if let State::Armed(key) = self.state {
            if let Some(waker) = self.try_with_timers(|timers| timers.cancel(key)) {
                self.state = State::Disarmed;
                contain(|| drop(waker));
            }
        }
    }

    /// Asks the timers it was made with.
    #[track_caller]
    #[inline]
    fn with_timers<R>(&self, f: impl FnOnce(&Timers) -> R) -> R {
        match self.try_with_timers(f) {
            Some(result) => result,
            None => used_elsewhere(self.site),
        }
    }

    #[inline]
    fn try_with_timers<R>(&self, f: impl FnOnce(&Timers) -> R) -> Option<R> {
        Timers::with(|timers| (timers.id() == self.runtime).then(|| f(timers))).flatten()
    }
}

#[cold]
#[track_caller]
fn used_elsewhere(site: &Location<'_>) -> ! {
    panic!(
        "the timer (`Sleep`, `Timeout` or `Interval`) made at {site} was used outside of the runtime that made \
         it: await it in a task there, or make one here"
    )
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(budget::poll_ready(cx));
        match self.state {
            State::Disarmed if self.has_passed() => {}
            State::Fresh | State::Disarmed => {
                self.state = match self.arm(cx) {
                    Some(key) => State::Armed(key),
                    None => {
                        cx.waker().wake_by_ref();
                        State::Yielded
                    }
                };
                return Poll::Pending;
            }
            State::Armed(key) => ready!(self.poll_armed(key, cx)),
            State::Yielded | State::Done => {}
        }
        self.state = State::Done;
        budget::spend();
        Poll::Ready(())
    }
}

/// It is terminated once it was ready, until it is [reset](Sleep::reset): for the `select!` of futures, whose branch of
/// it is then over.
impl FusedFuture for Sleep {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Done)
    }
}

impl Drop for Sleep {
    /// A panic that the drop of a foreign waker makes is the dropper's.
    #[inline]
    fn drop(&mut self) {
        if let State::Armed(key) = self.state {
            let waker = self.try_with_timers(|timers| timers.cancel(key));
            drop(waker);
        }
    }
}
