//! [`Source`]: what makes the choices of one run, and makes them again in the next.

#![forbid(unsafe_code)]

use super::pct::Pct;
use crate::executor::{Chooser, Id};
use crate::runtime::Shuffle;

/// What makes the choices of a run: enough to run it again.
#[derive(Clone)]
pub(super) enum Source {
    /// Plain order.
    Plain,
    Uniform {
        seed: u64,
    },
    Pct {
        seed: u64,
        depth: u32,
        /// Of the first run.
        turns: u64,
    },
    /// These, and then plain order.
    List(Vec<usize>),
}

impl Source {
    pub(super) fn chooser(&self) -> Box<dyn Chooser> {
        match self {
            Self::Plain => Box::new(List(Vec::new().into_iter())),
            Self::Uniform { seed } => Box::new(Shuffle::new(*seed)),
            Self::Pct { seed, depth, turns } => Box::new(Pct::new(*seed, *depth, *turns)),
            Self::List(choices) => Box::new(List(choices.clone().into_iter())),
        }
    }
}

/// Takes its choices from a list. The task at the head of the queue is next where the list is at its end.
struct List(std::vec::IntoIter<usize>);

impl Chooser for List {
    fn choose(&mut self, ready: &[Id]) -> usize {
        if ready.len() == 1 {
            return 0; // there is no choice
        }
        // A list that was made for another body may name a task that is not there.
        self.0.next().unwrap_or(0).min(ready.len() - 1)
    }
}
