//! [`Prefix`]: a schedule that follows its seed for a number of choices, and records the turns.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;

use super::trace::{Trace, Turn};
use crate::executor::{Info, Schedule};
use crate::runtime::Shuffle;
use crate::timer::Instant;

/// A run that takes more turns than this is ended: after about a second.
pub(super) const MOST_TURNS: u64 = 1_000_000;

/// Makes the first `limit` choices as [`Order::Shuffled`](crate::Order::Shuffled) does with this seed. After them the task
/// at the head of the queue is next. If only one task is ready, there is no choice.
pub(super) struct Prefix {
    seed: Shuffle,
    limit: u64,
    trace: Rc<RefCell<Trace>>,
    began: Option<Instant>,
    /// Whether the last chosen task was not at the head of the queue.
    out_of_order: bool,
}

impl Prefix {
    pub(super) fn new(seed: u64, limit: u64, trace: Rc<RefCell<Trace>>) -> Self {
        Self { seed: Shuffle::new(seed), limit, trace, began: None, out_of_order: false }
    }
}

impl Schedule for Prefix {
    fn choose(&mut self, ready: usize) -> usize {
        let chosen = self.seed.choose(ready);
        let mut trace = self.trace.borrow_mut();
        let by_seed = trace.choices < self.limit;
        trace.choices += u64::from(ready > 1);
        self.out_of_order = by_seed && chosen > 0;
        if by_seed { chosen } else { 0 }
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
