//! [`Looped`]: one loop as the server sees it, and for how long it has stood still.
//!
//! One reading of a loop cannot tell a long turn from a short one. So each loop is read twice a second, and what did not change
//! between two readings stood still in between. It is only read, so a loop that is busy or parked does not notice it.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::source::{Beat, Form, Source, Standing};
use crate::insight::json::{self, Object};

/// How often a loop is read.
pub(super) const EVERY: Duration = Duration::from_millis(500);

/// A turn that is longer is called stuck.
const LONG: Duration = Duration::from_secs(1);

/// How many stalls are kept of a loop.
const KEPT: usize = 50;

#[derive(Clone)]
pub(super) struct Looped {
    pub(super) number: u64,
    name: Option<String>,
    pub(super) source: Arc<dyn Source>,
    beat: Beat,
    /// When that was read.
    read: Instant,
    /// For how long the loop was seen to stand still.
    still: Duration,
    /// The stalls that are over: when they were, and what they were. The oldest go first.
    stalls: VecDeque<(Instant, String)>,
}

impl Looped {
    pub(super) fn new(number: u64, name: Option<String>, source: Arc<dyn Source>) -> Self {
        let (beat, read) = (source.beat(), Instant::now());
        let (still, stalls) = (Duration::ZERO, VecDeque::new());
        Self { number, name, source, beat, read, still, stalls }
    }

    /// Reads it anew.
    pub(super) fn read(&mut self) {
        let (beat, now) = (self.source.beat(), Instant::now());
        let gap = now - self.read;
        if !beat.is_still(&self.beat) {
            if self.is_stuck() {
                self.stalls.push_back((now, self.stall("took")));
                self.stalls.drain(..self.stalls.len().saturating_sub(KEPT));
            }
            self.still = Duration::ZERO;
        } else if gap < 2 * EVERY {
            self.still += gap;
        } // otherwise the whole process was stopped, and the loop with it
        (self.beat, self.read) = (beat, now);
    }

    fn is_stuck(&self) -> bool {
        self.beat.standing == Standing::Runs && self.still >= LONG
    }

    /// `a turn of task #3 "name" (src/main.rs:3:5)`.
    fn turn(&self) -> String {
        match &self.beat.task {
            Some((task, site)) => format!("a turn of {task} ({site})"),
            None => "a look, which calls wakers and destructors".to_owned(),
        }
    }

    /// The stall that "has taken" or, now that it is over, "took" so long.
    fn stall(&self, verb: &str) -> String {
        format!("{} {verb} at least {:.1} s", self.turn(), self.still.as_secs_f64())
    }

    /// `loop 2 "worker"`.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("loop {} {name:?}", self.number),
            None => format!("loop {}", self.number),
        }
    }

    /// One line, without the title.
    pub(super) fn told(&self) -> String {
        let mut text = match self.beat.standing {
            Standing::Runs if self.is_stuck() => {
                format!("STUCK for at least {:.1} s, in {}", self.still.as_secs_f64(), self.turn())
            }
            Standing::Runs if self.beat.task.is_none() => "looks outside".to_owned(),
            Standing::Runs => format!("in {}", self.turn()),
            Standing::Waits => "waits".to_owned(),
            Standing::Outside => "is not run now".to_owned(),
            Standing::Ended => return "has ended".to_owned(),
        };
        let tasks = if self.beat.live == 1 { "task" } else { "tasks" };
        let _ = write!(text, "; {} {tasks}, {} ready", self.beat.live, self.beat.ready);
        text
    }

    pub(super) fn write(&self, object: &mut Object<'_>) {
        let Beat { standing, turns, looks, task, ready, live } = &self.beat;
        let standing = match standing {
            Standing::Runs => "runs",
            Standing::Waits => "waits",
            Standing::Outside => "outside",
            Standing::Ended => "ended",
        };
        object
            .field("number", self.number)
            .field("name", self.name.as_ref())
            .field("told", self.told())
            .field("standing", standing)
            .field("is_stuck", self.is_stuck())
            .field("still_ms", u64::try_from(self.still.as_millis()).unwrap_or(u64::MAX))
            .field("task", task.as_ref().map(|(task, _)| task))
            .field("site", task.as_ref().map(|(_, site)| site))
            .field("turns", turns)
            .field("looks", looks)
            .field("ready", ready)
            .field("live", live);
    }

    /// The stalls that are kept, the newest first; before them the one that goes on.
    pub(super) fn stalls(&self, form: Form) -> String {
        let goes_on = self.is_stuck().then(|| (Duration::ZERO, self.stall("has taken")));
        let over = self.stalls.iter().rev().map(|(when, text)| (when.elapsed(), text.clone()));
        let all = goes_on.into_iter().chain(over);
        match form {
            Form::Json => json::array(|array| {
                for (ago, text) in all {
                    let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
                    array.object(|object| {
                        object.field("ago_ms", ago).field("text", text);
                    });
                }
            }),
            Form::Text => {
                let lines: Vec<_> = all
                    .map(|(ago, text)| match ago.as_secs() {
                        _ if ago.is_zero() => format!("now: {text}"),
                        ago => format!("{ago} s ago: {text}"),
                    })
                    .collect();
                if lines.is_empty() { "no stall of 1 s or more".into() } else { lines.join("\n") }
            }
        }
    }
}
