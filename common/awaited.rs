//! [`Awaited`]: what a task waits for, as plain data.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::time::Duration;

use crate::executor::{Id, Info};

/// How many waits are told of one task, or tasks of one wait. A task that waits for thousands of things would make a report
/// that is too long to read.
pub(crate) const TOLD: usize = 8;

/// How many tasks of one wait a report for programs has.
pub(crate) const MOST_HOLDERS: usize = 16;

/// One thing that a task waits for: which kind, where the program made it, and which task keeps it waiting, if that is known.
///
/// Its `Display` is a clause without a subject, such as "waits for the timer made at src/main.rs:3:5, due in 2s".
#[derive(Clone, Debug)]
pub struct Awaited {
    kind: &'static str,
    site: Option<&'static Location<'static>>,
    label: Option<Cow<'static, str>>,
    pub(super) detail: Detail,
    pub(super) holders: Vec<Holder>,
    pub(super) part: Option<usize>,
    pub(super) depth: usize,
    /// It is no wait itself: others are inside of it.
    is_outer: bool,
    /// It is ready, and the task has not polled it since.
    pub(super) is_unpolled: bool,
    pub(super) ended_by: EndedBy,
    /// The task may have given the future to another one.
    pub(super) may_move: bool,
}

/// Which tasks can end a wait. Futures that wait for a lock or for permits are served one after the other, so one that does not take
/// what it was granted keeps those behind it waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EndedBy {
    /// It is not known, or no task does.
    Unknown,
    /// The task that has the lock: guard and future borrow it.
    Lock,
    /// As `Lock`, but waits of this kind do not keep each other waiting, only those of other kinds do.
    Shared,
    /// As `Lock`, but the task may have given guard or future to another one.
    OwnedLock,
    /// Any task that gives permits back.
    Permits,
    /// All tasks of a set or group, when they end.
    All,
    /// Any task of a set or group, when it ends.
    Any,
    /// The task itself, by the end of another of its futures, which has waits of its own.
    Own,
}

/// What there is to say of some kinds of waits.
#[derive(Clone, Debug)]
pub(crate) enum Detail {
    Nothing,
    /// Follows the place.
    Text(String),
    /// So many tasks have not ended.
    Left(usize),
    /// So many permits are there, of so many that are needed.
    Permits {
        there: usize,
        of: usize,
    },
    /// So many futures wait, of so many that are waited for.
    Parties {
        there: usize,
        of: usize,
    },
    /// A numbered block, and the one that has not ended.
    #[cfg_attr(not(feature = "time"), allow(dead_code, reason = "no sequencer is there"))]
    Block {
        number: u64,
        running: u64,
    },
    /// When a timer is due, and how to read its clock, both in nanoseconds. `None`: never. Read before a report leaves the thread,
    /// as another may have no such clock.
    #[cfg_attr(not(feature = "time"), allow(dead_code, reason = "no timer is there"))]
    Due {
        deadline: Option<u64>,
        now: fn() -> u64,
    },
    /// In how long a timer is due, as it was read.
    DueIn(Duration),
    /// For what a socket is awaited.
    #[cfg_attr(not(feature = "net"), allow(dead_code, reason = "no socket is there"))]
    By(&'static str),
}

/// What keeps a wait waiting.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// `None`: it is not known to be a task.
    pub(crate) task: Option<Id>,
    /// For reports that leave the loop.
    pub(crate) name: Option<Box<str>>,
    pub(crate) hold: Hold,
    /// By what the task got hold of it, or is to.
    pub(crate) kind: &'static str,
    pub(crate) site: Option<&'static Location<'static>>,
    /// The task may have given it to another one.
    pub(crate) may_move: bool,
}

impl Holder {
    /// The task whose end is waited for.
    pub(super) fn of_task(task: Id) -> Self {
        let (hold, kind) = (Hold::Has, TASK);
        Self { task: Some(task), name: None, hold, kind, site: None, may_move: false }
    }
}

/// How a task keeps others waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// It has it, or is what is awaited.
    Has,
    /// It was granted, and the future it was granted to has not been polled since.
    Unpolled,
    /// It is ahead in line.
    Ahead,
}

/// The kind of a wait for a task's end.
pub(super) const TASK: &str = "task";

impl Awaited {
    /// A wait for a thing of that kind, which the program made at `site`: the two are read together, with "at" between them.
    pub(crate) fn new(kind: &'static str, site: &'static Location<'static>) -> Self {
        Self { site: Some(site), ..Self::somewhere(kind) }
    }

    /// As [`new`](Self::new), where the place is not known.
    pub(crate) fn somewhere(kind: &'static str) -> Self {
        Self {
            kind,
            site: None,
            label: None,
            detail: Detail::Nothing,
            holders: Vec::new(),
            part: None,
            depth: 0,
            is_outer: false,
            is_unpolled: false,
            ended_by: EndedBy::Unknown,
            may_move: false,
        }
    }

    /// The program has given a name to what is done meanwhile.
    pub(crate) fn named(label: Cow<'static, str>, site: &'static Location<'static>) -> Self {
        Self { label: Some(label), ..Self::outer("named", site) }
    }

    /// Not a wait: what is noted inside of it stands below it.
    pub(crate) fn outer(kind: &'static str, site: &'static Location<'static>) -> Self {
        Self { is_outer: true, ..Self::new(kind, site) }
    }

    /// A wait for the end of a task.
    pub(crate) fn for_task(task: Id) -> Self {
        Self { holders: vec![Holder::of_task(task)], ..Self::somewhere(TASK) }
    }

