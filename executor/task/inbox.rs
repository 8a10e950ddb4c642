//! The inbox: where every other thread leaves the tasks that it has woken or sent.
//!
//! A mutex around a `VecDeque` would do, but then a wake could wait for a lock, and allocate. So the inbox is a linked
//! list through the tasks: Treiber's stack (1986), where a push is one compare-and-swap of the head. Home takes the whole
//! list in one swap, and then reverses it. It never pops a single task, so no compare-and-swap depends on a link that was
//! read earlier: a push compares the head alone, and if the same task has come back there meanwhile, it is the head again,
//! and the link is right (no ABA problem).
//!
//! The head is one word that says everything: empty; `PARKED` (empty, and home sleeps); `CLOSED`; or the task that was
//! pushed last. A flag "home sleeps" beside the list would be simpler to read, and wrong: the pusher writes the list and
//! reads the flag, home writes the flag and reads the list, and unless all four accesses are sequentially consistent both
//! may read the old value, and home sleeps for ever. x86 hides that mistake most of the time. With one word, "is the list
//! empty?" and "I go to sleep" are one compare-and-swap, and no wake falls between them.

use std::ptr;

use super::header::{Header, TaskRef};
use crate::executor::driver::Unpark;
use crate::executor::primitives::{AtomicPtr, ordering};
use crate::executor::silence;

/// Home sleeps, or has returned to its host loop.
const PARKED: *mut Header = ptr::without_provenance_mut(1);
/// The executor has closed: nothing is taken any more.
const CLOSED: *mut Header = ptr::without_provenance_mut(2);

pub(super) struct Inbox {
    head: AtomicPtr<Header>,
    /// Ends home's sleep. It is kept here because a waker may be used when the executor is long gone.
    unparker: Box<dyn Unpark>,
}

/// What home took out: tasks, in the order in which they were pushed. Each is still POSTED.
pub(super) struct Batch(*mut Header);

impl Inbox {
    pub(super) fn new(unparker: Box<dyn Unpark>) -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), unparker }
    }

    /// Pushes a task, from any thread. `false`: the inbox is closed, and nothing was pushed.
    ///
    /// The caller won POSTED, or made the task with it. It holds a reference on the task or on the hub until this returns.
    #[must_use = "what was not pushed is still the caller's"]
    pub(super) fn push(&self, task: TaskRef) -> bool {
        // Ordering: a first guess, which the compare-and-swap below checks.
        let mut head = self.head.load(ordering!(push_look: Relaxed));
        loop {
            if head == CLOSED {
                return false;
            }
            let before = if head == PARKED { ptr::null_mut() } else { head };
            // SAFETY: (ALIVE) POSTED is a reference; (LINK) this thread has POSTED, so the link is its own.
            unsafe { task.away().link.with_mut(|link| *link = before) };
            // Ordering: gives the link, and the contents of a new task, to `drain` or `close`.
            match self.head.compare_exchange(head, task.as_ptr(), ordering!(push: Release)) {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        // Only the push that replaced PARKED unparks: one unpark for each sleep.
        if head == PARKED {
            self.unpark();
        }
        true
    }

    /// Ends home's sleep, or keeps home from the next one.
    pub(super) fn unpark(&self) {
        silence(|| self.unparker.unpark());
    }

    /// Home takes everything. Costs one load when the inbox is empty. Not called after `close`, which it would undo: a
    /// closed executor takes no more looks.
    #[inline]
    pub(super) fn drain(&self) -> Batch {
        // Ordering: a push that is missed here is seen at the next look.
        if self.head.load(ordering!(drain_look: Relaxed)).is_null() {
            return Batch(ptr::null_mut());
        }
        // Ordering: pairs with every `push` in the list.
        Batch::reversed(self.head.swap(ptr::null_mut(), ordering!(drain: Acquire)))
    }

    /// Home takes everything, and no push succeeds after this.
    pub(super) fn close(&self) -> Batch {
        // Ordering: pairs with every `push` in the list.
        Batch::reversed(self.head.swap(CLOSED, ordering!(close: Acquire)))
    }

    /// Home is about to sleep: from now on the next push unparks it. `false`: something was pushed, or the inbox is parked
    /// already, since a step before this run. Then do not sleep, but look, which empties it.
    ///
    /// However the sleep ends, `drain` looks at the word again.
    #[must_use]
    pub(super) fn park(&self) -> bool {
        // Ordering: nothing is read through it; the `drain` that follows each sleep takes what was pushed.
        let parked = self.head.compare_exchange(ptr::null_mut(), PARKED, ordering!(park: Relaxed));
        parked.is_ok()
    }

    /// Whether a task is in it.
    pub(super) fn has_tasks(&self) -> bool {
        // Ordering: a hint; the `drain` that follows takes what was pushed.
        let head = self.head.load(ordering!(drain_hint: Relaxed));
        !head.is_null() && head != PARKED && head != CLOSED
    }

    /// Whether nothing is taken any more.
    pub(super) fn is_closed(&self) -> bool {
        // Ordering: for a report; nothing is read through it.
        self.head.load(ordering!(closed_look: Relaxed)) == CLOSED
    }

    /// Whether the next push unparks.
    pub(super) fn is_parked(&self) -> bool {
        // Ordering: a push that is missed here has unparked, and so ends the wait that follows.
        self.head.load(ordering!(park_look: Relaxed)) == PARKED
    }
}

impl Batch {
    /// The list has the task that was pushed last first; turns were promised in the order of the pushes (F3).
    fn reversed(mut last: *mut Header) -> Self {
        let mut first = ptr::null_mut();
        if last == PARKED || last == CLOSED {
            return Self(first);
        }
        while let Some(task) = TaskRef::from_ptr(last) {
            // SAFETY: (ALIVE) POSTED is a reference; (LINK) home owns the links of what it took.
            let link = unsafe { &task.away().link };
            // SAFETY: (LINK) as above.
            let before = link.with_mut(|link| unsafe { std::mem::replace(&mut *link, first) });
            first = last;
            last = before;
        }
        Self(first)
    }
}

impl Iterator for Batch {
    type Item = TaskRef;

    fn next(&mut self) -> Option<TaskRef> {
        let task = TaskRef::from_ptr(self.0)?;
        // SAFETY: (ALIVE) POSTED is a reference; (LINK) still POSTED, so still home's. It is read before the caller clears
        // POSTED, as the link belongs to the next winner then.
        self.0 = unsafe { task.away().link.with_mut(|link| *link) };
        Some(task)
    }
}
