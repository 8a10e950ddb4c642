//! [`sleep`]: a future that becomes ready at a deadline.
//!
//! All other timers of this part are built on [`Sleep`].

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
use super::wheel::NEVER;
use crate::common::awaited::{Awaited, Detail};
use crate::common::round::round_down;
use crate::common::waits::{self, Numbered};
use crate::executor::{budget, contain, drop_contained, is_noop};

/// Waits for `duration` from now, by the clock of the runtime.
///
/// The time counts from the call, not from the first poll. The wait never ends early. It may end late by one tick (by
/// default 66 us under the real clock; nothing under a virtual one), by the time until the task gets its turn and, on an
/// idle loop, by what the kernel adds (docs/time.md).
///
/// If `duration` is zero, the task yields once, as by [`yield_now`](crate::yield_now). If the deadline would be past the last
/// [`Instant`], as with [`Duration::MAX`], the wait never ends.
///
/// # Cancellation
///
/// Dropping the future disarms the timer, in constant time. Nothing is lost.
///
/// # Panics
///
/// When called outside of a runtime, and when the future is polled outside of the runtime it was made in.
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
    Timers::with_needed_by("sleep", |timers| {
        Sleep::new(timers, Instant(timers.now()) + duration, site)
    })
}

/// Waits until `deadline`, by the clock of the runtime. Otherwise like [`sleep`].
///
/// The first poll reads the clock, and is ready if `deadline` has passed. So a loop that selects between an operation that
/// is always ready and a new `sleep_until` in each round still ends at its deadline. Being ready counts against the
/// [budget](crate::task#the-budget-of-a-turn) of the turn.
///
/// # Cancellation
///
/// Dropping the future disarms the timer, in constant time. Nothing is lost.
///
/// # Panics
///
/// When called outside of a runtime, and when the future is polled outside of the runtime it was made in.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, sleep_until};
///
/// taketurns::block_on(async {
///     let mut next = Instant::now();
///     for _ in 0..3 {
///         next += Duration::from_millis(1);
///         sleep_until(next).await; // no drift: each deadline counts from the one before
///         assert!(Instant::now() >= next);
///     }
/// });
/// ```
#[track_caller]
#[inline]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let site = Location::caller();
    Timers::with_needed_by("sleep_until", |timers| Sleep::until(timers, deadline, site))
}

/// The future of [`sleep`] and [`sleep_until`]. Polled after it was ready, it is ready again.
///
/// It contains no pointer into the runtime, only numbers: the runtime's, the deadline, and its timer's key in the wheel. So
/// it is `Unpin`, `Send` and `Sync`, as some libraries require of every timer. But only the runtime it was made in can poll
/// it. If it is dropped on another thread or outside of that runtime, its timer stays armed: it may wake the task once for
/// nothing, and an auto-advancing clock stops at its deadline.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    runtime: u32,
    state: State,
    deadline: Instant,
    /// Where the program made it.
    site: &'static Location<'static>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Made by `sleep` and not polled yet. If the deadline has passed at the first poll, that yields once.
    Fresh,
    /// Not armed. The next poll reads the clock, and is ready if the deadline has passed.
    Disarmed,
    /// Its timer is armed, or has fired since.
    Armed(Key),
    /// The deadline had passed at the first poll, which woke the task and yielded.
    Yielded,
    Done,
}

impl Sleep {
    /// For a deadline that counts from a reading of the clock just made.
    #[inline]
    pub(crate) fn new(
        timers: &Timers,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Self {
        Sleep { runtime: timers.id(), state: State::Fresh, deadline, site }
    }

    /// For any other deadline: the first poll reads the clock.
    #[inline]
    pub(crate) fn until(
        timers: &Timers,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Self {
        Sleep { runtime: timers.id(), state: State::Disarmed, deadline, site }
    }

    /// When the wait ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Reads the clock, and returns whether the deadline has passed. Polling does not matter.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Sets another deadline, as if [`sleep_until`] had made this future. A task that waits goes on waiting, and is woken
    /// at the new deadline.
    ///
    /// # Panics
    ///
    /// Outside of the runtime it was made in, if a task waits.
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
            State::Armed(key) => {
                waits::over(wait_key(key)); // it has fired: the next wait is another timer's
                self.state = State::Disarmed;
            }
            _ => self.state = State::Disarmed,
        }
        self.deadline = deadline;
    }

