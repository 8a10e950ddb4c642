//! [`Circle`]: tasks that wait for each other.
//!
//! A naive search draws an edge from each task to each task that it waits for, and looks for a cycle. That is enough in a database,
//! where a transaction waits for one lock at a time. But a task here may wait for *any of* several things, as a `select` and
//! [`JoinSet::join_next`](crate::task::JoinSet::join_next) do. It goes on when one of them comes, so a cycle through another of them
//! proves nothing. It may also wait until *all of* several tasks have ended. Then one that cannot go on is enough.
//!
//! So the search begins with the tasks that can still go on. At first every task counts as *locked*. A task that has a wait which may
//! end without any of them (a timer, a socket, or something unknown) is not locked, and is taken away. Then those are taken away that
//! needed no more than it, and so on. What remains waits for nothing but each other, whatever else happens. (This is the reduction of a
//! resource graph: R. C. Holt, "Some deadlock properties of computer systems", 1972. If all waits are *any of*, what remains has a
//! *knot* in it.) Each task and each wait is taken away once, so the work is linear in both, but for the tables (n log n).
//!
//! Only then a cycle is searched, and only among the tasks that remain, as something that a report can tell. There is one, as each of
//! them waits for one of them, if only for itself. A cycle of several tasks says more than that, so a task's wait for itself comes last: two
//! tasks that read, and both want to write, wait each for itself and for the other.
//!
//! All waits of one task count as *any of*, those of a `join_all` too: a part of it that goes on may give back the lock that another task
//! waits for.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};

use super::exit_report::LISTED;
use super::waiting::Waiting;
use crate::common::awaited::Awaited;
use crate::executor::Id;

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

    /// What the program can do about it: by what its tasks wait for.
    pub(crate) fn remedy(&self) -> &'static str {
        let of_locks = self.0.iter().filter(|(_, wait)| wait.is_for_lock()).count();
        match of_locks {
            0 if self.is_alone() => "let the task end without waiting for itself",
            0 => {
                "let one of the tasks end without waiting for the next: a channel can tell it what it is to know"
            }
            1 if self.is_alone() => "drop the guard before the task takes the same lock again",
            all if all == self.0.len() => {
                "take the locks in one order everywhere, and none twice; or wait by `time::timeout`, and drop the guard when it is over"
            }
            _ => "drop the guard before the task awaits one that takes the same lock",
        }
    }

    /// "in a circle: task #1 waits for task #2, which waits for task #1". The lines of the tasks say what each waits for.
    pub(crate) fn text(&self, all: &[Waiting]) -> String {
        let mut titles = self.0.iter().map(|(place, _)| all[*place].task.title());
        let first = titles.next().unwrap_or_default();
        if self.is_futurelock(all) {
            return format!(
                "futurelock: {first} waits for what was granted to a future that it has not polled since"
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
enum Visit {
    No,
    /// It is on the path, at that place.
    OnPath(usize),
    Done,
}

/// The tasks that cannot go on, whatever others do: each waits, and each of its waits is for tasks of the same kind.
fn locked(all: &[Waiting], for_certain: bool) -> BTreeSet<Id> {
    let mut locked: BTreeSet<Id> = all.iter().map(|waiting| waiting.task.id()).collect();
    // Of each wait: its task, and how many tasks have to go on until it ends.
    let mut waits: Vec<(Id, usize)> = Vec::new();
    let mut keeps: BTreeMap<Id, Vec<usize>> = BTreeMap::new();
    let mut free = Vec::new();
    for waiting in all {
        let (task, before) = (waiting.task.id(), waits.len());
        for wait in waiting.leaves() {
            let (live, gone): (Vec<_>, Vec<_>) =
                wait.keepers(for_certain).partition(|task| locked.contains(task));
            let needed = match wait.ends_with_one() {
                true => usize::from(gone.is_empty()).min(live.len()),
                false => live.len(),
            };
            if needed == 0 {
                free.push(task);
            }
            live.into_iter().for_each(|by| keeps.entry(by).or_default().push(waits.len()));
            waits.push((task, needed));
        }
        if waits.len() == before {
            free.push(task);
        }
    }
    while let Some(task) = free.pop() {
        locked.remove(&task);
        for wait in keeps.remove(&task).into_iter().flatten() {
            let (task, needed) = &mut waits[wait];
            *needed = needed.saturating_sub(1);
            if *needed == 0 {
                free.push(*task);
            }
        }
    }
    locked
}

/// As [`circles`], of tasks that cannot go on, whatever others do. With each, whether that is certain: if not, it rests on a future
/// that was granted a lock, and that its task has not polled since. The program may have moved that to another task. What is certain
/// is searched by itself, so a circle that is not does not hide it.
pub(crate) fn closed_circles(all: &[Waiting]) -> Vec<(Circle, bool)> {
    let may_be_locked = locked(all, false);
    if may_be_locked.is_empty() {
        return Vec::new(); // as mostly: so the rest costs a loop nothing that is not deadlocked
    }
    let certain = locked(all, true);
    let suspected = &may_be_locked - &certain;
    let among = |tasks: &BTreeSet<Id>, for_certain| {
        let is_among = |task: &Id| tasks.contains(task);
        let targets = |wait: &Awaited| wait.keepers(for_certain).filter(is_among).collect();
        circles_among(all, &is_among, &targets).into_iter().map(move |it| (it, for_certain))
    };
    among(&certain, true).chain(among(&suspected, false)).collect()
}

/// The circles in who waits for whom, no task in two of them. Linear in tasks and waits.
pub(crate) fn circles(all: &[Waiting]) -> Vec<Circle> {
    circles_among(all, &|_| true, &|wait| wait.holders().collect())
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
        let edges = edges.filter_map(|(wait, task)| Some((wait, *places.get(&task)?)));
        let mut edges: Vec<_> = edges.collect();
        edges.sort_by_key(|(_, target)| *target == place); // that to itself comes last
        edges.into_iter()
    };
    let mut seen = vec![Visit::No; all.len()];
    let mut found = Vec::new();
    for begin in 0..all.len() {
        if seen[begin] != Visit::No || !is_among(&all[begin].task.id()) {
            continue;
        }
        // Each step of the path: a task, its edges that are left, and the wait that the path has gone on by.
        let mut path = vec![(begin, next(begin), None)];
        seen[begin] = Visit::OnPath(0);
        while let Some((place, edges, by)) = path.last_mut() {
            let Some((wait, target)) = edges.next() else {
                seen[*place] = Visit::Done;
                path.pop();
                continue;
            };
            *by = Some(wait);
            match seen[target] {
                Visit::Done => {}
                Visit::No => {
                    seen[target] = Visit::OnPath(path.len());
                    path.push((target, next(target), None));
                }
                Visit::OnPath(first) => {
                    let step = |(place, _, by): &(usize, _, Option<&Awaited>)| {
                        (*place, by.expect("the path goes on").clone())
                    };
                    let mut circle: Vec<_> = path[first..].iter().map(step).collect();
                    // It begins with its first task.
                    let least = (0..circle.len()).min_by_key(|&at| circle[at].0);
                    circle.rotate_left(least.unwrap_or_default());
                    found.push(Circle(circle));
                    // None of its tasks is in another. Those before it on the path may be.
                    path.drain(first..).for_each(|(place, ..)| seen[place] = Visit::Done);
                }
            }
        }
    }
    found
}
