//! [`Registration`]: what the reactor knows about one descriptor.
//!
//! For each [`Direction`] it keeps whether an operation is worth a try, and the waker of the task that waits. The
//! reactor and the [`Source`](super::source::Source) share it: the reactor notes events here and takes the wakers,
//! the source tries its operations and leaves the wakers.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::task::Waker;

use super::sys::Readiness;
use crate::common::waits::{self, Key};

/// Which way bytes go. Reading includes accepting; writing includes connecting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// Both directions of one descriptor.
pub(super) struct Registration {
    pub(super) read: Side,
    pub(super) write: Side,
}

impl Registration {
    pub(super) fn new() -> Self {
        Registration { read: Side::new(), write: Side::new() }
    }

    pub(super) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.read.is_awaited() || self.write.is_awaited()
    }

    pub(super) fn take_wakers(&self) -> [Option<Waker>; 2] {
        [self.read.replace_waker(None), self.write.replace_waker(None)]
    }
}

/// One direction of a descriptor. At most one task waits in it.
pub(super) struct Side {
    readiness: Cell<Readiness>,
    waker: RefCell<Option<Waker>>,
    is_reserved: Cell<bool>,
}

impl Side {
    /// It begins ready, so the first try is made at once and costs nothing extra when it succeeds. Registering makes
    /// the kernel report what is ready, so if the try fails, an event corrects this.
    fn new() -> Self {
        Side {
            readiness: Cell::new(Readiness::Ready),
            waker: RefCell::new(None),
            is_reserved: Cell::new(false),
        }
    }

    /// Notes an event. Returns the waker that waited for it, for the caller to wake.
    pub(super) fn note_event(&self, event: Readiness) -> Option<Waker> {
        if event == Readiness::Blocked {
            return None;
        }
        self.readiness.set(self.readiness.get().max(event));
        self.replace_waker(None)
    }

    /// Whether an operation is worth a try.
    pub(super) fn is_ready(&self) -> bool {
        self.readiness.get() != Readiness::Blocked
    }

    /// The kernel said that an operation would block.
    pub(super) fn note_would_block(&self) {
        self.readiness.set(Readiness::Blocked);
    }

    /// An operation moved fewer bytes than it had room for, so it emptied (or filled) the kernel's buffer. Any
    /// change to that buffer from now on makes an event. So the next try would only say "would block", and is saved.
    /// Not so if more than bytes is to come: no other event would announce that.
    pub(super) fn note_short_transfer(&self) {
        if self.readiness.get() == Readiness::Ready {
            self.note_would_block();
        }
    }

    /// Whether an [operation](super::source::Source::operate) has this direction to itself.
    pub(super) fn is_reserved(&self) -> bool {
        self.is_reserved.get()
    }

    pub(super) fn set_reserved(&self, is_reserved: bool) {
        self.is_reserved.set(is_reserved);
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.waker.borrow().is_some()
    }

    pub(super) fn is_awaited_by(&self, waker: &Waker) -> bool {
        self.waker.borrow().as_ref().is_some_and(|known| known.will_wake(waker))
    }

    /// Returns the waker before, for the caller to wake or drop with nothing borrowed.
    pub(super) fn replace_waker(&self, waker: Option<Waker>) -> Option<Waker> {
        if waker.is_none() {
            waits::over(Key::at(self));
        }
        self.waker.replace(waker)
    }
}