    /// `poll` without the yield and the budget, for a future that has a yield and a budget of its own.
    pub(crate) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.state {
            State::Disarmed if self.has_passed() => {}
            State::Fresh | State::Disarmed => {
                if let Some(key) = self.arm(cx) {
                    self.state = State::Armed(key);
                    self.note(key);
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

    /// `None`: the deadline has passed, by the latest reading of the clock.
    #[inline]
    fn arm(&self, cx: &Context<'_>) -> Option<Key> {
        // Clone and drop may run any code, so both happen while the timers are not borrowed.
        let mut waker = Some(cx.waker().clone());
        self.with_timers(|timers| timers.arm(self.deadline.0, &mut waker))
    }

    #[inline(never)]
    fn poll_armed(&mut self, key: Key, cx: &Context<'_>) -> Poll<()> {
        match self.with_timers(|timers| timers.check(key, cx.waker())) {
            Check::Fired => {
                waits::over(wait_key(key));
                return Poll::Ready(());
            }
            Check::Waits => {}
            // A poll with a noop waker asks to forget the registered waker.
            Check::WakesAnother if is_noop(cx.waker()) => self.disarm(),
            Check::WakesAnother => {
                let mut waker = cx.waker().clone();
                self.with_timers(|timers| timers.replace_waker(key, &mut waker));
                contain(|| drop(waker));
            }
        }
        if let State::Armed(key) = self.state {
            self.note(key);
        }
        Poll::Pending
    }

    /// Says that the task waits for it, whose turn has polled it just now.
    #[inline]
    fn note(&self, key: Key) {
        waits::note(wait_key(key), || {
            let deadline = Some(self.deadline.0).filter(|&deadline| deadline != NEVER);
            let now = || Instant::now().0;
            Awaited::new("the timer made", self.site).with(match deadline {
                // A report asks under a virtual clock alone.
                Some(deadline) if waits::is_asking() => {
                    let left = round_down(Duration::from_nanos(deadline.saturating_sub(now())));
                    Detail::Text(format!(", due in {left:?}, while the clock is not advanced"))
                }
                _ => Detail::Due { deadline, now },
            })
        });
    }

    /// What was noted of it is over, unless this thread is inside of another runtime.
    #[cold]
    #[inline(never)]
    fn forget_wait(&self, key: Key) {
        self.try_with_timers(|_| waits::over(wait_key(key)));
    }

    #[inline]
    fn drop_armed(&self, key: Key) {
        let waker = self.try_with_timers(|timers| timers.cancel(key));
        if let Some(waker) = waker.flatten() {
            drop_contained(waker);
        }
    }

    /// Apart, so that a drop with nothing to forget keeps no registers for after a call.
    #[cold]
    #[inline(never)]
    fn drop_noted(&self, key: Key) {
        self.forget_wait(key);
        self.drop_armed(key);
    }

    /// Drops the waker and keeps the deadline. Outside of the runtime it was made in, this does nothing.
    #[inline]
    pub(super) fn disarm(&mut self) {
        if let State::Armed(key) = self.state {
            if waits::is_explaining() {
                self.forget_wait(key);
            }
            if let Some(waker) = self.try_with_timers(|timers| timers.cancel(key)) {
                self.state = State::Disarmed;
                contain(|| drop(waker));
            }
        }
    }

    /// Calls `f` with the timers of the runtime this was made in.
    ///
    /// # Panics
    ///
    /// This thread is not inside of that runtime.
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
        Timers::with_current(|timers| (timers.id() == self.runtime).then(|| f(timers))).flatten()
    }
}

/// Names the wait for a timer of this runtime.
#[inline]
fn wait_key(key: Key) -> waits::Key {
    waits::Key::numbered(Numbered::Timer, key.bits())
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
                match self.arm(cx) {
                    Some(key) => {
                        self.state = State::Armed(key);
                        self.note(key);
                    }
                    None => {
                        self.state = State::Yielded;
                        cx.waker().wake_by_ref();
                    }
                }
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

/// Terminated once it was ready, until it is [reset](Sleep::reset). So the `select!` of futures disables its branch.
impl FusedFuture for Sleep {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Done)
    }
}

impl Drop for Sleep {
    /// A panic that the waker's drop makes ends here: the caller may be unwinding already.
    #[inline]
    fn drop(&mut self) {
        if let State::Armed(key) = self.state {
            if waits::is_explaining() {
                self.drop_noted(key);
            } else {
                self.drop_armed(key);
            }
        }
    }
}
