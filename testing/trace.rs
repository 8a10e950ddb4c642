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
    pub(super) choices: Vec<Choice>,
    /// All turns, if they are to be compared.
    all: Option<Vec<Turn>>,
    first: Vec<Turn>,
    last: VecDeque<Turn>,
}

/// What was chosen before a turn for which more than one task was ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Which task, counted from the head of the queue and from 0.
    pub(super) taken: usize,
    /// How many were ready.
    pub(super) ready: usize,
}

#[derive(Clone)]
pub(super) struct Turn {
    pub(super) task: Info,
    /// Since the run began.
    pub(super) clock: Duration,
    /// Whether the task was not at the head of the queue: the schedule took it before others.
    pub(super) out_of_order: bool,
}

impl Trace {
    pub(super) fn new(keep_all: bool) -> Self {
        Self { all: keep_all.then(Vec::new), ..Self::default() }
    }

    pub(super) fn push(&mut self, turn: Turn) {
        self.turns += 1;
        if let Some(all) = &mut self.all {
            all.push(turn.clone());
        }
        if self.first.len() < FIRST {
            self.first.push(turn);
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(turn);
    }

    /// The first turn in which two runs differ. Both traces have all turns.
    pub(super) fn first_difference(&self, other: &Self) -> Option<Difference> {
        let (first, second) = (self.all.as_deref()?, other.all.as_deref()?);
        let is_same = |place: &usize| match (first.get(*place), second.get(*place)) {
            (Some(first), Some(second)) => first.is_like(second),
            _ => false,
        };
        let place = (0..first.len().max(second.len())).find(|place| !is_same(place))?;
        let [first, second] = [first, second].map(|turns| turns.get(place).cloned());
        Some(Difference { turn: place + 1, first, second })
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
    /// Whether both are the same task's, at the same time.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let key = |turn: &Self| (turn.task.id(), turn.task.site(), turn.clock);
        key(self) == key(other)
    }

    fn write(&self, number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.out_of_order { '*' } else { ' ' };
        let clock = format!("{:?}", self.clock);
        write!(f, "\n{number:>7} {mark}{clock:>10}  {self}")
    }
}

/// The task, and where it was spawned.
impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.task.title())?;
        if self.task.id() != Id::ROOT {
            write!(f, ", spawned at {}", self.task.site())?;
        }
        Ok(())
    }
}

/// Where two runs differ. `None`: the run had ended.
pub(super) struct Difference {
    turn: usize,
    first: Option<Turn>,
    second: Option<Turn>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "turn {} differs:", self.turn)?;
        for (run, turn) in [("first", &self.first), ("second", &self.second)] {
            match turn {
                Some(turn) => write!(f, "\n  {run} run: {turn}, at {:?}", turn.clock),
                None => write!(f, "\n  {run} run: it had ended"),
            }?;
        }
        Ok(())
    }
}
