//! [`Chooser`]: the seam for tests that want another order of turns than the run queue's.

#![forbid(unsafe_code)]

use super::{Id, Info};

/// Chooses which of the ready tasks has the next turn, and is told which task that was.
pub(crate) trait Chooser {
    /// Which of the tasks in the queue, counted from its head and from 0. `ready` has their ids, and is not empty. The future
    /// of `block_on` and functions that other threads sent share the id 0.
    fn choose(&mut self, ready: &[Id]) -> usize;

    /// This task has the next turn.
    fn turn(&mut self, _task: Info) {}
}
