//! [`Looped`]: a loop that can be asked. [`Reading`]: what it says at one moment.
//!
//! One reading of a loop cannot tell a long turn from a short one. Its watchdog can, as it reads again and again, so what
//! stands still is asked of that.

#![forbid(unsafe_code)]

use std::sync::Arc;

use super::source::{Asked, Source, Stalls};
use crate::common::round::round_down;
use crate::executor::observe::LoopState;
use crate::executor::{Sample, State};
use crate::insight::json::{Array, Object};
use crate::insight::stall::{Brief, Stall, title_at};
use crate::insight::{DumpedTask, Logged};

#[derive(Clone)]
pub(super) struct Looped {
    pub(super) number: u64,
    pub(super) name: Option<String>,
    pub(super) asked: Asked,
    /// How many servers it has.
    pub(super) servers: usize,
}

/// A loop at one moment.
pub(super) struct Reading {
    looped: Looped,
    stands: LoopState,
    sample: Sample,
    /// Of the task that has its turn.
    name: Option<Box<str>>,
    stalls: Stalls,
}

impl Looped {
    pub(super) fn read(&self) -> Reading {
        let source = &self.asked.0;
        let hub = source.hub();
        let sample = hub.pulse();
        Reading {
            looped: self.clone(),
            stands: if hub.has_closed() { LoopState::Ended } else { sample.stands },
            sample,
            name: sample.task.and_then(|task| hub.name_of(task)),
            stalls: source.stalls(&sample),
        }
    }
}

impl Reading {
    pub(super) fn source(&self) -> &Arc<dyn Source> {
        &self.looped.asked.0
    }

    /// How many tasks it has.
    pub(super) fn live(&self) -> usize {
        usize::try_from(self.sample.live).unwrap_or(usize::MAX)
    }

    /// How many waits are noted.
    pub(super) fn waits(&self) -> usize {
        usize::try_from(self.source().waits()).unwrap_or(usize::MAX)
    }

    /// `loop 2 "worker"`.
    pub(super) fn title(&self) -> String {
        match &self.looped.name {
            Some(name) => format!("loop {} {name:?}", self.looped.number),
            None => format!("loop {}", self.looped.number),
        }
    }

    /// The task that has its turn.
    fn task(&self) -> Option<String> {
        self.sample.task.map(|task| task.title(self.name.as_deref()))
    }

    /// One line, without the title.
    pub(super) fn told(&self) -> String {
        let what = match (self.stands, &self.stalls.goes_on) {
            (LoopState::Ended, _) => return "has ended".to_owned(),
            (LoopState::Runs, Some(stall)) => return format!("STUCK: {}", Brief(stall)),
            (LoopState::Runs, None) => match self.sample.task {
                Some(id) => {
                    let task = title_at(id, self.name.as_deref(), self.sample.site);
                    format!("in the turn of {task}")
                }
                None => "looks outside".to_owned(),
            },
            (LoopState::Parked, _) => "waits outside".to_owned(),
            (LoopState::Outside, _) => "is not in a run".to_owned(),
        };
        let Sample { live, ready, .. } = self.sample;
        let tasks = if live == 1 { "task" } else { "tasks" };
        let deadlocks = match self.source().deadlocks() {
            Some(reports) if !reports.is_empty() => "; see `deadlocks`",
            _ => "",
        };
        format!("{what}; {live} {tasks}, {ready} ready{deadlocks}")
    }

    pub(super) fn write(&self, object: &mut Object<'_>) {
        let Sample { turns, looks, site, ready, live, .. } = self.sample;
        object
            .field("number", self.looped.number)
            .field("name", self.looped.name.as_ref())
            .field("told", self.told())
            .field("stands", self.stands.word())
            .field("stuck_ns", self.stalls.goes_on.as_ref().map(|stall| stall.lasted))
            .field("task", self.task())
            .field("site", site)
            .field("turns", turns)
            .field("looks", looks)
            .field("ready", ready)
            .field("live", live);
    }

