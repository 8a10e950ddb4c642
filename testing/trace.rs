//! [`Trace`]: which task had which turn, as a table.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::executor::{Id, Info};

/// How many turns are kept of the beginning and of the end of a long trace.
const FIRST: usize = 20;
const LAST: usize = 40;

/// The turns of one run.
#[derive(Default)]
pub(super) struct Trace {
    /// How many turns there were.
    pub(super) turns: u64,
    /// Before how many of the turns more than one task was ready.
    pub(super) choices: u64,
    first: Vec<Turn>,
    last: VecDeque<Turn>,
}

pub(super) struct Turn {
    pub(super) task: Info,
    /// Since the run began.
    pub(super) clock: Duration,
    /// The seed took it before others that were queued.
    pub(super) out_of_order: bool,
}

impl Trace {
    pub(super) fn push(&mut self, turn: Turn) {
        self.turns += 1;
        if self.first.len() < FIRST {
            self.first.push(turn);
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(turn);
    }

    fn left_out(&self) -> u64 {
        self.turns - (self.first.len() + self.last.len()) as u64
    }
}

/// One line for each turn: its number, `*` if it was out of order, the clock, the task.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7}  {:>10}  task", "turn", "clock")?;
        let mut number = 0;
        for turn in &self.first {
            number += 1;
            turn.write(number, f)?;
        }
        if self.left_out() > 0 {
            write!(f, "\n    ... {} more ...", self.left_out())?;
        }
        number += self.left_out();
        for turn in &self.last {
            number += 1;
            turn.write(number, f)?;
        }
        Ok(())
    }
}

impl Turn {
    fn write(&self, number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.out_of_order { '*' } else { ' ' };
        let clock = format!("{:?}", self.clock);
        write!(f, "\n{number:>7} {mark}{clock:>10}  {}", self.task.title())?;
        if self.task.id() != Id::ROOT {
            write!(f, ", spawned at {}", self.task.site())?;
        }
        Ok(())
    }
}
