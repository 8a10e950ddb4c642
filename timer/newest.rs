//! [`Newest`]: keeps the timer that was armed last out of the wheel.
//!
//! Most timers are timeouts, and a timeout is usually dropped long before it is due, often before another
//! timer is armed. Putting such a timer into the wheel and taking it out again would be wasted work. So the newest
//! timer waits here. It moves into the wheel when the next timer is armed, or when the wheel is asked anything.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::task::Waker;

use super::rings::Key;

/// The timer that was armed last, if it is not in the wheel yet.
pub(super) struct Newest {
    /// Reserved in the wheel: of the timer kept here or, while there is none, of the next one.
    key: Cell<Key>,
    deadline: Cell<u64>,
    /// `None`: no timer is kept here.
    waker: Cell<Option<Waker>>,
}

impl Newest {
    pub(super) fn new(key: Key) -> Self {
        Newest { key: Cell::new(key), deadline: Cell::new(0), waker: Cell::new(None) }
    }

    /// Puts the waker of a new timer here, and gives that of the timer before, if there was one. Key and deadline are still those
    /// of the timer before, until the caller has put that into the wheel and calls [`begin`](Self::begin).
    #[inline]
    pub(super) fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        self.waker.replace(waker)
    }

    /// Gives the new timer, whose waker is here already, its deadline. Returns its key.
    #[inline]
    pub(super) fn begin(&self, deadline: u64) -> Key {
        self.deadline.set(deadline);
        self.key.get()
    }

    /// Whether `key` is the key of the timer kept here.
    #[inline]
    pub(super) fn has_key(&self, key: Key) -> bool {
        self.key.get() == key
    }

    /// Gives the timer kept here another deadline.
    pub(super) fn reset(&self, deadline: u64) {
        self.deadline.set(deadline);
    }

    /// Takes the waker out. If the timer was cancelled, that is all: the next timer uses its key again.
    #[inline]
    pub(super) fn take(&self) -> Option<Waker> {
        self.waker.take()
    }

    /// Gives key and deadline of a timer whose waker was taken out, as it goes into the wheel. The next timer
    /// kept here uses the key `next`.
    pub(super) fn hand_over(&self, next: Key) -> (Key, u64) {
        (self.key.replace(next), self.deadline.get())
    }
}
