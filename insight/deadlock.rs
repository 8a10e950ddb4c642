//! Deadlock under virtual time: nothing is ready, and nothing is left that could change that.
//!
//! Under the real clock the loop cannot tell a program that waits from a program that waits for ever. A virtual clock
//! moves only when the loop moves it, so there nearly everything is known: no timer will be due, no source is awaited, no
//! job runs, no guard holds the clock, and no `Handle` is out. Then a task that has no waker left is *certain* never to go
//! on. A task that has one is only *suspected*: a thread that the runtime does not know of may have that waker, so the run
//! waits for it during a grace, in real time.

#![forbid(unsafe_code)]

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use super::exit_report::{LISTED, write_more};
use crate::executor::{Hub, Id, Info, State, with_current};

/// The grace by default.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// The run looks deadlocked. If no wake comes within the grace, it is.
pub(crate) struct Suspicion {
    since: Instant,
    grace: Duration,
    is_certain: bool,
}

impl Suspicion {
    pub(crate) fn new(grace: Duration) -> Self {
        let is_certain = with_current(Hub::is_stuck).unwrap_or_default();
        Self { since: Instant::now(), grace, is_certain }
    }

    /// How long the run still waits for a wake.
    pub(crate) fn grace(&self) -> Duration {
        if self.is_certain {
            Duration::ZERO
        } else {
            self.grace.saturating_sub(self.since.elapsed())
        }
    }

    /// Ends the run if the grace is over. `waits` gives what its tasks wait for.
    ///
    /// # Panics
    ///
    /// When the grace is over and no wake is on its way, with all that is known.
    pub(crate) fn confirm(&self, waits: impl FnOnce() -> Vec<Wait>) {
        if !self.grace().is_zero() {
            return;
        }
        if with_current(Hub::expects) == Some(false) {
            let blocked = with_current(Hub::blocked).unwrap_or_default();
            panic!("{}", self.text(&blocked, &waits()));
        }
    }

    fn text(&self, blocked: &[Blocked], waits: &[Wait]) -> String {
        let mut text = String::from(
            "deadlock: no task is ready, and under virtual time nothing is left that could wake one: \
             no timer, no source, no blocking job, no `Handle`",
        );
        let mut list = |heading: &str, is_stuck: bool| {
            let is_listed = |(task, _): &&Blocked| (task.state() == State::Stuck) == is_stuck;
            let listed: Vec<&Blocked> = blocked.iter().filter(is_listed).collect();
            if !listed.is_empty() {
                let _ = write!(text, "\n{heading}:{}", Listed { listed: &listed, blocked, waits });
            }
            !listed.is_empty()
        };
        list("for certain, as nobody holds its waker", true);
        if self.is_certain {
            list("not waited for, as the run cannot end whatever they do", false);
        } else if list("suspected, as whoever holds its waker did not use it", false) {
            text.push_str("\na thread of your own that is to wake a task");
            if !self.grace.is_zero() {
                let _ = write!(text, " after more than {:?}", self.grace);
            }
            text.push_str(" has to hold the clock: `taketurns::time::hold()`");
        }
        if blocked.is_empty() {
            text.push_str("\nthere is no task, and nobody to stop the run");
        }
        text
    }
}

/// A task, and the task that awaits its handle.
type Blocked = (Info, Option<Id>);

/// A task, and what it waits for, as far as the parts of the runtime know.
pub(crate) type Wait = (Id, String);

/// A line for each task, and no more lines than can be read.
struct Listed<'a> {
    listed: &'a [&'a Blocked],
    blocked: &'a [Blocked],
    waits: &'a [Wait],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (task, _) in self.listed.iter().take(LISTED) {
            write!(f, "\n  {task}")?;
            for (awaited, _) in self.blocked.iter().filter(|(_, by)| *by == Some(task.id())) {
                write!(f, "; awaits task {}", awaited.id())?;
            }
            for (_, what) in self.waits.iter().filter(|(id, _)| *id == task.id()) {
                write!(f, "; waits for {what}")?;
            }
        }
        write_more(self.listed.len(), f)
    }
}