    pub(crate) fn with(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    pub(crate) fn ended_by(self, ended_by: EndedBy, may_move: bool) -> Self {
        Self { ended_by, may_move, ..self }
    }

    /// What it waits for, in words that [`site`](Self::site) follows: "the timer made". "task" for the end of a task, "named" for
    /// what [`Named`](crate::insight::Named) has named.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Where the program made what is waited for.
    #[must_use]
    pub fn site(&self) -> Option<&'static Location<'static>> {
        self.site
    }

    /// The task that is awaited, or has the lock, or is ahead in line; the first of [several](Self::holders). The future of `block_on`
    /// is told as task #0.
    #[must_use]
    pub fn holder(&self) -> Option<Id> {
        self.holders().next()
    }

    /// The tasks that keep it waiting, as far as they are known: all that are awaited (in a [`Dump`](crate::insight::Dump) the first 16 of
    /// a set or group), that have the lock (64 at most), or are ahead in line (8 at most). A task that has two guards of a lock comes twice.
    pub fn holders(&self) -> impl Iterator<Item = Id> {
        self.holders.iter().filter_map(|holder| holder.task)
    }

    /// The first of them, each once; and how many more keep it waiting, those too that are no tasks of this runtime.
    pub(crate) fn first_holders(&self) -> (Vec<Id>, usize) {
        let mut seen = BTreeSet::new();
        let mut tasks: Vec<Id> = self.holders().filter(|task| seen.insert(*task)).collect();
        let others = self.holders.iter().filter(|holder| holder.task.is_none()).count();
        let all = match self.detail {
            Detail::Left(left) if !self.is_unpolled => left,
            _ => tasks.len() + others,
        };
        tasks.truncate(MOST_HOLDERS);
        let more = all.saturating_sub(tasks.len());
        (tasks, more)
    }

    /// What the program has called it, by [`Named`](crate::insight::Named): the first 200 bytes at most. The waits inside follow, one [deeper](Self::depth).
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// If a future of this crate polls several others, such as [`join_all`](fn@crate::task::join_all) with more than 16: which of
    /// them waits, from 0 on.
    #[must_use]
    pub fn part(&self) -> Option<usize> {
        self.part
    }

    /// In how many named waits it is, and children of [`borrowing`](crate::task::borrowing()).
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the wait is over and the task has not polled it since: it keeps a future that was granted a lock, say, and does not
    /// await it ("futurelock").
    #[must_use]
    pub fn is_unpolled(&self) -> bool {
        self.is_unpolled
    }

    /// In how long it is due. `None`: it is no timer, or never due.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        match self.detail {
            Detail::Due { deadline, now } => deadline.map(|deadline| left(deadline, now)),
            Detail::DueIn(left) => Some(left),
            _ => None,
        }
    }

    /// The same, with the clock read, and without a number of tasks that has changed since.
    pub(super) fn read(&self) -> Self {
        let read = self.clone();
        match (&self.detail, self.due_in()) {
            (_, Some(left)) => read.with(Detail::DueIn(left)),
            (Detail::Left(_), None) => read.with(Detail::Nothing),
            _ => read,
        }
    }

    /// The task whose end is awaited.
    pub(crate) fn awaits(&self) -> Option<Id> {
        self.holder().filter(|_| self.kind == TASK)
    }

    /// Whether it waits for what was granted to another future of this task, which the task does not poll.
    pub(crate) fn is_granted_to(&self, task: Id) -> bool {
        let grants = |holder: &Holder| holder.hold == Hold::Unpolled && holder.task == Some(task);
        self.holders.iter().any(grants)
    }

    /// Takes the names of the tasks that keep it waiting from these.
    pub(crate) fn name_tasks(&mut self, names: &Names) {
        for holder in &mut self.holders {
            holder.name = holder.task.and_then(|task| names.get(&task)).cloned();
        }
    }

    /// Tasks that keep it waiting, whatever others do: until one of them goes on if it [ends with one](Self::ends_with_one),
    /// otherwise until all of them do. None if that is not known, or if it has to be known `for_certain` and is not.
    pub(crate) fn keepers(&self, for_certain: bool) -> impl Iterator<Item = Id> {
        let is_known = match self.ended_by {
            EndedBy::Permits => false,
            EndedBy::Any => self.holders.iter().all(|holder| holder.task.is_some()),
            _ => true,
        };
        let keeps = move |holder: &&Holder| {
            let is_sure = !for_certain || holder.hold != Hold::Unpolled;
            is_known && is_sure && !holder.may_move
        };
        self.holders.iter().filter(keeps).filter_map(|holder| holder.task)
    }

    /// Whether a task that has a lock keeps it waiting.
    pub(crate) fn is_for_lock(&self) -> bool {
        matches!(self.ended_by, EndedBy::Lock | EndedBy::Shared | EndedBy::OwnedLock)
    }

    /// Whether it ends when one of several tasks goes on.
    pub(crate) fn ends_with_one(&self) -> bool {
        self.ended_by == EndedBy::Any
    }

    /// Whether it ends by another future of the same task. Then what that future waits for says all.
    pub(crate) fn is_for_own_future(&self) -> bool {
        self.ended_by == EndedBy::Own
    }

    /// Whether others are inside of it.
    pub(crate) fn is_outer(&self) -> bool {
        self.is_outer
    }
}

pub(super) fn left(deadline: u64, now: fn() -> u64) -> Duration {
    Duration::from_nanos(deadline.saturating_sub(now()))
}

/// The names of the tasks that have one.
pub(crate) type Names = BTreeMap<Id, Box<str>>;

pub(crate) fn names<'a>(tasks: impl Iterator<Item = &'a Info>) -> Names {
    tasks.filter_map(|task| Some((task.id(), task.name()?.into()))).collect()
}
