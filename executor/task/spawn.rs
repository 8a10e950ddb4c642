//! How a task is born at home: allocated, listed, and put at the tail of the run queue.

use std::future::Future;
use std::panic::Location;

use super::cell;
use super::hub::{Hub, Note};
use super::join::JoinHandle;
use super::state;
use crate::executor::inherit::Values;

impl Hub {
    /// Spawns a task at the tail of the run queue.
    #[inline]
    pub(crate) fn spawn<F: Future + 'static>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        // SAFETY: (ENV) the future is `'static`.
        unsafe { self.spawn_borrowing(future, site) }
    }

    /// As [`spawn`](Self::spawn), of a future that may borrow.
    ///
    /// # Safety
    ///
    /// (ENV) What the future borrows outlives the executor.
    #[inline]
    pub(super) unsafe fn spawn_borrowing<F: Future>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        if self.is_closing() && !self.may_spawn_late() {
            return self.stillborn(future, site);
        }
        let id = self.next_id();
        let task = cell::new(self.birth(state::SPAWNED, id, site), future, Some(&self.home.free));
        // SAFETY: (ALIVE) just made, with LISTED set.
        unsafe { self.begin(task) };
        // SAFETY: (HANDLE) the bit is set for this handle, and (TYPED) the task is of this output.
        unsafe { JoinHandle::new(task) }
    }

    /// Destructors spawn while the executor closes. False once they have spawned too many.
    #[cold]
    fn may_spawn_late(&self) -> bool {
        let left = self.home.late_spawns.get();
        self.home.late_spawns.set(left.saturating_sub(1));
        left > 0
    }

    /// A task that has ended before it began. Its future is forgotten: dropping it might spawn again, without end.
    #[cold]
    fn stillborn<F: Future>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        std::mem::forget(future);
        let task = cell::new_ended::<F>(self.birth(state::STILLBORN, self.next_id(), site));
        // SAFETY: (HANDLE), (TYPED) as in `spawn_borrowing`.
        unsafe { JoinHandle::new(task) }
    }
}

impl<T> JoinHandle<T> {
    /// Notes what only some tasks have: a name, and values of task-locals that are in force in each turn. The task was just
    /// made.
    #[cold]
    #[inline(never)]
    pub(crate) fn note(&self, name: Option<Box<str>>, inherited: Option<Values>) {
        if self.state().is_finished() {
            return; // stillborn
        }
        self.state().set_noted();
        if inherited.is_some() {
            self.state().set_framed();
        }
        if let Some(name) = name {
            self.hub().away.names().insert(self.id().0, name);
        }
        let mut note = Note::default();
        note.frame.values = inherited;
        // SAFETY: (LEAF) keys are numbers, and this one is new.
        unsafe { self.hub().home.notes.with(|notes| notes.insert(self.id().0, note)) };
    }

    /// The task was just made, and noted.
    #[cfg(feature = "tracing")]
    #[inline]
    pub(crate) fn open_scope(&self) {
        // SAFETY: (ALIVE) HANDLE is held.
        unsafe { self.hub().open_scope(self.task()) };
    }
}
