//! [`NotedMembers`]: which tasks of a set or group are noted, for the wait for one of them, or for all.
//!
//! To note each task would do if all were spawned in runtimes that explain. But one that was spawned elsewhere may end at any
//! time, unseen. So it is counted how many are noted: only if those are all that are awaited, what keeps the wait is known.

#![forbid(unsafe_code)]

use std::cell::Cell;

use super::awaited::{Awaited, Detail, EndedBy};
use super::explained::note_member;
use super::held;
use super::noting::{Key, are_locks_noted, are_members_noted};
use crate::executor::Id;

/// How many tasks of one set or group have not ended and are noted.
#[derive(Default)]
pub(crate) struct NotedMembers(Cell<usize>);

impl NotedMembers {
    /// Whether a task that begins now is noted.
    #[inline]
    pub(crate) fn are_noted() -> bool {
        are_members_noted()
    }

    /// The task has begun, and is [noted](Self::are_noted). Which of those that are awaited at one place, the key's number says.
    pub(crate) fn add(&self, key: Key, task: Id) {
        self.0.set(self.0.get() + usize::from(note_member(key, task)));
    }

    /// A task that may be noted has ended. `key`: `None` if it is not known which.
    #[inline]
    pub(crate) fn remove(&self, key: impl FnOnce() -> Option<Key>) {
        if are_locks_noted() {
            self.forget(key);
        }
    }

    #[cold]
    #[inline(never)]
    fn forget(&self, key: impl FnOnce() -> Option<Key>) {
        let was_noted = key().is_some_and(held::forget_member);
        self.0.set(self.0.get().saturating_sub(usize::from(was_noted)));
    }

    /// The wait for the `live` tasks, for one of them or all, as `by` says.
    pub(crate) fn awaited(&self, wait: Awaited, live: usize, by: EndedBy) -> Awaited {
        let is_known = self.0.get() == live;
        wait.with(Detail::Left(live)).ended_by(if is_known { by } else { EndedBy::Unknown }, false)
    }
}
