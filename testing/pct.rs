//! [`Pct`]: the ready task of the highest priority is next, and a few changes of priority come at random.

#![forbid(unsafe_code)]

use crate::executor::{Chooser, Id};
use crate::runtime::Shuffle;

/// See [`Schedule::Pct`](super::Schedule::Pct), which has the source.
///
/// A *choice* is a turn before which more than one task is ready. Priorities change at choices alone: while one task is ready,
/// a change would make no difference before the next choice. The numbers of those choices are drawn from 1 to the number of
/// *turns* of the first run. Its number of choices would be too small: a task that has turns alone in the first run, as the
/// others have ended, shares them with tasks that this schedule keeps back.
pub(super) struct Pct {
    random: Shuffle,
    /// By id.
    tasks: Vec<Option<Standing>>,
    /// At which choice the priority 1 is given, at which 2, and so on: all lower than those that tasks begin with.
    changes: Vec<u64>,
    choices: u64,
    /// The priority below all others.
    lowest: i64,
    /// How many choices a task may win before it counts as one that waits for another.
    patience: u64,
}

#[derive(Clone, Copy)]
struct Standing {
    priority: i64,
    patience: u64,
    /// How many choices the task may still win.
    left: u64,
}

impl Pct {
    /// `turns`: how many the first run had.
    pub(super) fn new(seed: u64, depth: u32, turns: u64) -> Self {
        let mut random = Shuffle::new(seed);
        let changes = (1..depth).map(|_| 1 + random.below(turns.max(1))).collect();
        let patience = turns.max(1);
        Self { random, tasks: Vec::new(), changes, choices: 0, lowest: 0, patience }
    }

    /// A task that is seen for the first time is given its priority.
    fn meet(&mut self, task: Id) {
        let place = task.0 as usize;
        if self.tasks.len() <= place {
            self.tasks.resize(place + 1, None);
        }
        if self.tasks[place].is_none() {
            let above_changes = self.changes.len() as i64 + 1;
            let priority = above_changes + (self.random.next() >> 2) as i64;
            let patience = self.patience;
            self.tasks[place] = Some(Standing { priority, patience, left: patience });
        }
    }

    fn standing(&mut self, task: Id) -> &mut Standing {
        self.tasks[task.0 as usize].as_mut().expect("each ready task was met")
    }

    /// Which of the tasks has the highest priority.
    fn highest(&mut self, ready: &[Id]) -> usize {
        // Several entries may share the id 0, and so a priority. Of equals `max_by_key` takes the last: here, by `rev`, the
        // first in the queue.
        let places = (0..ready.len()).rev();
        let highest = places.max_by_key(|&place| self.standing(ready[place]).priority);
        highest.expect("`ready` is not empty")
    }
}

impl Chooser for Pct {
    fn choose(&mut self, ready: &[Id]) -> usize {
        ready.iter().for_each(|&task| self.meet(task));
        if ready.len() == 1 {
            return 0;
        }
        self.choices += 1;
        for change in 0..self.changes.len() {
            if self.changes[change] == self.choices {
                let highest = self.highest(ready);
                self.standing(ready[highest]).priority = change as i64 + 1;
            }
        }
        loop {
            let highest = self.highest(ready);
            let lowest = self.lowest;
            let standing = self.standing(ready[highest]);
            if standing.left > 0 {
                standing.left -= 1;
                return highest;
            }
            standing.priority = lowest;
            standing.patience = (standing.patience / 2).max(1);
            standing.left = standing.patience;
            self.lowest -= 1;
        }
    }
}
