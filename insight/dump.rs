//! [`Dump`]: every live task of a loop, as any thread may ask for it.
//!
//! The loop knows its tasks best, so it is asked ([`ask`](super::ask)). A loop that is stuck in a turn does not answer. Then the dump
//! is made of what the loop has written down: the [`Slab`], if the runtime has one, and the
//! pulse, which at least tells the task that has the turn. No task is polled for a dump.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::ask::{Answer, Listed, MOST, Questions, list};
use super::json;
use super::slab::{Row, Slab};
use super::waiting::{write_info, write_waits};
use crate::common::awaited::{Awaited, TOLD, names};
use crate::common::explained::current_waits;
use crate::common::notes::Waits;
use crate::executor::observe::Cause;
use crate::executor::{Hub, HubHandle, Id, Info, Sample, with_current};

/// Every live task of a runtime: what it is, how it stands, and which task awaits it.
///
/// A [`Handle`](crate::Handle) of any thread makes one by [`dump`](crate::Handle::dump), and so does the
/// [`Runtime`](crate::Runtime::dump).
///
/// The `Display` is a heading and a tree: each task stands below the task that awaits its handle. More than five tasks that stand
/// below the same one, and were spawned at the same place, share a line:
///
/// ```text
/// 1003 tasks and the future of `block_on`:
/// the future of `block_on`, called at src/main.rs:40:13, polled once, waiting
///   task #1 "server", spawned at src/main.rs:12:5, polled 1001 times, waiting; woken last by a source
/// 1000 tasks spawned at src/server.rs:77:9, waiting (#4 to #1003); polled 1 to 3 times
/// task #2, spawned at src/main.rs:14:5, polled 2 times, ready to run
/// ```
#[derive(Debug)]
pub struct Dump {
    pub(super) origin: Origin,
    /// In the order of spawning, the future of `block_on` first.
    pub(super) tasks: Vec<DumpedTask>,
    pub(super) left_out: usize,
}

/// Where a dump comes from.
#[derive(Debug)]
pub(super) enum Origin {
    Loop,
    /// The loop did not answer.
    Slab(Box<Silence>),
    Pulse(Box<Silence>),
    Ended,
}

/// A loop that gave no answer.
#[derive(Debug)]
pub(super) struct Silence {
    pub(super) why: Why,
    pub(super) sample: Sample,
    /// Of the task that has its turn.
    pub(super) name: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    /// It was silent for so long.
    Waited(Duration),
    /// Its own thread asks, between two runs.
    OwnThread,
    /// Too many threads wait for its answers.
    Crowded,
}

/// A task in a [`Dump`].
#[derive(Debug)]
pub struct DumpedTask {
    info: Info,
    awaited_by: Option<Id>,
    woken_by: Option<Cause>,
    /// `None`: not known.
    waits: Option<Vec<Awaited>>,
}

impl DumpedTask {
    /// Its id and name, where it was spawned, and how it stood. (The future of `block_on` has the id 0.)
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The task that awaits its handle, if the loop itself listed it.
    #[must_use]
    pub fn awaited_by(&self) -> Option<Id> {
        self.awaited_by
    }

    /// What it waits for, beside the tasks that it awaits. `None` if that is not known: the runtime does not note it, which it
    /// does with `Builder::report_deadlocks`, or the loop did not answer.
    #[must_use]
    pub fn waits(&self) -> Option<&[Awaited]> {
        self.waits.as_deref()
    }

    /// What woke it last, or spawned it if nothing has woken it since. `None` without `Builder::task_slab`.
    #[must_use]
    pub fn woken_by(&self) -> Option<Cause> {
        self.woken_by
    }
}

impl DumpedTask {
    /// "; waits for the timer made at src/main.rs:3:5", but with another beginning.
    pub(super) fn write_waits(&self, begin: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = self.waits().unwrap_or_default();
        for (nth, wait) in waits.iter().take(TOLD).enumerate() {
            write!(f, "{}{wait}", if nth == 0 { begin } else { "; " })?;
        }
        match waits.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// As [`Info`], and what woke it, and what it waits for.
impl fmt::Display for DumpedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.info)?;
        if let Some(by) = self.woken_by {
            write!(f, "; woken last by {by}")?;
        }
        self.write_waits("; ", f)
    }
}

impl Dump {
    /// Asks the executor of `hub`. `is_home`: this is its thread.
    pub(crate) fn take(
        hub: &HubHandle,
        questions: &Questions,
        slab: Option<&Slab>,
        is_home: bool,
        limit: Duration,
    ) -> Self {
        if HubHandle::current().as_ref() == Some(hub) {
            return with_current(|hub| Self::at_home(hub, current_waits(), slab))
                .unwrap_or_else(Self::ended);
        }
        if hub.has_closed() {
            return Self::ended();
        }
        let dump = match is_home {
            true => Self::of_silence(hub, slab, Why::OwnThread),
            false => match questions.ask(hub, limit, MOST) {
                Answer::All(listed, waits) => Self::of_loop(listed, waits, slab),
                Answer::Silent => Self::of_silence(hub, slab, Why::Waited(limit)),
                Answer::Crowded => Self::of_silence(hub, slab, Why::Crowded),
                Answer::Ended => return Self::ended(),
            },
        };
        dump.limited(hub.pulse().live, MOST)
    }

    /// On the loop's own thread, where nothing else goes on.
    pub(crate) fn at_home(hub: &Hub, waits: Option<Waits>, slab: Option<&Slab>) -> Self {
        Self::of_loop(list(hub, MOST), waits, slab).limited(hub.live() as u64, MOST)
    }

    fn ended() -> Self {
        Self::new(Origin::Ended, Vec::new())
    }

