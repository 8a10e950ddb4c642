//! [`Waiting`]: every live task, and what it waits for; and which tasks wait for each other.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::exit_report::LISTED;
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
    let elsewhere = with_current(Hub::awaited_elsewhere).unwrap_or_default();
    let mut noted = explained.waits();
    let names = names(blocked.iter().map(|(task, _)| task));
    let mut awaits: BTreeMap<Id, Vec<Awaited>> = BTreeMap::new();
    for (task, awaiter) in &blocked {
        if let Some(awaiter) = awaiter {
            awaits.entry(*awaiter).or_default().push(Awaited::for_task(task.id()));
        }
    }
    let all = blocked.into_iter().map(|(task, _)| {
        let mut waits = awaits.remove(&task.id()).unwrap_or_default();
        let noted = noted.remove(&task.id()).unwrap_or_default().into_iter();
        // A handle that was given up may have left a note. Then nothing awaits the task any more.
        waits.extend(
            noted.filter(|wait| wait.awaits().is_none_or(|task| elsewhere.contains(&task))),
        );
        waits.iter_mut().for_each(|wait| wait.name_tasks(&names));
        Waiting { task, waits }
    });
    all.collect()
}

impl Waiting {
    /// The waits whose end lets the task go on. A named wait is one if nothing is known inside of it: then it waits for another
    /// crate's future.
    fn leaves(&self) -> impl Iterator<Item = &Awaited> {
        let inner = self.waits.iter().skip(1).map(Some).chain([None]);
        let is_leaf = |(wait, next): &(&Awaited, Option<&Awaited>)| {
            let is_empty = next.is_none_or(|next| next.depth() <= wait.depth());
            !wait.is_unpolled() && (wait.label().is_none() || is_empty)
        };
        self.waits.iter().zip(inner).filter(is_leaf).map(|(wait, _)| wait)
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
                object.field("text", wait.to_string()).field("kind", wait.kind());
                object.field("site", wait.site()).field("label", wait.label());
                object.field("depth", wait.depth()).field("holder", wait.holder());
                object.field("due_in_ns", wait.due_in());
            });
        }
    });
}

/// Tasks of which each waits for the next, and the last for the first: by their places in a list, with the wait of each.
#[derive(Clone, Debug)]
pub(crate) struct Circle(Vec<(usize, Awaited)>);

impl Circle {
    /// Which tasks are in it.
    pub(crate) fn tasks(&self, all: &[Waiting]) -> BTreeSet<Id> {
        self.0.iter().map(|(place, _)| all[*place].task.id()).collect()
    }

    /// Its tasks alone, and the circle in these.
    pub(crate) fn alone(&self, all: &[Waiting]) -> (Vec<Waiting>, Self) {
        let tasks = self.0.iter().map(|(place, _)| all[*place].clone()).collect();
        let waits = self.0.iter().map(|(_, wait)| wait.clone()).enumerate().collect();
        (tasks, Self(waits))
    }

    /// Whether it is a task that waits for what was granted to a future of its own, which it does not poll.
    pub(crate) fn is_futurelock(&self, all: &[Waiting]) -> bool {
        matches!(&self.0[..], [(place, wait)] if wait.is_granted_to(all[*place].task.id()))
    }

    /// Whether it is one task, which waits for itself.
    pub(crate) fn is_alone(&self) -> bool {
        self.0.len() == 1
    }

    /// "in a circle: task #1 waits for task #2, which waits for task #1". By what they wait, their own lines say.
    pub(crate) fn text(&self, all: &[Waiting]) -> String {
        let mut titles = self.0.iter().map(|(place, _)| all[*place].task.title());
        let first = titles.next().unwrap_or_default();
        if self.is_futurelock(all) {
            return format!(
                "futurelock: {first} waits for what was granted to a future that it does not poll"
            );
        }
        if self.is_alone() {
            return format!("{first} waits for itself");
        }
        let back = std::iter::once(all[self.0[0].0].task.id().title(None));
        let left_out = self.0.len().saturating_sub(LISTED);
        let more = (left_out > 0).then(|| format!("{left_out} more tasks"));
        let rest: Vec<_> = titles.take(LISTED - 1).chain(more).chain(back).collect();
        format!("in a circle: {first} waits for {}", rest.join(", which waits for "))
    }
}

