//! [`Settlers`]: the tasks that wait until no other task is ready.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Waker;

use crate::executor::contain;

/// A wait is given up after so many looks that found a task ready: 61 million turns, unless `event_interval` was set.
pub(super) const MOST_LOOKS: u32 = 1_000_000;

/// The tasks of one runtime that settle.
#[derive(Default)]
pub(super) struct Settlers {
    /// How many still wait.
    waiting: Cell<usize>,
    /// How many looks found a task ready, since a task has waited.
    looks: Cell<u32>,
    /// By the number of their [`Settle`](super::Settle), and so in the order in which those were first polled.
    all: RefCell<BTreeMap<u64, Settler>>,
    last_key: Cell<u64>,
}

pub(super) enum Settler {
    Waits(Waker),
    Settled,
    GivenUp,
}

impl Settlers {
    #[inline]
    pub(super) fn are_waiting(&self) -> bool {
        self.waiting.get() > 0
    }

    /// A look has woken what it found. `any_ready`: whether a task is ready now.
    pub(super) fn look(&self, any_ready: bool) {
        if !any_ready {
            return self.end_all(|| Settler::Settled);
        }
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() == MOST_LOOKS {
            self.end_all(|| Settler::GivenUp);
        }
    }

    /// Ends all waits, first come, first woken.
    fn end_all(&self, end: impl Fn() -> Settler) {
        let mut wakers = Vec::new();
        for settler in self.all.borrow_mut().values_mut() {
            if matches!(settler, Settler::Waits(_)) {
                wakers.push(std::mem::replace(settler, end()));
            }
        }
        self.looks.set(0);
        self.waiting.set(0);
        for waker in wakers.into_iter().filter_map(Settler::into_waker) {
            contain(|| waker.wake());
        }
    }

    /// Takes `waker`, and gives the key of the wait.
    pub(super) fn add(&self, waker: Waker) -> u64 {
        let key = self.last_key.get() + 1;
        self.last_key.set(key);
        self.waiting.set(self.waiting.get() + 1);
        self.all.borrow_mut().insert(key, Settler::Waits(waker));
        key
    }

    /// Ends one wait. Its waker is for the caller to drop.
    pub(super) fn remove(&self, key: u64) -> Option<Settler> {
        let settler = self.all.borrow_mut().remove(&key);
        if let Some(Settler::Waits(_)) = settler {
            self.waiting.set(self.waiting.get() - 1);
        }
        settler
    }

    /// Whether the wait goes on, and would wake `waker`; `None`: it has ended.
    pub(super) fn would_wake(&self, key: u64, waker: &Waker) -> Option<bool> {
        match self.all.borrow().get(&key) {
            Some(Settler::Waits(registered)) => Some(registered.will_wake(waker)),
            _ => None,
        }
    }

    /// Swaps `waker` with the registered one, for the caller to drop.
    pub(super) fn replace_waker(&self, key: u64, waker: &mut Waker) {
        if let Some(Settler::Waits(registered)) = self.all.borrow_mut().get_mut(&key) {
            std::mem::swap(registered, waker);
        }
    }

    /// The wakers of tasks that never polled again.
    pub(super) fn take_wakers(&mut self) -> impl Iterator<Item = Waker> + use<> {
        let all = std::mem::take(self.all.get_mut());
        all.into_values().filter_map(Settler::into_waker)
    }
}

impl Settler {
    fn into_waker(self) -> Option<Waker> {
        match self {
            Self::Waits(waker) => Some(waker),
            Self::Settled | Self::GivenUp => None,
        }
    }
}
