//! [`Deadlock`]: the report of tasks that can never go on.

#![forbid(unsafe_code)]

use std::fmt;

use super::circle::Circle;
use super::exit_report::{LISTED, write_more};
use super::json;
use super::waiting::Waiting;
use crate::common::awaited::Awaited;
use crate::executor::Info;

/// Tasks that can never go on, or that look so. What [`Builder::on_deadlock`](crate::Builder::on_deadlock) is given.
///
/// Its `Display` says what is wrong, with a line for each task and for what it waits for.
#[derive(Clone, Debug)]
pub struct Deadlock {
    finding: Finding,
    pub(super) tasks: Vec<Waiting>,
    circles: Vec<Circle>,
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// Tasks wait, and no waker of them is left: nothing but an abort can ever give them a turn. Other tasks may go on.
    Stuck,
    /// Tasks wait for each other, and as far as this crate can see for nothing else. Other tasks may go on.
    Circle,
    /// A task waits for a lock that was granted to another future, which it has polled before and not since; or tasks wait for each
    /// other by such a one. If the program has moved that future to another task, that one may still poll it: so this is suspected,
    /// and not told of a future in a box, which is moved more easily. Other tasks may go on.
    Futurelock,
    /// Nothing is left that could end the run: no waker of the future of `block_on` exists or, in `run_forever`, of any
    /// task.
    Certain,
    /// No task is ready, and nothing is left that is known to wake one. A thread of the program's own may still do so.
    Suspected,
}

impl Finding {
    fn word(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Circle => "circle",
            Self::Futurelock => "futurelock",
            Self::Certain => "certain",
            Self::Suspected => "suspected",
        }
    }
}

impl Deadlock {
    pub(super) fn new(finding: Finding, tasks: Vec<Waiting>, circles: Vec<Circle>) -> Self {
        Self { finding, tasks, circles }
    }

    /// What was found.
    #[must_use]
    pub fn finding(&self) -> Finding {
        self.finding
    }

    /// What the program can do about it: "take the locks in one order everywhere, ..". `None`: it is about no task.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        let remedy = match self.finding {
            Finding::Circle => self.circles.first()?.remedy(),
            Finding::Futurelock => {
                "await or drop that future before the task waits for something else, or `spawn` it, so that it goes on by itself"
            }
            Finding::Stuck | Finding::Certain => {
                "look for a future that was pending and kept no waker, or for what dropped its waker without a wake"
            }
            Finding::Suspected => {
                "if no thread of your own is to wake one of them, this is a deadlock; if one is, have it keep a \
                 `Handle` of the runtime meanwhile"
            }
        };
        (!self.tasks.is_empty()).then_some(remedy)
    }

    /// The tasks that it is about, each with what it waits for. The future of `block_on` has the id 0, and comes first; of
    /// a circle, the task that was spawned first does.
    pub fn tasks(&self) -> impl Iterator<Item = (&Info, &[Awaited])> {
        self.tasks.iter().map(|waiting| (&waiting.task, &waiting.waits[..]))
    }

    /// The report as JSON: an object with `finding` (`"stuck"`, `"circle"`, `"futurelock"`, `"certain"` or `"suspected"`), `text`,
    /// `remedy`, `circles`, an array of arrays of task numbers, and `tasks`, an array of objects with `id`, `name`, `site`, `polls`, `state`
    /// and `waits`, as those of a [dump](super::Dump::to_json).
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|report| {
            report.field("finding", self.finding.word()).field("text", self.to_string());
            report.field("remedy", self.remedy());
            report.array("circles", |circles| {
                for circle in &self.circles {
                    circles.array(|tasks| {
                        circle.tasks(&self.tasks).into_iter().for_each(|task| _ = tasks.item(task));
                    });
                }
            });
            report.array("tasks", |tasks| {
                for task in &self.tasks {
                    tasks.object(|object| task.write(object));
                }
            });
        })
    }

    /// Then the heading says what the circle would.
    fn is_of_one(&self) -> bool {
        let names_it = matches!(self.finding, Finding::Circle | Finding::Futurelock);
        names_it && self.circles.iter().all(Circle::is_alone)
    }

    fn heading(&self) -> &'static str {
        match self.finding {
            Finding::Stuck => "deadlock: tasks can never go on, as no waker of them is left",
            Finding::Circle if self.is_of_one() => "deadlock: a task waits for itself",
            Finding::Circle => "deadlock: tasks wait for each other",
            Finding::Futurelock if self.is_of_one() => {
                "deadlock suspected: a task waits for what was granted to a future that it has not polled since"
            }
            Finding::Futurelock => {
                "deadlock suspected: tasks wait for each other, and for what was granted to a future that \
                 no task has polled since"
            }
            Finding::Certain => {
                "deadlock: the run can never end, as nothing is left that could wake its future"
            }
            Finding::Suspected => {
                "deadlock suspected: no task is ready, and nothing is known that could wake one: \
                 no timer, no socket, no blocking job, no `Handle`"
            }
        }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.heading())?;
        let told = if self.is_of_one() { 0 } else { LISTED };
        for circle in self.circles.iter().take(told) {
            write!(f, "\n{}", circle.text(&self.tasks))?;
        }
        if self.tasks.is_empty() {
            return f.write_str("\nthere is no task, and nothing to stop the run");
        }
        self.tasks.iter().take(LISTED).try_for_each(|task| task.fmt(f))?;
        write_more(self.tasks.len(), f)?;
        match self.remedy() {
            Some(remedy) => write!(f, "\n{remedy}"),
            None => Ok(()),
        }
    }
}
