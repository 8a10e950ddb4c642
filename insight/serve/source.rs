//! [`Source`]: what the server asks of a loop. The runtime answers.
//!
//! The server runs on threads of its own and outlives a loop that is stuck. So each answer comes from what other threads may
//! read at any time, or, where the loop itself is asked, within a short limit.

#![forbid(unsafe_code)]

use std::sync::Arc;

/// What a loop can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Its numbers.
    Metrics,
    /// Its tasks, as a tree.
    Dump,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs: one JSON value.
    Json,
}

/// What a loop does at one moment.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Where it is.
    pub standing: Standing,
    /// How many turns it has begun.
    pub turns: u64,
    /// How many looks outside it has taken.
    pub looks: u64,
    /// The task whose turn it is, as reports name it, and where that was spawned. `None` where it is not known.
    pub task: Option<(String, String)>,
    /// How many tasks wait for their turn.
    pub ready: u64,
    /// How many tasks there are.
    pub live: u64,
}

impl Beat {
    /// Whether the loop has not moved since `earlier`. Its task may have: it may spawn and wake others.
    pub fn is_still(&self, earlier: &Self) -> bool {
        let place = |beat: &Self| (beat.standing, beat.turns, beat.looks);
        place(self) == place(earlier)
    }
}

/// Where a loop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In a turn, or looking outside.
    Runs,
    /// Waiting for an event.
    Waits,
    /// Between two runs: its thread does something else.
    Outside,
    /// It is no more.
    Ended,
}

/// A loop, as other threads see it. No call waits for it longer than a short limit.
pub trait Source: Send + Sync {
    /// What it does now. Never waits.
    fn beat(&self) -> Beat;

    /// The answer to a question.
    ///
    /// # Errors
    ///
    /// Why there is none, with the remedy.
    fn tell(&self, topic: Topic, form: Form) -> Result<String, String>;

    /// The tasks that nothing can wake any more: a line for each.
    ///
    /// # Errors
    ///
    /// When the loop does not answer.
    fn stuck(&self) -> Result<Vec<String>, String>;

    /// The timeline, as a page.
    ///
    /// # Errors
    ///
    /// Why there is none, with the remedy.
    fn trace(&self) -> Result<String, String>;
}

/// What [`serve`](super::serve()) takes: a [`Handle`](crate::Handle).
pub trait Served {
    /// What the server asks. `None` for the handle of a bare executor, which keeps nothing for other threads.
    #[doc(hidden)]
    fn source(&self) -> Option<Arc<dyn Source>>;
}
