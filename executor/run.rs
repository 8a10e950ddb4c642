//! The loop: turns, and looks between them.
//!
//! The naive loop polls every task in a big circle. But then an idle task costs as much as a busy one, and the thread never
//! sleeps. So a task is polled only after it was woken: wakers put tasks into a run queue, and the loop gives each task in
//! it a **turn**, one poll. Between turns the loop takes a **look** outside, at what other threads pushed into the
//! inbox, and at what its [`Driver`] knows (timers and sockets, in a runtime). When the queue is empty it waits there.
//!
//! The loop promises F1 to F5, which [`executor`](super) states for its users. How each is kept:
//!
//! * **F1**, at most once in the queue: the bit OWED of a task's state (`task/state.rs`).
//! * **F2**, the (n+1)th turn: the queue is first in, first out (`task/queue.rs`), and [`Executor::turn`] takes its head.
//! * **F3**, a look after at most `event_interval` turns: `next_look`, the number of the turn before which each look wants the next.
//!   Inbox, then timers, then descriptors: the steps of [`Executor::look`].
//! * **F4**, the budget: each turn begins with a full one (`budget.rs`).
//! * **F5**, one last turn: the second half of [`Executor::run_until`].

#![forbid(unsafe_code)]

use std::cell::{RefCell, RefMut};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::driver::NO_WAIT;
use super::observe::{Cause, OBSERVED, PLAIN, WATCHED};
use super::{Driver, Executor, Hub, budget};

/// Turns between two looks, unless told otherwise. tokio's number: a look is a system call when a
/// socket is waited for, which costs many short turns, so it is spread over some.
pub const EVENT_INTERVAL: NonZeroU32 = NonZeroU32::new(61).unwrap();

impl<D: Driver> Executor<'_, D> {
    /// Gives turns until `done`. Then F5: each task that is queued at that moment takes one last turn, and no other does.
    pub(super) fn run_until(&self, done: impl Fn() -> bool) {
        match self.hub.seen() {
            PLAIN => self.run_seen::<PLAIN>(done),
            WATCHED => self.run_seen::<WATCHED>(done),
            _ => self.run_seen::<OBSERVED>(done),
        }
    }

    fn run_seen<const SEEN: u8>(&self, done: impl Fn() -> bool) {
        self.look_first();
        while !done() {
            if !self.turn::<SEEN>() {
                let sleeps = self.is_idle() && !self.lingers() && self.hub.park();
                let limit = if sleeps { None } else { NO_WAIT };
                self.look(limit);
            }
        }
        let mut owed = self.hub.ready();
        while owed > 0 {
            if self.turn::<SEEN>() {
                owed -= 1;
            } else {
                self.look(NO_WAIT); // one was due: the tasks that are owed a turn are still in the queue
            }
        }
    }

    /// One step for a host loop: a turn. `false` when no task is ready, after a wait of at most `limit`.
    pub(super) fn step(&self, limit: Duration) -> bool {
        match self.hub.seen() {
            PLAIN => self.step_seen::<PLAIN>(limit),
            WATCHED => self.step_seen::<WATCHED>(limit),
            _ => self.step_seen::<OBSERVED>(limit),
        }
    }

    fn step_seen<const SEEN: u8>(&self, limit: Duration) -> bool {
        while !self.turn::<SEEN>() {
            self.look(NO_WAIT);
            if self.may_sleep() {
                if !limit.is_zero() {
                    self.look(Some(limit));
                }
                // The next step begins with a look, which ends the parking. Otherwise its turn would run while pushes
                // still unpark, and `next_deadline`, which asks for that, would say "wait" after it.
                self.look_first();
                return false;
            }
        }
        true
    }

    /// Gives the task at the head of the queue its turn. `false`: take a look instead, as one is due or the queue is
    /// empty.
    #[inline]
    fn turn<const SEEN: u8>(&self) -> bool {
        let turns = self.hub.pulse().turns();
        if turns == self.next_look.get() || !self.hub.turn::<SEEN>() {
            return false;
        }
        self.hub.pulse().set_turns(turns + 1);
        true
    }

    /// A look comes before the next turn.
    fn look_first(&self) {
        self.next_look.set(self.hub.pulse().turns());
    }

    /// Whether no task is ready and no memory of ended tasks is left to return to the allocator. (`trim` returns a slice of it,
    /// and the loop looks outside between two slices.)
    fn is_idle(&self) -> bool {
        !self.hub.has_ready() && !self.hub.trim()
    }

    /// Whether the driver, which may look out for a while here, has seen that something is there.
    fn lingers(&self) -> bool {
        self.driver().linger(&|| self.hub.is_called())
    }

    /// Whether the thread may sleep: the loop is idle, and nothing is in the inbox. If so, the inbox is *parked*: until the
    /// next look empties it, the next push into it unparks the thread.
    fn may_sleep(&self) -> bool {
        self.is_idle() && self.hub.park()
    }

    fn driver(&self) -> RefMut<'_, D> {
        self.driver.try_borrow_mut().unwrap_or_else(|_| driver_reenters())
    }

    /// Waits outside, and tells of it. (A wait without waiting is no park.)
    fn wait(&self, driver: &mut D, limit: Option<Duration>) {
        self.hub.tell(|observer| observer.looks());
        let limit = driver.before_wait(limit);
        if limit == NO_WAIT {
            return driver.wait(limit);
        }
        self.hub.tell(|observer| observer.parks());
        self.hub.pulse().park();
        let _parked = Parked { hub: &self.hub, since: Instant::now() };
        driver.wait(limit);
    }

    /// Looks outside, after a wait of at most `limit` (`None`: until something happens).
    fn look(&self, limit: Option<Duration>) {
        budget::lift(); // what the last turn has spent does not bind the wakers that run here
        let mut driver = self.driver();
        self.hub.pulse().begin_look();
        self.wait(&mut *driver, limit);
        self.hub.take_in(); // after the wait, and before a clock may move: see `common/tokens.rs`
        driver.wake(self.hub.has_ready());
        self.hub.set_cause(Cause::Outside);
        self.hub.pulse().end_look();
        drop(driver);
        if let Some(mut chooser) = self.chooser.as_ref().map(RefCell::borrow_mut) {
            let next = self.hub.choose_next(|ready| chooser.choose(ready));
            next.into_iter().for_each(|task| chooser.turn(task));
        }
        self.next_look.set(self.hub.pulse().turns() + u64::from(self.event_interval));
    }
}

/// The loop waits outside until this is dropped, on unwind too.
struct Parked<'a> {
    hub: &'a Hub,
    since: Instant,
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.hub.pulse().unpark(self.since.elapsed());
        self.hub.tell(|observer| observer.unparks());
    }
}

#[cold]
fn driver_reenters() -> ! {
    panic!(
        "a `Driver` ran its own executor inside `Driver::pending`: it may only tell what it waits for there"
    )
}
