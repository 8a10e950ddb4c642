//! [`Timers`]: the wheel, the clock and the wakers of one runtime.
//!
//! The runtime's driver holds it, enters it with the loop, and asks it three things between turns:
//! which wakers are due ([`fire`](Timers::fire)), how long a wait may be
//! ([`wait_limit`](Timers::wait_limit)), and, where a real clock would be waited for, to go on to the next
//! deadline if the clock is a virtual one ([`move_virtual_clock`](Timers::move_virtual_clock)).
//!
//! A waker may run anything when it is cloned, woken or dropped: drop a sleep, arm one, panic. So none of
//! the three happens while the wheel is borrowed, and a panic of one in a batch keeps no other from its wake.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::advance::AdvanceInProgress;
use super::clock::{self, Clock, Timeline};
use super::newest::Newest;
use super::rings::Key;
use super::wheel::{Due, NEVER, Wheel};
use crate::common::scoped::{self, Entered, Scoped};
use crate::common::tokens::Tokens;
use crate::executor::contain;

/// The tick of the wheel under the real clock, unless told otherwise: near the 50 us by which Linux is
/// late with timers anyway.
pub(crate) const RESOLUTION: Duration = Duration::from_nanos(1 << 16);

/// Under a virtual clock: 1 ns, so that what is due at different times never fires together.
const VIRTUAL_SHIFT: u32 = 0;

thread_local! {
    static CURRENT: Scoped<Timers> = const { scoped::empty() };
}

/// See the head of this file.
pub(crate) struct Timers {
    id: u32,
    pub(super) timeline: Timeline,
    newest: Newest,
    wheel: RefCell<Wheel<Waker>>,
    /// Under the real clock a tick of the wheel is `2^real_shift` ns.
    real_shift: u32,
    /// Due and not yet woken, the first at the end. Empty between calls.
    due: RefCell<Vec<Due<Waker>>>,
    pub(super) advance: AdvanceInProgress,
    /// While one is out, a virtual clock stands still.
    pub(super) holds: Arc<Tokens>,
    /// Set during `run_until_stalled`: it would never return if the clock advanced by itself.
    auto_advance_is_off: Cell<bool>,
}

impl Timers {
    /// With ticks of at most `resolution`, which is not zero, under the real clock.
    pub(crate) fn new(clock: Clock, resolution: Duration, holds: Arc<Tokens>) -> Rc<Self> {
        let timeline = Timeline::new(clock);
        let real_shift = clock::nanos(resolution).ilog2();
        let mut wheel = Wheel::new(shift(clock, real_shift), timeline.now());
        Rc::new(Timers {
            id: next_id(),
            timeline,
            newest: Newest::new(wheel.reserve()),
            wheel: RefCell::new(wheel),
            real_shift,
            due: RefCell::default(),
            advance: AdvanceInProgress::default(),
            holds,
            auto_advance_is_off: Cell::new(false),
        })
    }

    /// Makes these the ones of this thread until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered<Timers> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Asks those of the runtime this thread is inside of, without a reference count. `f` must not run anything of a
    /// user's (a waker, a drop): that could enter another runtime, whose place is borrowed here.
    #[inline]
    pub(super) fn with<R>(f: impl FnOnce(&Timers) -> R) -> Option<R> {
        CURRENT.try_with(|current| current.borrow().as_deref().map(f)).ok().flatten()
    }

    /// [`with`](Self::with), for a function that cannot do without.
    #[track_caller]
    #[inline]
    pub(super) fn needed<R>(function: &str, f: impl FnOnce(&Timers) -> R) -> R {
        match Self::with(f) {
            Some(result) => result,
            None => scoped::outside(function),
        }
    }

    /// Those of the runtime this thread is inside of, for a function that cannot do without.
    #[track_caller]
    pub(crate) fn needed_by(function: &str) -> Rc<Self> {
        scoped::needed_by(function, &CURRENT)
    }