    /// With `most` tasks at most, of so many.
    pub(super) fn limited(mut self, live: u64, most: usize) -> Self {
        if self.tasks.len() >= most {
            self.tasks.truncate(most);
            let has_root = self.tasks.first().is_some_and(|task| task.info().id() == Id::ROOT);
            let listed = most - usize::from(has_root);
            self.left_out = usize::try_from(live).unwrap_or(usize::MAX).saturating_sub(listed);
        }
        self
    }

    /// Of what the loop has listed.
    pub(crate) fn of_loop(listed: Vec<Listed>, waits: Option<Waits>, slab: Option<&Slab>) -> Self {
        let (is_noted, mut waits) = (waits.is_some(), waits.unwrap_or_default());
        let names = names(listed.iter().map(|listed| &listed.task));
        waits.values_mut().flatten().for_each(|wait| wait.name_tasks(&names));
        let mut rows = slab.map(Slab::rows).unwrap_or_default();
        rows.sort_unstable_by_key(|row| row.id);
        // Awaits by a waker that leads to no task are among the waits.
        let awaits = |(by, waits): (&Id, &Vec<Awaited>)| {
            waits.iter().filter_map(Awaited::awaits).map(|task| (task, *by)).collect::<Vec<_>>()
        };
        let awaiters: HashMap<Id, Id> = waits.iter().flat_map(awaits).collect();
        let task = |Listed { task: info, awaited_by, is_awaited_elsewhere }: Listed| {
            let id = info.id();
            let noted = awaiters.get(&id).copied().filter(|_| is_awaited_elsewhere);
            let row = rows.binary_search_by_key(&id, |row| row.id);
            let woken_by = row.ok().map(|row| rows[row].woken_by);
            let mut waits = waits.remove(&id).unwrap_or_default();
            waits.retain(|wait| wait.awaits().is_none()); // the tree has the others
            let waits = is_noted.then_some(waits);
            DumpedTask { info, awaited_by: awaited_by.or(noted), woken_by, waits }
        };
        Self::new(Origin::Loop, listed.into_iter().map(task).collect())
    }

    fn of_silence(hub: &HubHandle, slab: Option<&Slab>, why: Why) -> Self {
        let sample = hub.pulse();
        let name = sample.task.and_then(|task| hub.name_of(task));
        let silence = Box::new(Silence { why, sample, name });
        let Some(slab) = slab else { return Self::new(Origin::Pulse(silence), Vec::new()) };
        let task = |row: &Row| DumpedTask {
            info: Info::new(row.id, hub.name_of(row.id), row.site, row.polls, row.state),
            awaited_by: None,
            woken_by: Some(row.woken_by),
            waits: None,
        };
        Self::new(Origin::Slab(silence), slab.rows().iter().map(task).collect())
    }

    fn new(origin: Origin, mut tasks: Vec<DumpedTask>) -> Self {
        tasks.sort_by_key(|task| task.info.id());
        Self { origin, tasks, left_out: 0 }
    }

    /// Whether the loop itself has answered. If not, it is stuck, or no run is in progress, or the runtime has ended: the heading
    /// says which, and the tasks are those that it has written down (`Builder::task_slab`), or none.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        matches!(self.origin, Origin::Loop)
    }

    /// How many live tasks it leaves out: it has a million at most.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The tasks, in the order of spawning. The future of `block_on`, while that runs, is the first.
    #[must_use]
    pub fn tasks(&self) -> &[DumpedTask] {
        &self.tasks
    }

    /// The dump as JSON: an object with `origin` (`"loop"`, `"slab"`, `"pulse"` or `"ended"`), `silence` (`null`, or how the
    /// loop stood that did not answer), `left_out` and `tasks`, an array of objects with `id`, `name`, `site`, `polls`, `state`,
    /// `woken_by`, `awaited_by` and `waits`. That is `null` if it is not known, or an array of objects with `text`, and the parts of
    /// it that [`Awaited`] has: `kind`, `site`, `label`, `depth`, `due_in_ns`, `holders` (the numbers of the first 16 tasks that keep it
    /// waiting, each once) and `more_holders` (how many more do; of a lock that many share, 64 guards are looked at).
    #[must_use]
    pub fn to_json(&self) -> String {
        let (origin, silence) = match &self.origin {
            Origin::Loop => ("loop", None),
            Origin::Slab(silence) => ("slab", Some(silence)),
            Origin::Pulse(silence) => ("pulse", Some(silence)),
            Origin::Ended => ("ended", None),
        };
        json::object(|dump| {
            dump.field("origin", origin);
            match silence {
                Some(silence) => dump.object("silence", |object| silence.write(object)),
                None => dump.field("silence", None::<bool>),
            };
            dump.field("left_out", self.left_out as u64).array("tasks", |tasks| {
                for task in &self.tasks {
                    tasks.object(|object| task.write(object));
                }
            });
        })
    }
}

impl Silence {
    fn write(&self, object: &mut json::Object<'_>) {
        let Self { why, sample, name } = self;
        let waited = if let Why::Waited(limit) = why { Some(*limit) } else { None };
        object.field("waited_ns", waited).field("is_crowded", matches!(why, Why::Crowded));
        object.field("loop", sample.stands.word());
        object.field("task", sample.task).field("name", name.as_deref());
        object.field("site", sample.site).field("live", sample.live).field("ready", sample.ready);
    }
}

impl DumpedTask {
    fn write(&self, object: &mut json::Object<'_>) {
        write_info(&self.info, object);
        object
            .field("woken_by", self.woken_by.map(|by| by.to_string()))
            .field("awaited_by", self.awaited_by);
        match &self.waits {
            Some(waits) => write_waits(waits, object),
            None => _ = object.field("waits", None::<bool>),
        }
    }
}
