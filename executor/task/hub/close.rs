//! How it ends: every task is dropped once, at home, and named.

use std::future::Future;
use std::panic::Location;

use super::{CLOSING, Hub, OPEN};
use crate::executor::task::bits::{self, Turn};
use crate::executor::task::cell;
use crate::executor::task::entry;
use crate::executor::task::header::count;
use crate::executor::task::join::JoinHandle;
use crate::executor::{Info, JoinError};

/// Destructors may spawn while the executor ends, and the destructors of what they spawn may too.
/// That many are still dropped in order; what comes after is forgotten, so that it ends.
pub(super) const LATE_SPAWNS: u32 = 100_000;

impl Hub {
    /// Ends every task: closes the inbox, drops the futures in the order of spawning, resolves their
    /// handles. Returns what was lost. Destructors may do anything; what they spawn is dropped too.
    pub(crate) fn close(&self, site: &'static Location<'static>) -> Vec<Info> {
        if self.is_ending() {
            return Vec::new();
        }
        self.count.set_pins(OPEN | CLOSING);
        entry::enter_anyway(self, site, || {
            self.take(self.inbox.close());
            let mut lost = Vec::new();
            // Destructors may spawn, and so may callbacks, which `empty_queue` calls.
            while self.live() > 0 || self.has_ready() {
                let round = self.live_tasks();
                // All are described before the first is dropped, and with it perhaps another's waker.
                // SAFETY: (ALIVE) LISTED is held until a task's own turn to be dropped, below.
                lost.extend(round.iter().map(|&task| unsafe { self.describe(task) }));
                for &task in &round {
                    self.empty_queue();
                    // SAFETY: (ALIVE) as above; not in the run queue, which is empty.
                    unsafe {
                        count(task).begin_close();
                        self.cancel(task, JoinError::shutdown);
                    }
                }
                self.empty_queue();
            }
            lost
        })
    }

    /// Drains the run queue without polling; tasks that have ended still deliver to their callbacks.
    fn empty_queue(&self) {
        while let Some(task) = self.queue.pop() {
            // SAFETY: (QUEUE) RUN_QUEUED is held until `begin_turn` trades it for RUNNING.
            unsafe {
                match count(task).begin_turn() {
                    Turn::Deliver => self.deliver(task),
                    Turn::Skip(fate) => Self::settle(task, fate),
                    // A function that another thread sent: it is called all the same.
                    Turn::Poll if !count(task).is_listed() => self.poll(task),
                    Turn::Poll | Turn::Cancel => _ = count(task).end_pending(),
                }
            }
        }
    }

    /// The executor is ending, and destructors spawn.
    #[cold]
    pub(super) fn may_spawn_late(&self) -> bool {
        let left = self.late_spawns.get();
        self.late_spawns.set(left.saturating_sub(1));
        left > 0
    }

    /// A task that ended before it began: the executor has been ending for too long.
    #[cold]
    pub(super) fn stillborn<F: Future>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        std::mem::forget(future);
        let task = cell::new_ended::<F>(self.birth(bits::STILLBORN, self.next_id(), site));
        // SAFETY: (HANDLE), (TYPED) as in `spawn`.
        unsafe { JoinHandle::new(task) }
    }
}
