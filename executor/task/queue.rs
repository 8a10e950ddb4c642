//! The run queue: first in, first out.
//!
//! A `VecDeque` of pointers would do, but it grows, and growing moves everything at a moment that nobody chose. A task is
//! in the queue at most once (F1). So one link in the task itself is enough: pushing and taking are a few plain moves and
//! never allocate.

use super::header::TaskRef;
use crate::executor::primitives::HomeCell;

/// Home only. Each task in it is kept by OWED, so its pointer is good (QUEUE).
pub(super) struct RunQueue {
    head: HomeCell<Option<TaskRef>>,
    tail: HomeCell<Option<TaskRef>>,
}

impl RunQueue {
    pub(super) fn new() -> Self {
        Self { head: HomeCell::new(None), tail: HomeCell::new(None) }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// The tasks, from the head on. The queue must not change meanwhile.
    pub(super) fn iter(&self) -> impl Iterator<Item = TaskRef> {
        // SAFETY: (QUEUE) each is kept by OWED.
        let next = |task: &TaskRef| unsafe { task.home() }.next_run.get();
        std::iter::successors(self.head.get(), next)
    }

    /// Puts a task at the tail. A transition of its state has just returned [`Wake::Push`](super::state::Wake::Push), so
    /// OWED is set and the task is not in the queue.
    #[inline]
    pub(super) fn push(&self, task: TaskRef) {
        // SAFETY: (QUEUE) both are kept by OWED.
        unsafe {
            task.home().next_run.set(None);
            match self.tail.replace(Some(task)) {
                Some(last) => last.home().next_run.set(Some(task)),
                None => self.head.set(Some(task)),
            }
        }
    }

    /// Takes the task at the head. Its OWED is the caller's to clear.
    #[inline]
    pub(super) fn pop(&self) -> Option<TaskRef> {
        let task = self.head.get()?;
        // SAFETY: (QUEUE) kept by OWED.
        let next = unsafe { task.home() }.next_run.get();
        self.head.set(next);
        if next.is_none() {
            self.tail.set(None);
        }
        Some(task)
    }
}
