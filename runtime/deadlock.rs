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
use crate::executor::{Hub, Id, Info, State, with_current};

/// How long a thread that nobody knows of has to wake a task, unless told otherwise.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// Tasks of each kind that are named.
const LISTED: usize = 50;

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

/// A task, and those whose handles it awaits.
type Blocked = (Info, Vec<Id>);

fn blocked() -> Vec<Blocked> {
    with_current(Hub::blocked).unwrap_or_default()
}

/// The run can never end: its future is stuck; where it has none, all tasks are.
fn is_certain(blocked: &[Blocked]) -> bool {
    match blocked.first().filter(|(task, _)| task.id() == Id::ROOT) {
        Some(root) => is_stuck(root),
        None => blocked.iter().all(is_stuck),
    }
}

fn is_stuck((task, _): &Blocked) -> bool {
    task.state() == State::Stuck
}

fn report(blocked: &[Blocked], parts: &Parts, grace: Duration) -> String {
    let mut text = String::from(
        "deadlock: no task is ready, and under virtual time nothing is left that could wake one: \
         no timer, no source, no blocking job, no `Handle`",
    );
    let (certain, suspected): (Vec<_>, Vec<_>) =
        blocked.iter().partition(|blocked| is_stuck(blocked));
    let waits = parts.waits();
    list(&mut text, "for certain, as nobody holds its waker:", &certain, &waits);
    list(&mut text, "suspected, as whoever holds its waker did not use it:", &suspected, &waits);
    if blocked.is_empty() {
        text.push_str("\nthere is no task, and nobody to stop the run");
    }
    if !suspected.is_empty() {
        let late =
            if grace.is_zero() { String::new() } else { format!(" after more than {grace:?}") };
        let _ = write!(
            text,
            "\na thread of your own that is to wake a task{late} has to hold the clock: \
             `taketurns::time::hold()`"
        );
    }
    text
}

/// A line for each, and no more than can be read.
fn list(text: &mut String, heading: &str, blocked: &[&Blocked], waits: &[(Id, String)]) {
    if blocked.is_empty() {
        return;
    }
    let _ = write!(text, "\n{heading}");
    for (task, awaits) in blocked.iter().take(LISTED) {
        let _ = write!(text, "\n  {task}");
        for awaited in awaits {
            let _ = write!(text, "; awaits task {awaited}");
        }
        for (_, what) in waits.iter().filter(|(id, _)| *id == task.id()) {
            let _ = write!(text, "; waits for {what}");
        }
    }
    if let more @ 1.. = blocked.len().saturating_sub(LISTED) {
        let _ = write!(text, "\n  and {more} more");
    }
}
