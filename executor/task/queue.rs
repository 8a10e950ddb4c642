//! The run queue: first in, first out, linked through the tasks themselves.
//!
//! A task is in it at most once (F1), so one link in its header is enough: pushing and taking are a
//! few plain moves and never allocate. A task in the queue is pinned by RUN_QUEUED, so its pointer
//! is good (QUEUE).

use super::header::TaskPtr;
use crate::executor::primitives::HomeCell;

/// Home only.
pub(super) struct RunQueue {
    head: HomeCell<Option<TaskPtr>>,
    tail: HomeCell<Option<TaskPtr>>,
}

impl RunQueue {
    pub(super) fn new() -> Self {
        Self { head: HomeCell::new(None), tail: HomeCell::new(None) }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// Counts them, one by one: nothing that happens often asks.
    pub(super) fn len(&self) -> usize {
        // SAFETY: (QUEUE) each is pinned by RUN_QUEUED.
        let next = |task: &TaskPtr| unsafe { (*task.as_ptr()).next_run.get() };
        std::iter::successors(self.head.get(), next).count()
    }

    /// The caller has just set RUN_QUEUED, and the task was not in the queue.
    #[inline]
    pub(super) fn push(&self, task: TaskPtr) {
        // SAFETY: (QUEUE) both are pinned by RUN_QUEUED.
        unsafe {
            (*task.as_ptr()).next_run.set(None);
            match self.tail.replace(Some(task)) {
                Some(last) => (*last.as_ptr()).next_run.set(Some(task)),
                None => self.head.set(Some(task)),
            }
        }
    }

    /// The task whose turn it is; its RUN_QUEUED is the caller's to clear.
    #[inline]
    pub(super) fn pop(&self) -> Option<TaskPtr> {
        let task = self.head.get()?;
        // SAFETY: (QUEUE) pinned by RUN_QUEUED.
        let next = unsafe { (*task.as_ptr()).next_run.get() };
        self.head.set(next);
        if next.is_none() {
            self.tail.set(None);
        }
        Some(task)
    }
}
