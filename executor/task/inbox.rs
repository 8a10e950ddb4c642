//! The inbox: where every other place leaves the tasks it has woken.
//!
//! A list with one word for a head, which says everything: empty, `PARKED` (empty, and home sleeps),
//! `CLOSED`, or the task pushed last. Because parking is in the same word as the list, "is there
//! something?" and "I go to sleep" are one compare-and-swap, and no wake can fall between them. With
//! a flag beside the list it can: both sides would have to see the other's store, which needs
//! sequential consistency on four accesses, and x86 hides it when one is missing.
//!
//! The list is Treiber's stack (1986), taken whole, so that it has no ABA problem, and reversed.

use std::ptr;

use super::header::{Header, TaskPtr};
use crate::executor::driver::Unpark;
use crate::executor::primitives::{AtomicPtr, order};
use crate::executor::silence;

/// Home sleeps, or has given the thread to somebody else's loop.
const PARKED: *mut Header = ptr::without_provenance_mut(1);
/// Nothing is taken any more.
const CLOSED: *mut Header = ptr::without_provenance_mut(2);

pub(super) struct Inbox {
    head: AtomicPtr<Header>,
    /// Here, so that whoever still holds a waker can reach it.
    pub(super) unparker: Box<dyn Unpark>,
}

/// What a drain took: tasks in the order they were pushed. Each is still QUEUED.
pub(super) struct Batch(*mut Header);

impl Inbox {
    pub(super) fn new(unparker: Box<dyn Unpark>) -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), unparker }
    }

    /// `false` when the inbox is closed: nothing was pushed.
    ///
    /// The caller won QUEUED, or made the task with it, and holds a reference on it or on the hub
    /// until this returns.
    #[must_use = "what was not pushed is still the caller's"]
    pub(super) fn push(&self, task: TaskPtr) -> bool {
        let mut head = self.head.load(order::push_look());
        loop {
            if head == CLOSED {
                return false;
            }
            let before = if head == PARKED { ptr::null_mut() } else { head };
            // SAFETY: (LINK) this place has QUEUED, so the link is its own.
            unsafe { (*task.as_ptr()).link.with_mut(|link| *link = before) };
            match self.head.compare_exchange(head, task.as_ptr(), order::push()) {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        if head == PARKED {
            silence(|| self.unparker.unpark());
        }
        true
    }

    /// Home takes everything. Costs one load when there is nothing.
    #[inline]
    pub(super) fn drain(&self) -> Batch {
        if self.head.load(order::drain_look()).is_null() {
            return Batch(ptr::null_mut());
        }
        Batch::reversed(self.head.swap(ptr::null_mut(), order::drain()))
    }

    /// Home takes everything, for the last time.
    pub(super) fn close(&self) -> Batch {
        Batch::reversed(self.head.swap(CLOSED, order::close()))
    }

    /// Home is about to sleep: the next push will unpark it. `false` when there is something to take.
    ///
    /// After the sleep, however it ended, `drain` looks at the word again.
    #[must_use]
    pub(super) fn park(&self) -> bool {
        self.head.compare_exchange(ptr::null_mut(), PARKED, order::park()).is_ok()
    }

    /// Whether the next push will unpark.
    pub(super) fn is_parked(&self) -> bool {
        self.head.load(order::park_look()) == PARKED
    }
}

impl Batch {
    fn reversed(mut last: *mut Header) -> Self {
        let mut first = ptr::null_mut();
        if last == PARKED || last == CLOSED {
            return Self(first);
        }
        while !last.is_null() {
            // SAFETY: (LINK) the drain owns the links of what it took: each is still QUEUED.
            let before =
                unsafe { (*last).link.with_mut(|link| std::mem::replace(&mut *link, first)) };
            first = last;
            last = before;
        }
        Self(first)
    }
}

impl Iterator for Batch {
    type Item = TaskPtr;

    fn next(&mut self) -> Option<TaskPtr> {
        let task = TaskPtr::new(self.0)?;
        // SAFETY: (LINK) still QUEUED, so still the drain's; read before the caller clears QUEUED.
        self.0 = unsafe { (*task.as_ptr()).link.with_mut(|link| *link) };
        Some(task)
    }
}