    /// Unlike that of any other in this process, unless 2^32 were made between the two. Short, so that a timer has
    /// room to say where it was made.
    #[inline]
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Reads the clock, in ns.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.timeline.now()
    }

    /// How many timers are armed.
    pub(crate) fn len(&self) -> usize {
        self.wheel().len()
    }

    /// Wakes all that are due by one reading of the clock, in (deadline, arming) order. Nothing
    /// armed: no reading.
    pub(crate) fn fire(&self) {
        if self.has_deadlines() {
            self.collect(self.timeline.now());
            self.wake_due();
        }
    }

    /// How long a wait may last so as not to miss a deadline; `None`: for ever, as far as timers
    /// go.
    ///
    /// Zero when something is due, and when a virtual clock has somewhere to go and is not held:
    /// [`move_virtual_clock`](Self::move_virtual_clock) moves it. Never early for a deadline. If many timers share a
    /// coarse slot, the wait may end sooner, only to cascade them.
    pub(crate) fn wait_limit(&self) -> Option<Duration> {
        if self.may_move_to().is_some() && !self.is_held() {
            return Some(Duration::ZERO);
        }
        let expiry = self.next_expiry()?;
        let left = expiry.saturating_sub(self.timeline.now());
        (left == 0 || !self.is_virtual()).then_some(Duration::from_nanos(left))
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.timeline.kind() != Clock::Real
    }

    /// Whether the clock is a virtual one and has to stand still.
    pub(crate) fn is_held(&self) -> bool {
        self.is_virtual() && self.holds.are_out()
    }

    /// Nothing is ready, and nothing holds the clock: moves a virtual clock that has somewhere to go. To the
    /// next deadline, and wakes the timers due there; or to the end of the `advance`, and wakes the advancer.
    /// `true`: it moved.
    pub(crate) fn move_virtual_clock(&self) -> bool {
        let Some(end) = self.may_move_to() else { return false };
        // Only the last step of a cascade is a deadline; no clock shows the steps before it.
        while let Some(expiry) = self.next_expiry().filter(|&expiry| expiry <= end) {
            if self.collect(expiry) {
                self.timeline.set(expiry.max(self.timeline.now()));
                self.wake_due();
                return true;
            }
        }
        let advances = self.advance.target().is_some();
        if advances {
            self.timeline.set(end);
            self.advance.arrive();
        }
        advances
    }

    /// Until the guard is dropped, the clock does not advance by itself. An `advance` still moves it.
    pub(crate) fn turn_auto_advance_off(self: &Rc<Self>) -> AutoAdvanceOff {
        AutoAdvanceOff { timers: Rc::clone(self), was_off: self.auto_advance_is_off.replace(true) }
    }

    /// How far a virtual clock may go now: to the end of the `advance` in progress, or by itself to
    /// whatever deadline there is.
    fn may_move_to(&self) -> Option<u64> {
        let kind = || self.timeline.kind();
        let by_itself = || {
            !self.auto_advance_is_off.get() && kind() == Clock::AutoAdvance && self.has_deadlines()
        };
        self.advance.target().or_else(|| by_itself().then_some(NEVER - 1))
    }

    /// Which tasks wait for a timer, and how long until it is due; `None`: never.
    pub(crate) fn waiting<T>(
        &self,
        task_of: impl Fn(&Waker) -> Option<T>,
    ) -> Vec<(T, Option<Duration>)> {
        let left = |deadline: u64| {
            let left = Duration::from_nanos(deadline.saturating_sub(self.timeline.latest()));
            (deadline < NEVER).then_some(left)
        };
        let wheel = self.wheel();
        let armed = wheel.iter();
        armed.filter_map(|(deadline, waker)| Some((task_of(waker)?, left(deadline)))).collect()
    }

    /// Takes `waker` and has it woken at `deadline`; `None` leaves it there, as that has passed by the last
    /// reading of the clock, made for whatever reason: no reading is made to find out.
    #[inline]
    pub(super) fn arm(&self, deadline: u64, waker: &mut Option<Waker>) -> Option<Key> {
        if deadline <= self.timeline.latest() {
            return None;
        }
        self.move_newest();
        Some(self.newest.keep(deadline, waker.take()))
    }

    /// Whether an armed timer still waits, and whether it wakes `waker`.
    pub(super) fn check(&self, key: Key, waker: &Waker) -> Check {
        match self.wheel().get_mut(key) {
            None => Check::Fired,
            Some(registered) if registered.will_wake(waker) => Check::Waits,
            Some(_) => Check::WakesAnother,
        }
    }

    /// Swaps `waker` with the registered one; the caller drops the old.
    pub(super) fn replace_waker(&self, key: Key, waker: &mut Waker) {
        if let Some(registered) = self.wheel().get_mut(key) {
            std::mem::swap(registered, waker);
        }
    }

    /// `false`: it had fired.
    #[inline]
    pub(super) fn reset(&self, key: Key, deadline: u64) -> bool {
        if self.newest.has_key(key) {
            self.newest.reset(deadline);
            return true;
        }
        self.wheel().reset(key, deadline)
    }

    /// The waker is for the caller to drop, once nothing is borrowed any more.
    #[inline]
    pub(super) fn cancel(&self, key: Key) -> Option<Waker> {
        if self.newest.has_key(key) {
            return self.newest.take();
        }
        self.take_out(key)
    }

    #[inline(never)]
    fn take_out(&self, key: Key) -> Option<Waker> {
        self.wheel.borrow_mut().cancel(key)
    }

    /// Fits the wheel to the clock, which has just changed.
    pub(super) fn fit_wheel_to_clock(&self) {
        let shift = shift(self.timeline.kind(), self.real_shift);
        self.wheel().change_tick(shift, self.timeline.latest());
    }

    /// The wheel, with all that is armed.
    fn wheel(&self) -> RefMut<'_, Wheel<Waker>> {
        self.move_newest();
        self.wheel.borrow_mut()
    }

    /// Moves the newest timer into the wheel, if it is not there yet.
    #[inline]
    fn move_newest(&self) {
        if let Some(waker) = self.newest.take() {
            self.move_into_wheel(waker);
        }
    }

    #[inline(never)]
    fn move_into_wheel(&self, waker: Waker) {
        let mut wheel = self.wheel.borrow_mut();
        let (key, deadline) = self.newest.hand_over(wheel.reserve());
        wheel.catch_up(self.timeline.latest());
        wheel.insert(key, deadline, waker);
    }

    fn has_deadlines(&self) -> bool {
        self.wheel().has_deadlines()
    }

    fn next_expiry(&self) -> Option<u64> {
        self.wheel().next_expiry()
    }

    /// Takes what is due at `now` out of the wheel. `true`: there is something to wake.
    fn collect(&self, now: u64) -> bool {
        let mut due = self.due.borrow_mut();
        self.wheel().take_due(now, &mut due);
        !due.is_empty()
    }

    /// Wakes what was collected. A waker that panics is contained, and the rest are woken in the same look: one
    /// `contain` for all of them, as each costs something, and another one after each panic.
    fn wake_due(&self) {
        let next = || self.due.borrow_mut().pop();
        while !self.due.borrow().is_empty() {
            contain(|| {
                while let Some(due) = next() {
                    due.value.wake();
                }
            });
        }
    }
}

/// See [`Timers::turn_auto_advance_off`].
#[must_use]
pub(crate) struct AutoAdvanceOff {
    timers: Rc<Timers>,
    /// A nested call is refused, and then its guard must not end the outer call's.
    was_off: bool,
}

impl Drop for AutoAdvanceOff {
    fn drop(&mut self) {
        self.timers.auto_advance_is_off.set(self.was_off);
    }
}

/// See [`Timers::check`].
#[must_use]
pub(super) enum Check {
    Fired,
    Waits,
    /// It waits, and another waker is the one to be woken.
    WakesAnother,
}

fn shift(clock: Clock, real_shift: u32) -> u32 {
    match clock {
        Clock::Real => real_shift,
        Clock::Manual | Clock::AutoAdvance => VIRTUAL_SHIFT,
    }
}

fn next_id() -> u32 {
    static LAST: Mutex<u32> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = last.wrapping_add(1);
    *last
}
