//! [`Schedule`]: the seam for tests that want another order of turns than the run queue's.

#![forbid(unsafe_code)]

use super::Info;

/// Chooses which of the ready tasks has the next turn, and is told which task that was.
pub(crate) trait Schedule {
    /// Which of the `ready` tasks in the queue, counted from 0; `ready` is not 0.
    fn choose(&mut self, ready: usize) -> usize;

    /// This task has the next turn.
    fn turn(&mut self, task: Info);
}
