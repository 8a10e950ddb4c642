//! [`Control`]: ending a task without its output's type, at home.

use std::marker::PhantomData;

use super::header::TaskRef;
use super::hub::{Hub, free_anywhere};
use crate::executor::{Id, Reason};

/// One reference on a task of this thread, by which a group ends its children. As an
/// [`AbortHandle`](crate::executor::AbortHandle), but it stays on the executor's thread, so it need not ask where it is.
pub(crate) struct Control(TaskRef, PhantomData<*const ()>);

impl Hub {
    /// The control of the task that has its turn now, for its group to keep until the future is gone: reports do not take it for a
    /// waker. Once for a task. `None` outside of a turn.
    pub(crate) fn control_for_group(&self) -> Option<Control> {
        let control = self.current_control()?;
        // SAFETY: (ALIVE) this is a reference. At home: it is `!Send`.
        unsafe { control.0.home() }.state.set_grouped();
        Some(control)
    }

    /// The control of the task that has its turn now, for the time of a call. `None` outside of a turn.
    pub(crate) fn current_control(&self) -> Option<Control> {
        let task = self.home.running.get()?;
        // SAFETY: (ALIVE) its turn holds RUNNING. At home: this is its hub, borrowed.
        unsafe { task.add_reference_at_home() };
        Some(Control(task, PhantomData))
    }
}

impl Control {
    /// As [`JoinHandle::abort`](super::join::JoinHandle::abort).
    pub(crate) fn abort(&self) {
        // SAFETY: (ALIVE) this is a reference. At home: it is `!Send`.
        self.hub().enqueue(self.0, unsafe { self.0.home() }.state.abort());
    }

    /// As [`JoinHandle::cancel`](super::join::JoinHandle::cancel), and wakes the task even if nothing in it listens, so
    /// that its `Member` has a turn, and drops it.
    pub(crate) fn cancel(&self, reason: &Reason) {
        // SAFETY: (ALIVE) this is a reference.
        unsafe {
            self.hub().wake(self.0);
            self.hub().ask(self.0, reason);
        }
    }

    pub(crate) fn id(&self) -> Id {
        // SAFETY: (ALIVE) this is a reference. At home: it is `!Send`.
        Id(unsafe { self.0.home() }.id.get())
    }

    fn hub(&self) -> &Hub {
        // SAFETY: (ALIVE) this is a reference, and (HUB) so is the hub alive. At home: it is `!Send`.
        unsafe { self.0.fixed().hub.at_home() }
    }
}

impl Drop for Control {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: (ALIVE) the reference is this one's, given up here; at home.
        unsafe { free_anywhere(self.0, self.0.drop_reference_at_home()) };
    }
}

impl Clone for Control {
    fn clone(&self) -> Self {
        // SAFETY: (ALIVE) this is a reference. At home: it is `!Send`.
        unsafe { self.0.add_reference_at_home() };
        Self(self.0, PhantomData)
    }
}
