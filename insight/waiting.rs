//! [`Waiting`]: every live task, and what it waits for.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::json;
use crate::common::awaited::{Awaited, TOLD, names};
use crate::common::explained::Explained;
use crate::executor::{Hub, Id, Info, State, with_current};

/// A task that has not ended, and what it waits for.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) task: Info,
    /// In the order in which the waits began, but the tasks that it awaits first.
    pub(crate) waits: Vec<Awaited>,
}

/// All live tasks, the future of `block_on` first, then in the order of spawning. Runs no user code, polls nothing, and is linear
/// in tasks and waits. Called at home, inside of the runtime.
pub(crate) fn waiting(explained: &Explained) -> Vec<Waiting> {
    let blocked = with_current(Hub::blocked).unwrap_or_default();
    let awaited = with_current(Hub::awaited).unwrap_or_default();
    let mut noted = explained.waits(usize::MAX);
    let names = names(blocked.iter().map(|(task, _)| task));
    let mut awaits: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for (task, by) in &awaited {
        by.iter().for_each(|by| awaits.entry(*by).or_default().push(*task));
    }
    let all = blocked.into_iter().map(|(task, _)| {
        let id = task.id();
        let mut noted = noted.remove(&id).unwrap_or_default();
        // A handle that was given up may have left a note. Then nothing awaits the task any more.
        let holds = |task| awaited.get(&task).is_some_and(|by| by.is_none_or(|by| by == id));
        noted.retain(|wait| wait.awaits().is_none_or(holds));
        let told: BTreeSet<Id> = noted.iter().filter_map(Awaited::awaits).collect();
        let awaits = awaits.remove(&id).unwrap_or_default().into_iter();
        let awaits = awaits.filter(|task| !told.contains(task)).map(Awaited::for_task);
        let mut waits: Vec<_> = awaits.chain(noted).collect();
        waits.iter_mut().for_each(|wait| wait.name_tasks(&names));
        Waiting { task, waits }
    });
    all.collect()
}

impl Waiting {
    /// The waits whose end lets the task go on. An outer one is among them if none is noted inside of it: then it
    /// waits for another crate's future.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &Awaited> {
        let polled = || self.waits.iter().filter(|wait| !wait.is_unpolled());
        let inner = polled().skip(1).map(Some).chain([None]);
        let is_leaf = |(wait, next): &(&Awaited, Option<&Awaited>)| {
            let is_empty = next.is_none_or(|next| next.depth() <= wait.depth());
            (!wait.is_outer() || is_empty) && !wait.is_for_own_future()
        };
        polled().zip(inner).filter(is_leaf).map(|(wait, _)| wait)
    }

    /// Whether, as far as its waits tell, it can go on only when one of these tasks does.
    pub(super) fn depends_on(&self, tasks: &BTreeSet<Id>) -> bool {
        let ends_with_them = |wait: &Awaited| {
            let mut keepers = wait.keepers(true).map(|task| tasks.contains(&task)).peekable();
            let is_known = keepers.peek().is_some();
            is_known
                && if wait.ends_with_one() { keepers.all(|is| is) } else { keepers.any(|is| is) }
        };
        let mut leaves = self.leaves().peekable();
        leaves.peek().is_some() && leaves.all(ends_with_them)
    }
}

/// A line for the task, and one for each of the first of its waits.
impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {}", self.task)?;
        for wait in self.waits.iter().take(TOLD) {
            write!(f, "\n    {:indent$}{wait}", "", indent = 2 * wait.depth())?;
        }
        match self.waits.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more"),
        }
    }
}

impl Waiting {
    pub(crate) fn write(&self, object: &mut json::Object<'_>) {
        write_info(&self.task, object);
        write_waits(&self.waits, object);
    }
}

/// The members that describe a task.
pub(crate) fn write_info(info: &Info, object: &mut json::Object<'_>) {
    object.field("id", info.id()).field("name", info.name()).field("site", info.site());
    let state = match info.state() {
        State::Running => "running",
        State::Ready => "ready",
        State::Waiting => "waiting",
        State::Stuck => "stuck",
    };
    object.field("polls", info.polls()).field("state", state);
}

/// The member that has the waits of a task.
pub(crate) fn write_waits(waits: &[Awaited], object: &mut json::Object<'_>) {
    object.array("waits", |array| {
        for wait in waits {
            array.object(|object| {
                let (holders, more_holders) = wait.first_holders();
                object.field("text", wait.to_string()).field("kind", wait.kind());
                object.field("site", wait.site()).field("label", wait.label());
                object.field("depth", wait.depth()).field("due_in_ns", wait.due_in());
                object.field("holders", &holders[..]).field("more_holders", more_holders);
            });
        }
    });
}