/// How far the search has come with a task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    /// It is on the path, at that place.
    OnPath(usize),
    Done,
}

/// The tasks that cannot go on, whatever others do: each has waits, and of each of these the end needs a task of the same kind. So a
/// task that awaits several at once is one of them if all of these are. Linear in tasks and waits.
fn locked(all: &[Waiting]) -> BTreeSet<Id> {
    let mut locked: BTreeSet<Id> = all.iter().map(|waiting| waiting.task.id()).collect();
    let mut keeps: BTreeMap<Id, Vec<(Id, usize)>> = BTreeMap::new();
    let mut keepers: BTreeMap<(Id, usize), usize> = BTreeMap::new();
    let mut free = Vec::new();
    for waiting in all {
        let (task, mut waits) = (waiting.task.id(), 0);
        for wait in waiting.leaves() {
            waits += 1;
            let by: Vec<_> = wait.keepers().filter(|task| locked.contains(task)).collect();
            if by.is_empty() {
                free.push(task);
            }
            keepers.insert((task, waits), by.len());
            by.into_iter().for_each(|by| keeps.entry(by).or_default().push((task, waits)));
        }
        if waits == 0 {
            free.push(task);
        }
    }
    while let Some(task) = free.pop() {
        locked.remove(&task);
        for wait in keeps.remove(&task).into_iter().flatten() {
            let left = keepers.entry(wait).or_default();
            *left -= 1;
            if *left == 0 {
                free.push(wait.0);
            }
        }
    }
    locked
}

/// As [`circles`], of tasks that cannot go on, whatever others do.
pub(crate) fn closed_circles(all: &[Waiting]) -> Vec<Circle> {
    let locked = locked(all);
    let is_locked = |task: &Id| locked.contains(task);
    circles_among(all, &is_locked, &|wait| wait.keepers().filter(is_locked).collect())
}

/// The circles in who waits for whom, no task in two of them. Linear in tasks and waits.
pub(crate) fn circles(all: &[Waiting]) -> Vec<Circle> {
    circles_among(all, &|_| true, &|wait| wait.tasks().collect())
}

fn circles_among(
    all: &[Waiting],
    is_among: &dyn Fn(&Id) -> bool,
    targets: &dyn Fn(&Awaited) -> Vec<Id>,
) -> Vec<Circle> {
    let places: BTreeMap<Id, usize> =
        all.iter().enumerate().map(|(place, waiting)| (waiting.task.id(), place)).collect();
    let next = |place: usize| {
        let edges = all[place]
            .waits
            .iter()
            .flat_map(move |wait| targets(wait).into_iter().map(move |task| (wait, task)));
        edges.filter_map(|(wait, task)| Some((wait, *places.get(&task)?)))
    };
    let mut seen = vec![Seen::No; all.len()];
    let mut found = Vec::new();
    for begin in 0..all.len() {
        if seen[begin] != Seen::No || !is_among(&all[begin].task.id()) {
            continue;
        }
        // Each step of the path: a task, its edges that are left, and the wait that the path has gone on by.
        let mut path = vec![(begin, next(begin).collect::<Vec<_>>().into_iter(), None)];
        seen[begin] = Seen::OnPath(0);
        while let Some((place, edges, by)) = path.last_mut() {
            let Some((wait, target)) = edges.next() else {
                seen[*place] = Seen::Done;
                path.pop();
                continue;
            };
            *by = Some(wait);
            match seen[target] {
                Seen::Done => {}
                Seen::No => {
                    seen[target] = Seen::OnPath(path.len());
                    path.push((target, next(target).collect::<Vec<_>>().into_iter(), None));
                }
                Seen::OnPath(first) => {
                    let step = |(place, _, by): &(usize, _, Option<&Awaited>)| {
                        (*place, by.expect("the path goes on").clone())
                    };
                    let mut circle: Vec<_> = path[first..].iter().map(step).collect();
                    // It begins with its first task.
                    let least = (0..circle.len()).min_by_key(|&at| circle[at].0);
                    circle.rotate_left(least.unwrap_or_default());
                    found.push(Circle(circle));
                    // None of its tasks is in another.
                    path.iter().for_each(|(place, ..)| seen[*place] = Seen::Done);
                    path.clear();
                }
            }
        }
    }
    found
}
