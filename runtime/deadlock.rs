//! Deadlock under virtual time: nothing is ready, and nothing is left that could change that.
//!
//! Under the real clock nobody can tell a program that waits from one that waits for ever. Under a virtual
//! one nearly everything is known: no timer will be due, no source is awaited, no job runs, nothing holds the
//! clock, and no `Handle` is out. Then a task whose waker nobody holds is *certain* never to go on. One whose
//! waker somebody holds is *suspected* only: a plain thread may hold it, so it has a grace, in real time.

#![forbid(unsafe_code)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::parts::Parts;
use crate::executor::{Blocked, Hub, Id, State, with_current};

/// How long a thread that nobody knows of has to wake a task, unless told otherwise.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// It looks like a deadlock, and proves to be one if nothing happens.
pub(super) struct Suspicion {
    since: Instant,
    grace: Duration,
}

impl Suspicion {
    pub(super) fn new(grace: Duration) -> Self {
        let grace = if is_certain(&blocked()) { Duration::ZERO } else { grace };
        Self { since: Instant::now(), grace }
    }

    /// How long to wait for what would disprove it.
    pub(super) fn grace(&self) -> Duration {
        self.grace
    }

    /// Nothing came.
    ///
    /// # Panics
    ///
    /// When the grace is over, with all that is known.
    pub(super) fn confirm(&self, parts: &Parts) {
        if self.since.elapsed() >= self.grace {
            panic!("{}", report(&blocked(), parts, self.grace));
        }
    }
}

fn blocked() -> Vec<Blocked> {
    with_current(Hub::blocked).unwrap_or_default()
}

/// The run can never end: its future is stuck; where it has none, all tasks are.
fn is_certain(blocked: &[Blocked]) -> bool {
    let is_stuck = |blocked: &Blocked| blocked.task.state() == State::Stuck;
    match blocked.first().filter(|first| first.task.id() == Id::ROOT) {
        Some(root) => is_stuck(root),
        None => blocked.iter().all(is_stuck),
    }
}

fn report(blocked: &[Blocked], parts: &Parts, grace: Duration) -> String {
    let mut text = String::from(
        "deadlock: no task is ready, and under virtual time nothing is left that could wake one: \
         no timer, no source, no blocking job, no `Handle`",
    );
    let (certain, suspected): (Vec<_>, Vec<_>) =
        blocked.iter().partition(|blocked| blocked.task.state() == State::Stuck);
    let waits = parts.waits();
    let mut list = |heading: &str, blocked: &[&Blocked]| {
        if !blocked.is_empty() {
            let _ = write!(text, "\n{heading}");
        }
        for blocked in blocked {
            let _ = write!(text, "\n  {}", blocked.task);
            for task in &blocked.awaits {
                let _ = write!(text, "; awaits task {task}");
            }
            for (_, what) in waits.iter().filter(|(task, _)| *task == blocked.task.id()) {
                let _ = write!(text, "; waits for {what}");
            }
        }
    };
    list("for certain, as nobody holds its waker:", &certain);
    list("suspected, as whoever holds its waker did not use it:", &suspected);
    if blocked.is_empty() {
        text.push_str("\nthere is no task, and nobody to stop the run");
    }
    if !suspected.is_empty() {
        let _ = write!(
            text,
            "\na thread of your own that is to wake a task, after more than {grace:?}, has to hold the clock: \
             `taketurns::time::hold()`"
        );
    }
    text
}
