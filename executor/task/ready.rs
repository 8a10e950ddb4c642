//! How a task becomes ready: it enters the list of live tasks, and the run queue. Apart from the hub, which only says what is there.

use super::header::TaskRef;
use super::hub::Hub;
use super::state::Wake;
use crate::executor::observe::{OBSERVED, TurnEnd};

impl Hub {
    /// Enters a new task into the list of live tasks, and puts it at the tail of the run queue.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub, with LISTED and OWED set, and not in the queue.
    #[inline]
    pub(super) unsafe fn begin(&self, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { self.list(task) };
        self.push_untold(task);
        if self.is_observed() {
            // SAFETY: (ALIVE) as the caller promised.
            unsafe {
                task.home().state.set_told();
                self.tell_spawned(task);
                self.tell_woken(task);
            }
        }
    }

    /// Enters a task into the list of live tasks.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub, with LISTED set.
    #[inline]
    pub(super) unsafe fn list(&self, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised; (LEAF) a plain move, and now and then an allocation.
        unsafe { task.home().live_place.set(self.home.live.with(|live| live.insert(task))) };
        self.away.pulse.live.add(1);
    }

    /// Puts a task at the tail of the run queue if its state has just said so.
    #[inline]
    pub(super) fn enqueue(&self, task: TaskRef, wake: Wake) {
        match wake {
            Wake::Push => self.push_untold(task),
            Wake::PushAndTell => {
                self.push_untold(task);
                // SAFETY: (QUEUE) kept by OWED.
                unsafe { self.tell_woken(task) };
            }
            Wake::Nothing => {}
        }
    }

    /// Puts a task at the tail of the run queue that is new, or has ended. OWED is set, and it is not in the queue.
    #[inline]
    pub(super) fn push(&self, task: TaskRef) {
        self.push_untold(task);
        if self.is_observed() {
            // SAFETY: (QUEUE) kept by OWED.
            unsafe {
                task.home().state.set_told();
                self.tell_woken(task);
            }
        }
    }

    /// For a task whose wake nothing is told of, or that the caller tells of.
    #[inline]
    fn push_untold(&self, task: TaskRef) {
        self.home.queue.push(task);
        self.away.pulse.count_push();
    }

    /// As [`enqueue`](Self::enqueue), at the end of the task's turn: a task that is to be pushed has woken itself.
    #[inline]
    pub(super) fn enqueue_again<const SEEN: u8>(&self, task: TaskRef, wake: Wake) {
        if wake == Wake::Push {
            if SEEN == OBSERVED {
                self.home.turn_end.set(TurnEnd::Yields);
            }
            self.push_untold(task);
        }
    }

    /// Wakes a task: it enters the run queue, unless it is owed a turn already.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub.
    #[inline]
    pub(super) unsafe fn wake(&self, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised.
        self.enqueue(task, unsafe { task.home() }.state.wake());
    }

    /// Gives a task that has ended a turn to call the callbacks that were added since.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub that has ended.
    pub(super) unsafe fn wake_to_deliver(&self, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised.
        if unsafe { task.home() }.state.owe_delivery() == Wake::Push {
            self.push(task);
        }
    }
}
