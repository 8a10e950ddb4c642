//! How the executor closes: every task is dropped once, at home, and named.

use std::panic::Location;

use super::entry;
use super::header::TaskRef;
use super::hub::{Hub, free_at_home};
use super::state::Turn;
use crate::executor::observe::OBSERVED;
use crate::executor::{Info, JoinError};

impl Hub {
    /// Ends every task: closes the inbox, drops the futures in the order of spawning, resolves their handles. Returns the
    /// tasks that were lost.
    ///
    /// Destructors may do anything meanwhile, and what they spawn is dropped too.
    pub(super) fn close(&self, site: &'static Location<'static>) -> Vec<Info> {
        if self.is_closing() {
            return Vec::new();
        }
        self.set_closing();
        entry::enter_anyway(self, site, || {
            self.take_batch(self.away.inbox.close());
            let mut lost = Vec::new();
            // More than one round, as destructors may spawn, and so may the callbacks that `empty_queue` calls.
            while self.live() > 0 || self.has_ready() {
                let round = self.live_tasks();
                // All are described before the first is dropped, which may drop another's waker and so change its state.
                // SAFETY: (ALIVE) LISTED is held until the task's own turn to be dropped, below.
                lost.extend(round.iter().map(|&task| unsafe { self.describe(task) }));
                for &task in &round {
                    self.empty_queue();
                    // SAFETY: (ALIVE) as above; not in the run queue, which is empty.
                    unsafe {
                        task.home().state.begin_close();
                        self.away.pulse.show(task.home().id.get(), task.fixed().site);
                        self.cancel(task, JoinError::shutdown);
                    }
                    self.away.pulse.set_turns(self.away.pulse.turns() + 1);
                }
                self.empty_queue();
            }
            self.away.pulse.empty();
            lost
        })
    }

    /// Drains the run queue without polling. Tasks that have ended still deliver to their callbacks, and functions that
    /// other threads sent are still called.
    fn empty_queue(&self) {
        while let Some(task) = self.home.queue.pop() {
            // SAFETY: (QUEUE) OWED is held until `begin_turn` trades it for RUNNING.
            unsafe {
                let state = &task.home().state;
                match state.begin_turn(&task.away().count) {
                    Turn::Deliver => self.deliver(task),
                    Turn::Skip(fate) => free_at_home(task, fate),
                    // Not listed, so it is a function that another thread sent.
                    Turn::Poll if !state.is_listed() => self.poll::<OBSERVED>(task),
                    // Not dropped here, but in the order of spawning. If it was woken, that wake is void.
                    Turn::Poll | Turn::PollFramed | Turn::Cancel => _ = state.end_turn(),
                }
            }
        }
    }

    /// How many tasks have not ended.
    pub(crate) fn live(&self) -> usize {
        self.away.pulse.live.get() as usize
    }

    /// The tasks that have not ended, in the order of spawning.
    pub(super) fn live_tasks(&self) -> Vec<TaskRef> {
        // SAFETY: (LEAF) copies pointers.
        let mut tasks: Vec<TaskRef> = unsafe { self.home.live.with(|live| live.iter().collect()) };
        // SAFETY: (ALIVE) LISTED is held.
        tasks.sort_by_key(|task| unsafe { task.home() }.id.get());
        tasks
    }
}
