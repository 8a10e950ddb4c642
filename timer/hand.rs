//! [`Hand`]: the timer that was armed last, before it is put into the wheel.
//!
//! Most timers are timeouts, and dropped long before they are due; many before another is armed. Such a one
//! never gets as far as the wheel: it is kept in hand until something else happens there.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::task::Waker;

use super::slab::Key;

/// See the head of this file.
pub(super) struct Hand {
    /// Of the one in hand, or of the next one: a place in the wheel, kept free for it.
    key: Cell<Key>,
    deadline: Cell<u64>,
    /// `None`: there is nothing in hand.
    waker: Cell<Option<Waker>>,
}

impl Hand {
    pub(super) fn new(key: Key) -> Self {
        Hand { key: Cell::new(key), deadline: Cell::new(0), waker: Cell::new(None) }
    }

    /// Takes a timer into the hand, which is empty.
    #[inline]
    pub(super) fn hold(&self, deadline: u64, waker: Option<Waker>) -> Key {
        self.deadline.set(deadline);
        self.waker.set(waker);
        self.key.get()
    }

    /// Whether it is this one that is in hand.
    #[inline]
    pub(super) fn holds(&self, key: Key) -> bool {
        self.key.get() == key
    }

    /// Another deadline for the one in hand.
    pub(super) fn reset(&self, deadline: u64) {
        self.deadline.set(deadline);
    }

    /// Empties the hand. If no `Sleep` asks for what was in it any more, the next one may have its key.
    #[inline]
    pub(super) fn take(&self) -> Option<Waker> {
        self.waker.take()
    }

    /// Key and deadline of the one that was taken, if it is still asked for: the next one will have `next`.
    pub(super) fn give_key(&self, next: Key) -> (Key, u64) {
        (self.key.replace(next), self.deadline.get())
    }
}
