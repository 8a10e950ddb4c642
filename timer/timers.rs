//! [`Timers`]: the wheel, the clock and the wakers of one runtime.
//!
//! The runtime's driver holds it, enters it with the loop, and asks it three things between turns:
//! who is due ([`fire`](Timers::fire)), how long a wait may be
//! ([`until_next`](Timers::until_next)), and, before a wait, whether the manual clock has somewhere
//! to go ([`on_idle`](Timers::on_idle)).
//!
//! A waker may run anything when it is cloned, woken or dropped: drop a sleep, arm one. So none of
//! the three happens while the wheel is borrowed.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::clock::{Clock, Timeline};
use super::manual::Advance;
use super::slab::Key;
use super::wheel::{Due, Wheel};
use crate::executor::scoped::{self, Entered, Scoped};

/// The tick of the wheel under the real clock: 2^16 ns, near the 50 us by which Linux is late with
/// timers anyway.
const REAL_SHIFT: u32 = 16;

/// Under the manual clock: 1 ns, so that what is due at different times never fires together.
const MANUAL_SHIFT: u32 = 0;

thread_local! {
    static CURRENT: Scoped<Timers> = const { RefCell::new(None) };
}

/// See the head of this file.
pub(crate) struct Timers {
    id: u64,
    pub(super) timeline: Timeline,
    wheel: RefCell<Wheel<Waker>>,
    /// Due and not yet woken, the first at the end. Not empty between calls only if a waker
    /// panicked.
    due: RefCell<Vec<Due<Waker>>>,
    /// The `advance` that is in progress.
    pub(super) advance: RefCell<Option<Advance>>,
}

impl Timers {
    pub(crate) fn new(clock: Clock) -> Rc<Self> {
        let timeline = Timeline::new(clock);
        let wheel = Wheel::new(shift(clock), timeline.now());
        Rc::new(Timers {
            id: next_id(),
            timeline,
            wheel: RefCell::new(wheel),
            due: RefCell::default(),
            advance: RefCell::default(),
        })
    }

    /// Makes these the [`current`](Self::current) ones of this thread until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered<Timers> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Those of the runtime this thread is inside of.
    pub(crate) fn current() -> Option<Rc<Self>> {
        scoped::current(&CURRENT)
    }

    /// [`current`](Self::current), for a function that cannot do without.
    #[track_caller]
    pub(super) fn needed_by(function: &str) -> Rc<Self> {
        let Some(timers) = Self::current() else {
            panic!("`{function}` needs a runtime: call it inside `taketurns::block_on` or a task");
        };
        timers
    }

    /// Unlike that of any other in this process.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Reads the clock, in ns.
    pub(crate) fn now(&self) -> u64 {
        self.timeline.now()
    }

    /// How many timers are armed.
    pub(crate) fn len(&self) -> usize {
        self.wheel.borrow().len()
    }

    /// Wakes all that are due by one reading of the clock, in (deadline, arming) order. Nothing
    /// armed: no reading.
    pub(crate) fn fire(&self) {
        if self.next_expiry().is_some() {
            self.collect(self.timeline.now());
            self.wake_due();
        }
    }

    /// How long a wait may last so as not to miss a deadline; `None`: for ever, as far as timers
    /// go.
    ///
    /// Zero when something is due, and while an `advance` has not arrived:
    /// [`on_idle`](Self::on_idle) moves it. Never ends before a deadline that it ends for; it may
    /// end before a distant one, only for the wheel to turn.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        if self.advance_end().is_some() {
            return Some(Duration::ZERO);
        }
        let expiry = self.next_expiry()?;
        let left = expiry.saturating_sub(self.timeline.now());
        match self.timeline.kind() {
            Clock::Manual if left > 0 => None,
            _ => Some(Duration::from_nanos(left)),
        }
    }

    /// Nothing is ready and the loop is about to wait: moves a manual clock that is being advanced
    /// to the next deadline, and wakes who is due there, or to its end, and wakes the advancer.
    /// `true`: somebody was woken, so do not wait.
    pub(crate) fn on_idle(&self) -> bool {
        let Some(end) = self.advance_end() else { return false };
        // Only the last step of a cascade is a deadline; no clock shows the steps before it.
        while let Some(expiry) = self.next_expiry().filter(|&expiry| expiry <= end) {
            if self.collect(expiry) {
                self.timeline.set(expiry.max(self.timeline.now()));
                self.wake_due();
                return true;
            }
        }
        self.timeline.set(end);
        self.arrive();
        true
    }

    /// By the last reading of the clock, made for whatever reason: no reading is made to find out.
    pub(super) fn has_passed(&self, deadline: u64) -> bool {
        deadline <= self.timeline.latest()
    }

    pub(super) fn arm(&self, deadline: u64, waker: &Waker) -> Key {
        let waker = waker.clone();
        let mut wheel = self.wheel.borrow_mut();
        wheel.catch_up(self.timeline.latest());
        wheel.insert(deadline, waker)
    }

    /// `Ready` once it fired; until then `waker` is the one to wake.
    pub(super) fn poll(&self, key: Key, waker: &Waker) -> Poll<()> {
        match self.wheel.borrow_mut().get_mut(key) {
            None => return Poll::Ready(()),
            Some(registered) if registered.will_wake(waker) => return Poll::Pending,
            Some(_) => {}
        }
        let mut waker = waker.clone();
        if let Some(registered) = self.wheel.borrow_mut().get_mut(key) {
            std::mem::swap(registered, &mut waker);
        }
        Poll::Pending
    }

    /// `false`: it had fired.
    pub(super) fn reset(&self, key: Key, deadline: u64) -> bool {
        self.wheel.borrow_mut().reset(key, deadline)
    }

    pub(super) fn cancel(&self, key: Key) {
        let waker = self.wheel.borrow_mut().cancel(key);
        drop(waker);
    }

    /// Fits the wheel to the clock, which has just changed.
    pub(super) fn change_tick(&self) {
        let shift = shift(self.timeline.kind());
        self.wheel.borrow_mut().change_tick(shift, self.timeline.latest());
    }

    fn next_expiry(&self) -> Option<u64> {
        if !self.due.borrow().is_empty() {
            return Some(0);
        }
        self.wheel.borrow().next_expiry()
    }

    /// Takes what is due at `now` out of the wheel. `true`: there is something to wake.
    fn collect(&self, now: u64) -> bool {
        let mut due = self.due.borrow_mut();
        self.wheel.borrow_mut().advance(now, &mut due);
        !due.is_empty()
    }

    fn wake_due(&self) {
        let next = || self.due.borrow_mut().pop();
        while let Some(due) = next() {
            due.value.wake();
        }
    }
}

fn shift(clock: Clock) -> u32 {
    match clock {
        Clock::Real => REAL_SHIFT,
        Clock::Manual => MANUAL_SHIFT,
    }
}

fn next_id() -> u64 {
    static LAST: Mutex<u64> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last += 1;
    *last
}
