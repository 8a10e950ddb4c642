//! [`CancelRequest`]: that something is asked to end, and why; and what listens for it.
//!
//! A task has one from the first time that it listens or is asked, and so has each cancel scope. It is *level-triggered*:
//! once asked, always asked, so a listener that comes late hears of it too.

#![forbid(unsafe_code)]

use std::cell::{Cell, OnceCell, RefCell};
use std::mem;
use std::task::Waker;

use super::{Reason, contain, is_noop};

/// That a task, or what runs in a cancel scope, is asked to end.
///
/// Whether what does not listen is dropped is not up to the request, but to what polls it: a scope or a group does that, a
/// plain task does not.
#[derive(Default)]
pub(crate) struct CancelRequest {
    reason: OnceCell<Reason>,
    /// Whether what does not listen is dropped once the request is made: by a scope, or by a group.
    drops: Cell<bool>,
    /// A listener inside was told: from then on the inside ends by itself.
    heard: Cell<bool>,
    /// How many parts inside must not be dropped yet: shields, and groups whose tasks have not ended.
    holds: Cell<usize>,
    /// In the order in which they registered first.
    listeners: RefCell<Vec<Listener>>,
}

/// What is woken when the request is made.
struct Listener {
    key: ListenerKey,
    /// `None` once it was woken.
    waker: Option<Waker>,
    /// Whether it hears the request for the code inside. What drops the inside is told as well, but does not.
    hears: bool,
}

/// Tells a listener from all others of its thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenerKey(u64);

impl ListenerKey {
    pub(crate) fn new() -> Self {
        thread_local! {
            static LAST: Cell<u64> = const { Cell::new(0) };
        }
        LAST.set(LAST.get() + 1);
        Self(LAST.get())
    }
}

impl CancelRequest {
    /// Why it is asked to end, if it is.
    pub(crate) fn reason(&self) -> Option<&Reason> {
        self.reason.get()
    }

    /// Asks, and wakes the listeners. Only the first reason counts.
    pub(crate) fn ask(&self, reason: &Reason) {
        if self.reason.set(reason.clone()).is_err() {
            return;
        }
        // Taken out first, as a waker may do anything. The listeners stay: those that hear are about to be told.
        let mut listeners = self.listeners.borrow_mut();
        let wakers: Vec<Waker> = listeners.iter_mut().filter_map(|one| one.waker.take()).collect();
        drop(listeners);
        wakers.into_iter().for_each(|waker| contain(|| waker.wake()));
    }

    /// Whether the inside ends by itself, so that it is not to be dropped: a listener was told, or is about to be; or a part
    /// inside holds it.
    pub(crate) fn ends_by_itself(&self) -> bool {
        self.heard.get()
            || self.holds.get() > 0
            || self.listeners.borrow().iter().any(|listener| listener.hears)
    }

    /// What does not listen will be dropped once the request is made.
    pub(crate) fn set_drops(&self) {
        self.drops.set(true);
    }

    /// Whether the inside is about to be dropped.
    pub(crate) fn is_dropped(&self) -> bool {
        self.reason().is_some() && self.drops.get() && !self.ends_by_itself()
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.heard.get()
    }

    /// A listener inside was told.
    pub(crate) fn hear(&self) {
        self.heard.set(true);
    }

    /// A part inside must not be dropped until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.holds.set(self.holds.get() + 1);
    }

    pub(crate) fn release(&self) {
        self.holds.set(self.holds.get() - 1);
    }

    /// Registers a listener, or its new waker. The waker's clone, and the drop of the one before, may be user code, which
    /// may do anything: ask again afterwards whether the request was made.
    pub(crate) fn listen(&self, key: ListenerKey, waker: &Waker, hears: bool) {
        let waits = |listener: &Listener| {
            listener.key == key && listener.waker.as_ref().is_some_and(|it| it.will_wake(waker))
        };
        if self.listeners.borrow().iter().any(waits) {
            return;
        }
        if is_noop(waker) {
            return self.forget(key);
        }
        let waker = Some(waker.clone());
        let mut listeners = self.listeners.borrow_mut();
        let old = match listeners.iter_mut().find(|listener| listener.key == key) {
            Some(listener) => mem::replace(&mut listener.waker, waker),
            None => {
                listeners.push(Listener { key, waker, hears });
                None
            }
        };
        drop(listeners);
        contain(|| drop(old));
    }

    /// Takes a listener's waker back.
    pub(crate) fn forget(&self, key: ListenerKey) {
        let old = {
            let mut listeners = self.listeners.borrow_mut();
            let place = listeners.iter().position(|listener| listener.key == key);
            place.map(|place| listeners.remove(place))
        };
        contain(|| drop(old));
    }
}