    /// How many stalls there were; then the one that goes on, and the last that are over.
    pub(super) fn stalls(&self) -> String {
        let Stalls { threshold, counts, goes_on, over } = &self.stalls;
        let longest = round_down(counts.longest);
        let mut lines = vec![match counts.count {
            0 => format!(
                "no stall of {threshold:?} or more (`Builder::stall_threshold` sets from when on)"
            ),
            1 => format!("1 stall of {threshold:?} or more, of {longest:?}"),
            many => format!("{many} stalls of {threshold:?} or more, of {longest:?} at most"),
        }];
        lines.extend(goes_on.as_ref().map(|stall| format!("now: {}", now(stall))));
        lines.extend(over.iter().map(ago));
        lines.join("\n")
    }

    pub(super) fn write_stalls(&self, object: &mut Object<'_>) {
        let Stalls { threshold, counts, goes_on, over } = &self.stalls;
        object
            .field("threshold_ns", *threshold)
            .field("count", counts.count)
            .field("longest_ns", counts.longest);
        match goes_on {
            None => object.field("now", None::<u64>),
            Some(stall) => object.object("now", |now| {
                now.field("text", Brief(stall).to_string()).field("remedy", stall.remedy());
            }),
        };
        object.array("over", |array| write_reports(over, array));
    }

    /// The deadlocks that were reported, and the tasks without a waker now. Those in a circle have one: another task of the circle
    /// would wake them.
    pub(super) fn deadlocks(&self) -> String {
        let mut lines = match self.source().deadlocks() {
            None => vec!["deadlocks are not reported: `Builder::report_deadlocks`".to_owned()],
            Some(none) if none.is_empty() => vec!["no deadlock was reported".to_owned()],
            Some(reports) => reports.iter().map(ago).collect(),
        };
        let (tasks, what) = match self.without_waker() {
            None => (Vec::new(), " the loop gives no answer now"),
            Some(_) if self.has_ended() => (Vec::new(), " none, as the runtime has ended"),
            Some(none) if none.is_empty() => (none, " none"),
            Some(tasks) => (tasks, ""),
        };
        lines.push(format!("tasks without a waker:{what}"));
        lines.extend(tasks.iter().map(|task| format!("  {task}")));
        lines.join("\n")
    }

    pub(super) fn write_deadlocks(&self, object: &mut Object<'_>) {
        self.write_reported(object);
        match self.without_waker() {
            None => object.field("unwakeable", None::<u64>),
            Some(tasks) => object.array("unwakeable", |array| {
                for task in &tasks {
                    array.item(task);
                }
            }),
        };
    }

    /// The deadlocks that were reported. The loop is not asked.
    pub(super) fn write_reported(&self, object: &mut Object<'_>) {
        match self.source().deadlocks() {
            None => object.field("reported", None::<u64>),
            Some(reports) => object.array("reported", |array| write_reports(&reports, array)),
        };
    }

    fn has_ended(&self) -> bool {
        self.stands == LoopState::Ended
    }

    /// The tasks of which no waker is left. `None`: the loop does not answer.
    fn without_waker(&self) -> Option<Vec<String>> {
        let dump = self.source().dump();
        let stuck = dump.tasks().iter().filter(|task| task.info().state() == State::Stuck);
        (dump.is_answered() || self.has_ended()).then(|| stuck.map(DumpedTask::to_string).collect())
    }
}

/// The stall that goes on, and what to do about it.
fn now(stall: &Stall) -> String {
    format!("{}; {}", Brief(stall), stall.remedy())
}

fn ago(Logged { ago, text, .. }: &Logged) -> String {
    format!("{} s ago: {text}", ago.as_secs())
}

fn write_reports(reports: &[Logged], array: &mut Array<'_>) {
    for Logged { ago, text, remedy } in reports {
        array.object(|object| {
            object.field("ago_ns", *ago).field("text", text).field("remedy", *remedy);
        });
    }
}
