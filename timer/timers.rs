//! [`Timers`]: the wheel, the clock and the wakers of one runtime.
//!
//! The runtime's driver calls three functions between turns. [`wait_limit`](Timers::wait_limit) says how long the loop may
//! wait. [`move_virtual_clock`](Timers::move_virtual_clock) moves a virtual clock where a real one would be waited for.
//! [`fire`](Timers::fire) wakes the tasks whose timers are due.
//!
//! Cloning, waking or dropping a waker may run any code: it may drop a sleep, arm one, or panic. So none of the three
//! happens while the wheel is borrowed, and after a waker that panics the others are still woken.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::clock::{self, Clock, Timeline};
use super::newest::Newest;
use super::progress::AdvanceInProgress;
use super::rings::Key;
use super::settlers::Settlers;
use super::wheel::{Due, NEVER, Wheel};
use crate::common::scoped::{self, Entered, Scoped};
use crate::common::tokens::Tokens;
use crate::executor::contain;

/// The default tick of the wheel under the real clock. A finer one would gain little, as Linux ends a wait up to 50 us late.
pub(crate) const RESOLUTION: Duration = Duration::from_nanos(1 << 16);

/// Ticks of 1 ns under a virtual clock, so that timers with different deadlines never fire together.
const VIRTUAL_SHIFT: u32 = 0;

thread_local! {
    static CURRENT: Scoped<Timers> = const { scoped::empty() };
}

/// One per runtime, on the runtime's thread.
pub(crate) struct Timers {
    id: u32,
    pub(super) timeline: Timeline,
    newest: Newest,
    wheel: RefCell<Wheel<Waker>>,
    /// Under the real clock a tick of the wheel is `2^real_shift` ns.
    real_shift: u32,
    /// Taken out of the wheel to be woken, in reverse order. Empty between calls.
    due: RefCell<Vec<Due<Waker>>>,
    pub(super) advance: AdvanceInProgress,
    /// The tasks that wait until no task is ready.
    pub(super) settlers: Settlers,
    /// While a token is out, a virtual clock stands still.
    pub(super) holds: Arc<Tokens>,
    /// Set during `run_until_stalled`: it would never return if the clock advanced by itself.
    auto_advance_is_off: Cell<bool>,
}

