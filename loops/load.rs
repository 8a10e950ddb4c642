//! [`Load`]: how many tasks one loop of a [`PerCore`](super::PerCore) has been sent that have not ended.

#![forbid(unsafe_code)]

use std::sync::Arc;

use crate::executor::primitives::{AtomicIsize, ordering};

/// Added when the loop ends. No loop has as many tasks, so one that has ended is never the least loaded while another runs.
const ENDED: isize = isize::MAX / 2;

/// The count of one loop. Any thread may read it: it is only a hint, which may be old by the time it is used.
pub(super) struct Load(AtomicIsize);

impl Load {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicIsize::new(0)))
    }

    /// Counts one task, until the ticket is dropped.
    pub(super) fn ticket(self: &Arc<Self>) -> Ticket {
        // Ordering: a hint; nothing is read through it.
        self.0.fetch_add(1, ordering!(load_taken: Relaxed));
        Ticket(Arc::clone(self))
    }

    /// From when this guard is dropped, the loop counts as ended.
    pub(super) fn ends(self: &Arc<Self>) -> Ends {
        Ends(Arc::clone(self))
    }

    /// How loaded the loop is, beside others.
    pub(super) fn rank(&self) -> isize {
        // Ordering: a hint; nothing is read through it.
        self.0.load(ordering!(load_look: Relaxed))
    }

    /// How many tasks have not ended.
    pub(super) fn tasks(&self) -> usize {
        let rank = self.rank();
        (if rank < ENDED { rank } else { rank - ENDED }).unsigned_abs()
    }
}

/// One task.
pub(super) struct Ticket(Arc<Load>);

impl Drop for Ticket {
    fn drop(&mut self) {
        // Ordering: a hint; nothing is read through it.
        self.0.0.fetch_sub(1, ordering!(load_given_back: Relaxed));
    }
}

/// See [`Load::ends`].
pub(super) struct Ends(Arc<Load>);

impl Drop for Ends {
    fn drop(&mut self) {
        // Ordering: a hint; nothing is read through it.
        self.0.0.fetch_add(ENDED, ordering!(load_ended: Relaxed));
    }
}
