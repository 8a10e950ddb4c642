//! How a [`Dump`] reads: a heading, and the tasks as a tree.
//!
//! A line for each task would do for ten tasks. A server has thousands, nearly all alike, and then the one that is not gets
//! lost between them. So siblings that are alike share a line: they were spawned at the same place, stand alike, wait for the same
//! kind of thing by the same name, and the tasks that they await are alike too. Every step here is linear in the tasks, and none
//! recurses, as tasks may await each other 100,000 deep.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;

use super::ask::ASKERS;
use super::dump::{Dump, DumpedTask, Origin, Silence, Why};
use super::stall::title_at;
use crate::executor::observe::LoopState;
use crate::executor::{Id, Info, State};

/// More siblings that are alike share a line.
const ALIKE: usize = 5;
/// The most lines that a dump has for its tasks.
const LINES: usize = 500;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Loop => f.write_str(&self.count())?,
            Origin::Slab(silence) => {
                write!(
                    f,
                    "{silence}; what it wrote down last, without what each waits for: {}",
                    self.count()
                )?;
            }
            Origin::Pulse(silence) => return silence.without_tasks(f),
            Origin::Ended => return f.write_str("the runtime has ended: it has no task"),
        }
        if self.tasks.is_empty() { Ok(()) } else { write!(f, ":{}", Tree::new(&self.tasks)) }
    }
}

impl Dump {
    /// "3 tasks and the future of `block_on`".
    fn count(&self) -> String {
        let has_root = self.tasks.first().is_some_and(|task| task.info().id() == Id::ROOT);
        let tasks = match self.tasks.len() - usize::from(has_root) {
            some if self.left_out > 0 => format!("{some} of {} tasks", some + self.left_out),
            0 => "no task".to_owned(),
            1 => "1 task".to_owned(),
            many => format!("{many} tasks"),
        };
        if has_root { tasks + " and the future of `block_on`" } else { tasks }
    }
}

/// "no answer from the loop within 1s: it is in the turn of task #3, spawned at src/main.rs:3:5".
impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Waited(limit) => write!(f, "no answer from the loop within {limit:?}: "),
            Why::OwnThread => f.write_str("no answer, as the loop's own thread asks: "),
            Why::Crowded => {
                write!(f, "not asked, as {ASKERS} threads wait for the loop's answers: ")
            }
        }?;
        let sample = &self.sample;
        match (sample.stands, sample.task, sample.site) {
            (LoopState::Outside, ..) => f.write_str("no run is in progress"),
            (LoopState::Ended, ..) => f.write_str("the runtime has ended"),
            (LoopState::Parked, ..) => f.write_str("it waits outside"),
            (LoopState::Runs, Some(id), site) => {
                write!(f, "it is in the turn of {}", title_at(id, self.name.as_deref(), site))
            }
            (LoopState::Runs, ..) => f.write_str("it is in a turn, or looks outside"),
        }
    }
}

impl Silence {
    /// What the pulse says, and how to learn more.
    fn without_tasks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (live, ready) = (self.sample.live, self.sample.ready);
        let tasks = if live == 1 { "1 task".to_owned() } else { format!("{live} tasks") };
        // If the loop does not write down which task has its turn, that one is still counted with the others.
        let is_unknown = self.sample.task.is_none() && self.sample.stands == LoopState::Runs;
        let or_running = if is_unknown { " or in a turn" } else { "" };
        write!(f, "{self}; it has {tasks}, and {ready} in the run queue{or_running}")?;
        f.write_str(" (with `Builder::task_slab` it writes down which)")
    }
}

/// Tasks by their places in the dump.
type Place = usize;

struct Tree<'a> {
    tasks: &'a [DumpedTask],
    /// Siblings that are alike, by the first of them.
    roots: Vec<Group>,
    below: Vec<Vec<Group>>,
    /// For a task at the head of a circle: the task of the circle that awaits it.
    closes_circle: Vec<Option<Id>>,
}

/// Siblings that are alike.
struct Group {
    members: Vec<Place>,
}

/// What makes siblings alike. Tasks with a name or in a circle are like no other.
#[derive(PartialEq, Eq, Hash)]
struct Kind<'a> {
    only: Option<Place>,
    site: &'static Location<'static>,
    state: u8,
    /// What it waits for, where that was made, and what the program has called it.
    waits: Vec<(&'static str, Option<&'static Location<'static>>, Option<&'a str>)>,
    /// The kinds of the groups below, and how many each has.
    below: Vec<(u32, usize)>,
}

impl<'a> Tree<'a> {
    fn new(tasks: &'a [DumpedTask]) -> Self {
        let (order, above, closes_circle) = from_the_top(tasks);
        let mut tree = Self {
            tasks,
            roots: Vec::new(),
            below: tasks.iter().map(|_| Vec::new()).collect(),
            closes_circle,
        };
        let mut kinds: HashMap<Kind<'_>, u32> = HashMap::new();
        let mut kind_of = vec![0; tasks.len()];
        let mut children: Vec<Vec<Place>> = tasks.iter().map(|_| Vec::new()).collect();
        let mut roots = Vec::new();
        // From the bottom up: what is below a task is grouped before the task itself.
        for &place in order.iter().rev() {
            let groups = tree.grouped(std::mem::take(&mut children[place]), &kind_of);
            let mut below: Vec<_> = groups
                .iter()
                .map(|group| (kind_of[group.members[0]], group.members.len()))
                .collect();
            below.sort_unstable();
            tree.below[place] = groups;
            let info = tasks[place].info();
            let is_only = info.name().is_some()
                || info.id() == Id::ROOT
                || tree.closes_circle[place].is_some();
            let (only, state) = (is_only.then_some(place), info.state() as u8);
            let next = kinds.len() as u32;
            let waits = tasks[place].waits().into_iter().flatten();
            let waits = waits.map(|wait| (wait.kind(), wait.site(), wait.label())).collect();
            let kind = Kind { only, site: info.site(), state, waits, below };
            kind_of[place] = *kinds.entry(kind).or_insert(next);
            above[place].map_or(&mut roots, |above| &mut children[above]).push(place);
        }
        tree.roots = tree.grouped(roots, &kind_of);
        tree
    }

