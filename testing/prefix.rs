//! [`Prefix`]: a schedule that follows its chooser for a number of choices, and records the turns.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;

use super::trace::{Choice, Trace, Turn};
use crate::executor::{Chooser, Id, Info};
use crate::timer::Instant;

/// A run that takes more turns than this is ended: after about a second.
pub(super) const MOST_TURNS: u64 = 1_000_000;

/// Makes the first `limit` choices as its chooser does. After them the task at the head of the queue is next. If only one
/// task is ready, there is no choice.
pub(super) struct Prefix {
    chooser: Box<dyn Chooser>,
    limit: usize,
    trace: Rc<RefCell<Trace>>,
    began: Option<Instant>,
    /// Whether the last chosen task was not at the head of the queue.
    out_of_order: bool,
}

impl Prefix {
    pub(super) fn new(chooser: Box<dyn Chooser>, limit: usize, trace: Rc<RefCell<Trace>>) -> Self {
        Self { chooser, limit, trace, began: None, out_of_order: false }
    }
}

impl Chooser for Prefix {
    fn choose(&mut self, ready: &[Id]) -> usize {
        // Asked before every turn, though without a choice, or after the limit, its answer does not count: PCT gives each task
        // a priority when it first sees the task.
        let chosen = self.chooser.choose(ready);
        let mut trace = self.trace.borrow_mut();
        let taken = if trace.choices.len() < self.limit { chosen } else { 0 };
        if ready.len() > 1 {
            trace.choices.push(Choice { taken, ready: ready.len() });
        }
        self.out_of_order = taken > 0;
        taken
    }

    fn turn(&mut self, task: Info) {
        let mut trace = self.trace.borrow_mut();
        assert!(
            trace.turns < MOST_TURNS,
            "livelock? {MOST_TURNS} turns, and no end: a task wakes itself, or sleeps, again and again"
        );
        let clock = self.began.get_or_insert_with(Instant::now).elapsed();
        trace.push(Turn { task, clock, out_of_order: self.out_of_order });
    }
}