impl Timers {
    /// `resolution` is the longest tick under the real clock. It must not be zero.
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
            settlers: Settlers::default(),
            holds,
            auto_advance_is_off: Cell::new(false),
        })
    }

    /// Until the guard is dropped, functions such as `sleep` on this thread use these timers.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered<Timers> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Calls `f` with the timers of the runtime this thread is inside of, without touching their reference count. `f`
    /// must not run user code (a waker, a destructor), as that could enter a runtime while the thread-local is borrowed.
    #[inline]
    pub(super) fn with_current<R>(f: impl FnOnce(&Timers) -> R) -> Option<R> {
        CURRENT.try_with(|current| current.borrow().as_deref().map(f)).ok().flatten()
    }

    /// [`with_current`](Self::with_current), for a `function` that panics outside of a runtime.
    #[track_caller]
    #[inline]
    pub(crate) fn with_needed_by<R>(function: &str, f: impl FnOnce(&Timers) -> R) -> R {
        match Self::with_current(f) {
            Some(result) => result,
            None => scoped::outside(function),
        }
    }

    /// The timers of the runtime this thread is inside of, for a `function` that panics outside of one.
    #[track_caller]
    pub(crate) fn needed_by(function: &str) -> Rc<Self> {
        scoped::needed_by(function, &CURRENT)
    }

    /// Tells these timers apart from all others of the process. (The number repeats after 2^32 runtimes.) 32 bits, so
    /// that a [`Sleep`](super::Sleep) has room for the place where it was made.
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

    /// Reads the clock once, and wakes the tasks of all timers due by then, in order of (deadline, arming). Does not
    /// read the clock if no timer will come due.
    #[inline]
    pub(crate) fn fire(&self) {
        if self.has_deadlines() {
            self.fire_due();
        }
    }

    /// Out of line, so that a look of a loop without timers only tests.
    #[inline(never)]
    fn fire_due(&self) {
        self.collect_due(self.timeline.now());
        self.wake_due();
    }

    /// How long the loop may wait without missing a deadline. `None`: no timer limits the wait.
    ///
    /// Zero when a timer is due, and when [`move_virtual_clock`](Self::move_virtual_clock) could move the clock. Never
    /// early for a deadline. If many timers share a coarse slot, the wait may end sooner, only to cascade them.
    pub(crate) fn wait_limit(&self) -> Option<Duration> {
        if self.settlers.are_waiting() || self.may_move_to().is_some() && !self.is_held() {
            return Some(Duration::ZERO);
        }
        let expiry = self.next_expiry()?;
        let left = expiry.saturating_sub(self.timeline.now());
        let left = self.timeline.real_span(left);
        (left == 0 || !self.is_virtual()).then_some(Duration::from_nanos(left))
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.timeline.kind().is_virtual()
    }

    /// Whether the clock is virtual and has to stand still, as a blocking job or a `hold` takes real time.
    pub(crate) fn is_held(&self) -> bool {
        self.is_virtual() && self.holds.are_out()
    }

    /// Moves a virtual clock, if it may move: to the next deadline, whose timers it fires, or to the end of the `advance`
    /// in progress, whose task it wakes. Call it only when no task is ready and the clock is not held. `true`: it moved.
    pub(crate) fn move_virtual_clock(&self) -> bool {
        let Some(end) = self.may_move_to() else { return false };
        // Only the last step of a cascade reaches a deadline. The clock never shows the steps before it.
        while let Some(expiry) = self.next_expiry().filter(|&expiry| expiry <= end) {
            if self.collect_due(expiry) {
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

    /// Whether tasks wait until no task is ready. Then the clock stands still, and [`settle`](Self::settle) ends the look.
    #[inline]
    pub(crate) fn are_settling(&self) -> bool {
        self.settlers.are_waiting()
    }

    /// Wakes the tasks that settle, unless another one is ready.
    #[cold]
    pub(crate) fn settle(&self, any_ready: bool) {
        self.settlers.look(any_ready);
    }

    /// Until the guard is dropped, the clock does not advance by itself. An `advance` still moves it.
    pub(crate) fn turn_auto_advance_off(self: &Rc<Self>) -> AutoAdvanceOff {
        AutoAdvanceOff { timers: Rc::clone(self), was_off: self.auto_advance_is_off.replace(true) }
    }

    /// How far a virtual clock may move now: to the end of the `advance` in progress, or by auto-advance as far as the
    /// last deadline. `None`: it stands still.
    fn may_move_to(&self) -> Option<u64> {
        let kind = || self.timeline.kind();
        let by_itself = || {
            !self.auto_advance_is_off.get() && kind() == Clock::AutoAdvance && self.has_deadlines()
        };
        self.advance.target().or_else(|| by_itself().then_some(NEVER - 1))
    }

    /// Takes `waker`, to be woken at `deadline`. `None`: the deadline has passed, and `waker` is left to the caller.
    /// Whether it has passed is decided by the latest reading of the clock, as another reading would cost time.
    #[inline]
    pub(super) fn arm(&self, deadline: u64, waker: &mut Option<Waker>) -> Option<Key> {
        if deadline <= self.timeline.latest() {
            return None;
        }
        if let Some(before) = self.newest.replace(waker.take()) {
            self.move_into_wheel(before);
        }
        Some(self.newest.begin(deadline))
    }

    /// Whether a timer still waits, and whether it will wake `waker`.
    pub(super) fn check(&self, key: Key, waker: &Waker) -> Check {
        match self.wheel().get_mut(key) {
            None => Check::Fired,
            Some(registered) if registered.will_wake(waker) => Check::Waits,
            Some(_) => Check::WakesAnother,
        }
    }

    /// Swaps `waker` with the registered waker, for the caller to drop.
    pub(super) fn replace_waker(&self, key: Key, waker: &mut Waker) {
        if let Some(registered) = self.wheel().get_mut(key) {
            std::mem::swap(registered, waker);
        }
    }

    /// Gives an armed timer another deadline. `false`: it had fired.
    #[inline]
    pub(super) fn reset(&self, key: Key, deadline: u64) -> bool {
        if self.newest.has_key(key) {
            self.newest.reset(deadline);
            return true;
        }
        self.wheel().reset(key, deadline)
    }

    /// Disarms a timer. Returns its waker, for the caller to drop with nothing borrowed. `None`: it had fired.
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

    /// Gives the wheel the tick of the clock, which has just changed.
    pub(super) fn fit_wheel_to_clock(&self) {
        let shift = shift(self.timeline.kind(), self.real_shift);
        self.wheel().change_tick(shift, self.timeline.latest());
    }

    /// The wheel, with every armed timer in it.
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

    /// Takes the timers due at `now` out of the wheel. `true`: there are some to wake.
    fn collect_due(&self, now: u64) -> bool {
        let mut due = self.due.borrow_mut();
        self.wheel().take_due(now, &mut due);
        !due.is_empty()
    }

    /// Wakes the wakers that were collected. A panic of a waker is contained, and the others are still woken in the same
    /// look. One `contain` serves all wakers, as each has its cost, and after a panic another one serves the rest.
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

impl Drop for Timers {
    /// A timer that was dropped outside of its runtime is still armed, and its waker goes here. Each drop is contained: one
    /// that panics must not end the end of the runtime, nor two of them the process.
    fn drop(&mut self) {
        let newest = self.newest.take();
        let settlers = self.settlers.take_wakers();
        let armed = self.wheel.get_mut().take_values().chain(newest);
        armed.chain(settlers).for_each(|waker| contain(|| drop(waker)));
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
    /// It waits, and will wake another waker.
    WakesAnother,
}

fn shift(clock: Clock, real_shift: u32) -> u32 {
    match clock {
        Clock::Real | Clock::Scaled { .. } => real_shift,
        Clock::Manual | Clock::AutoAdvance => VIRTUAL_SHIFT,
    }
}

fn next_id() -> u32 {
    static LAST: Mutex<u32> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = last.wrapping_add(1);
    *last
}