    /// Puts siblings that are alike together if they are many. Groups stand in the order of their first tasks.
    fn grouped(&self, mut siblings: Vec<Place>, kind_of: &[u32]) -> Vec<Group> {
        siblings.sort_unstable();
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for &place in &siblings {
            *counts.entry(kind_of[place]).or_default() += 1;
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut shared: HashMap<u32, usize> = HashMap::new();
        for place in siblings {
            let kind = kind_of[place];
            if counts[&kind] <= ALIKE {
                groups.push(Group { members: vec![place] });
                continue;
            }
            let group = *shared.entry(kind).or_insert(groups.len());
            if group == groups.len() {
                groups.push(Group { members: Vec::new() });
            }
            groups[group].members.push(place);
        }
        groups
    }

    /// One line.
    fn write_group(&self, group: &Group, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.tasks[group.members[0]];
        if group.members.len() == 1 {
            write!(f, "{first}")?;
        } else {
            let members = || group.members.iter().map(|&place| self.tasks[place].info());
            let info = first.info();
            let last = self.tasks[*group.members.last().unwrap_or(&0)].info().id();
            write!(f, "{} tasks spawned at {}, ", group.members.len(), info.site())?;
            f.write_str(match info.state() {
                State::Running => "running",
                State::Ready => "ready to run",
                State::Waiting => "waiting",
                State::Stuck => "stuck: no waker of them is left",
            })?;
            write!(f, " ({} to {last}); polled ", info.id())?;
            let least = members().map(Info::polls).min().unwrap_or_default();
            let most = members().map(Info::polls).max().unwrap_or_default();
            match (least, most) {
                (0, 0) => f.write_str("never"),
                (1, 1) => f.write_str("once each"),
                _ if least == most => write!(f, "{most} times each"),
                _ => write!(f, "{least} to {most} times"),
            }?;
            first.write_waits(&format!("; each waits as {} does: ", info.id()), f)?;
            if !self.below[group.members[0]].is_empty() {
                write!(f, "; each awaits what {} does:", info.id())?;
            }
        }
        match self.closes_circle[group.members[0]] {
            Some(by) if by == first.info().id() => f.write_str("; a circle: it awaits itself"),
            Some(by) => write!(f, "; a circle: it is awaited by task {by} below"),
            None => Ok(()),
        }
    }
}

/// The places from the top down; for each the task above it, which is the one that awaits it; and where a circle was cut: above
/// its first task.
fn from_the_top(tasks: &[DumpedTask]) -> (Vec<Place>, Vec<Option<Place>>, Vec<Option<Id>>) {
    let places: HashMap<Id, Place> =
        tasks.iter().enumerate().map(|(place, task)| (task.info().id(), place)).collect();
    let awaiter = |task: &DumpedTask| task.awaited_by().and_then(|by| places.get(&by)).copied();
    let mut above: Vec<Option<Place>> = tasks.iter().map(awaiter).collect();
    let mut closes_circle = vec![None; tasks.len()];
    // Climbs from each task, and marks the tasks with the number of the climb: one that has this number again is in a circle.
    let mut climbed: Vec<Option<Place>> = vec![None; tasks.len()];
    for begin in 0..tasks.len() {
        let mut place = begin;
        while climbed[place].is_none() {
            climbed[place] = Some(begin);
            let Some(next) = above[place] else { break };
            if climbed[next] == Some(begin) {
                let mut first = next;
                let mut step = next;
                while let Some(up) = above[step].filter(|&up| up != next) {
                    first = first.min(up);
                    step = up;
                }
                closes_circle[first] = above[first].take().map(|by| tasks[by].info().id());
            }
            place = next;
        }
    }
    let mut below: Vec<Vec<Place>> = tasks.iter().map(|_| Vec::new()).collect();
    let mut order: Vec<Place> = Vec::with_capacity(tasks.len());
    for (place, above) in above.iter().enumerate() {
        above.map_or(&mut order, |above| &mut below[above]).push(place);
    }
    let mut next = 0;
    while let Some(&place) = order.get(next) {
        order.append(&mut below[place]);
        next += 1;
    }
    (order, above, closes_circle)
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Each with how deep it stands, and of how many alike it is.
        let mut left: Vec<_> = self.roots.iter().rev().map(|group| (0, 1, group)).collect();
        let (mut lines, mut told) = (0, 0);
        while let Some((depth, times, group)) = left.pop() {
            if lines == LINES {
                return write!(f, "\nand {} more tasks", self.tasks.len() - told);
            }
            lines += 1;
            write!(f, "\n{:1$}", "", 2 * depth)?;
            self.write_group(group, f)?;
            let times = times * group.members.len();
            told += times;
            let below = &self.below[group.members[0]];
            left.extend(below.iter().rev().map(|group| (depth + 1, times, group)));
        }
        Ok(())
    }
}
