//! [`NotedMembers`]: which tasks of a set or group are noted, for the wait for one of them, or for all.
//!
//! To note each task would do if all were spawned in runtimes that explain. But one that was spawned elsewhere may end at any
//! time, unseen. So it is counted how many are noted: only if those are all that are awaited, what keeps the wait is known.

#![forbid(unsafe_code)]

use std::cell::Cell;

use super::awaited::{Awaited, Detail, EndedBy};
use super::explained::note_member;
use super::held;
use super::noting::Key;
use crate::executor::Id;

/// How many tasks of one set or group have not ended and are noted.
#[derive(Default)]
pub(crate) struct NotedMembers(Cell<usize>);

impl NotedMembers {
    /// The task has begun. Which of those that are awaited at one place, the key's number says.
    #[inline]
    pub(crate) fn add(&self, key: impl FnOnce() -> Key, task: Id) {
        self.0.set(self.0.get() + usize::from(note_member(key, task)));
    }

    /// It has ended.
    #[inline]
    pub(crate) fn remove(&self, key: impl FnOnce() -> Key) {
        self.0.set(self.0.get().saturating_sub(usize::from(held::forget_member(key))));
    }

    /// The wait for the `live` tasks, for one of them or all, as `by` says.
    pub(crate) fn awaited(&self, wait: Awaited, live: usize, by: EndedBy) -> Awaited {
        let is_known = self.0.get() == live;
        wait.with(Detail::Left(live)).ended_by(if is_known { by } else { EndedBy::Unknown }, false)
    }
}
