//! [`CancelRequest`]: that some code is asked to end, and why; and what listens for it.
//!
//! A task has one from the first time that it listens or is asked, and so has each run of a cancel scope. It is
//! *level-triggered*: once asked, always asked, so a listener that comes late hears of it too.
//!
//! The code that the request is about is called the *inside*. A scope or a group *drops* its inside when the request was made.
//! Three things put that off. A listener inside that waits is about to be told. A listener that *heard* has been told: the
//! inside ends by itself. A *hold* is a part inside that is not to be dropped yet: a shield, or a group whose tasks have not
//! ended. The request drops nothing itself; it records what its owner has to know for that.

#![forbid(unsafe_code)]

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::task::Waker;

use super::{Reason, contain, is_noop};

/// That some code is asked to end.
#[derive(Default)]
pub(crate) struct CancelRequest {
    reason: OnceCell<Reason>,
    /// Whether a scope or a group will drop the inside, unless that ends by itself.
    drops: Cell<bool>,
    heard: Cell<bool>,
    holds: Cell<usize>,
    /// In the order in which they registered first.
    listeners: RefCell<BTreeMap<ListenerKey, Listener>>,
    /// How many of them are inside.
    inside: Cell<usize>,
}

/// What is woken when the request is made.
struct Listener {
    /// `None` once it was woken.
    waker: Option<Waker>,
    /// True for code inside that listens. False for what is woken to drop the inside.
    is_inside: bool,
}

/// Tells a listener from all others of its thread. Later ones are greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerKey(u64);

impl ListenerKey {
    pub(crate) fn new() -> Self {
        thread_local! {
            static LAST: Cell<u64> = const { Cell::new(0) };
        }
        LAST.set(LAST.get() + 1);
        Self(LAST.get())
    }

    /// The number behind it.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl CancelRequest {
    /// The request of a scope or a group, which drops the inside.
    pub(crate) fn that_drops() -> Self {
        let request = Self::default();
        request.drops.set(true);
        request
    }

    /// From now on a group will drop the inside.
    pub(crate) fn set_drops(&self) {
        self.drops.set(true);
    }

    /// Why it is asked to end, if it is.
    #[inline]
    pub(crate) fn reason(&self) -> Option<&Reason> {
        self.reason.get()
    }

    /// Asks, and wakes the listeners. Only the first reason counts.
    pub(crate) fn ask(&self, reason: &Reason) {
        if self.reason.set(reason.clone()).is_ok() {
            self.wake(|_| true);
        }
    }

    /// Wakes listeners, in the order in which they registered.
    fn wake(&self, which: impl Fn(&Listener) -> bool) {
        // Taken out first, as a waker may do anything. The listeners stay: those inside are about to be told.
        let mut listeners = self.listeners.borrow_mut();
        let chosen = listeners.values_mut().filter(|listener| which(listener));
        let wakers: Vec<Waker> = chosen.filter_map(|listener| listener.waker.take()).collect();
        drop(listeners);
        wakers.into_iter().for_each(|waker| contain(|| waker.wake()));
    }

    /// Whether the inside is not to be dropped.
    pub(crate) fn ends_by_itself(&self) -> bool {
        self.heard.get() || self.holds.get() > 0 || self.inside.get() > 0
    }

    /// Whether the inside is about to be dropped.
    pub(crate) fn will_drop(&self) -> bool {
        self.reason().is_some() && self.drops.get() && !self.ends_by_itself()
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.heard.get()
    }

    /// A listener inside was told.
    pub(crate) fn hear(&self) {
        self.heard.set(true);
    }

    /// A group inside was told, and ends the tasks that are its own. If something drops the inside, that still does, once the
    /// group has ended.
    pub(crate) fn hear_in_group(&self) {
        if !self.drops.get() {
            self.heard.set(true);
        }
    }

    /// A part inside is not to be dropped until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.holds.set(self.holds.get() + 1);
    }

    pub(crate) fn release(&self) {
        self.holds.set(self.holds.get() - 1);
        self.wake_what_drops();
    }

    /// What put the end off may have ended outside of the poll of what drops the inside.
    fn wake_what_drops(&self) {
        if self.will_drop() {
            self.wake(|listener| !listener.is_inside);
        }
    }

    /// Registers a listener, or its new waker. The waker's clone, and the drop of the one before, may be user code, which
    /// may do anything: ask again afterwards whether the request was made.
    pub(crate) fn listen(&self, key: ListenerKey, waker: &Waker, is_inside: bool) {
        let waits = |listener: &Listener| {
            listener.waker.as_ref().is_some_and(|known| known.will_wake(waker))
        };
        if self.listeners.borrow().get(&key).is_some_and(waits) {
            return;
        }
        if is_noop(waker) {
            return self.forget(key);
        }
        let new = Listener { waker: Some(waker.clone()), is_inside };
        let old = self.listeners.borrow_mut().insert(key, new);
        if old.is_none() && is_inside {
            self.inside.set(self.inside.get() + 1);
        }
        contain(|| drop(old));
    }

    /// Takes a listener's waker back.
    pub(crate) fn forget(&self, key: ListenerKey) {
        let old = self.listeners.borrow_mut().remove(&key);
        if old.as_ref().is_some_and(|listener| listener.is_inside) {
            self.inside.set(self.inside.get() - 1);
        }
        contain(|| drop(old));
        self.wake_what_drops();
    }
}
