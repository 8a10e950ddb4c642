//! [`Model`]: who has what, and who waits for what.

use std::collections::{BTreeMap, BTreeSet};

use taketurns::task::Id;

/// One thing that a task waits for.
#[derive(Clone, Debug)]
pub(crate) enum Atom {
    Lock(usize),
    Read,
    Write,
    Permit,
    Task(Id),
    /// The ends of all of them.
    All(Vec<Id>),
    /// The end of one of them, or what is known of it.
    Any(Vec<Id>),
    /// The failure of one of them, while any is left.
    Failure(Vec<Id>),
    Time,
}

#[derive(Debug)]
struct Wait {
    task: Id,
    atom: Atom,
    /// In a future that the task could give away. So it is not known that this task keeps others waiting that are behind it in line.
    is_boxed: bool,
}

#[derive(Default, Debug)]
pub(crate) struct Model {
    /// By lock, which task has it.
    locks: BTreeMap<usize, Id>,
    readers: Vec<Id>,
    writer: Option<Id>,
    /// In the order in which the waits began.
    waits: BTreeMap<u64, Wait>,
    /// How many waits have begun, and how many tasks.
    begun: u64,
    pub(crate) completed: BTreeSet<Id>,
    /// They ended before they were done.
    pub(crate) aborted: BTreeSet<Id>,
}

impl Model {
    /// The same twice, with a wait of the thread between: no task goes on. `None`: one sleeps.
    pub(crate) fn stands_at(&self) -> Option<(u64, usize)> {
        let sleeps = self.waits().any(|(_, atom)| matches!(atom, Atom::Time));
        let ended = self.completed.len() + self.aborted.len();
        (!sleeps).then_some((self.begun, ended))
    }

    pub(crate) fn begins(&mut self) {
        self.begun += 1;
    }

    pub(crate) fn waits_for(&mut self, task: Id, atom: Atom, is_boxed: bool) -> u64 {
        self.begun += 1;
        self.waits.insert(self.begun, Wait { task, atom, is_boxed });
        self.begun
    }

    pub(crate) fn goes_on(&mut self, wait: u64) {
        self.waits.remove(&wait);
    }

    pub(crate) fn takes(&mut self, task: Id, atom: &Atom) {
        match atom {
            Atom::Lock(lock) => assert_eq!(self.locks.insert(*lock, task), None),
            Atom::Read => self.readers.push(task),
            Atom::Write => assert_eq!(self.writer.replace(task), None),
            _ => {}
        }
    }

    pub(crate) fn gives_back(&mut self, task: Id, atom: &Atom) {
        match atom {
            Atom::Lock(lock) => assert_eq!(self.locks.remove(lock), Some(task)),
            Atom::Read => {
                let place = self.readers.iter().position(|reader| *reader == task).unwrap();
                self.readers.swap_remove(place);
            }
            Atom::Write => assert_eq!(self.writer.take(), Some(task)),
            _ => {}
        }
    }

    pub(crate) fn waits(&self) -> impl Iterator<Item = (Id, &Atom)> {
        self.waits.values().map(|wait| (wait.task, &wait.atom))
    }

    /// Which tasks have what is waited for.
    pub(crate) fn holders(&self, atom: &Atom) -> Vec<Id> {
        match atom {
            Atom::Lock(lock) => self.locks.get(lock).copied().into_iter().collect(),
            Atom::Read => self.writer.into_iter().collect(),
            Atom::Write => self.readers.iter().copied().chain(self.writer).collect(),
            _ => Vec::new(),
        }
    }

    /// The tasks that a wait needs. All of them have to go on, but for `Any`.
    fn keepers(&self, number: u64, atom: &Atom) -> Vec<Id> {
        let is_live = |task: &&Id| !self.completed.contains(task) && !self.aborted.contains(task);
        match atom {
            Atom::Task(task) => vec![*task],
            Atom::All(tasks) | Atom::Any(tasks) | Atom::Failure(tasks) => {
                tasks.iter().filter(is_live).copied().collect()
            }
            Atom::Read => {
                let before = self.waits.range(..number).map(|(_, wait)| wait);
                let writers =
                    before.filter(|wait| matches!(wait.atom, Atom::Write) && !wait.is_boxed);
                self.writer.into_iter().chain(writers.map(|wait| wait.task)).collect()
            }
            other => self.holders(other),
        }
    }

    fn of_task(&self, task: Id) -> impl Iterator<Item = (Vec<Id>, bool)> {
        let own = self.waits.iter().filter(move |(_, wait)| wait.task == task);
        let read = |(number, wait): (&u64, &Wait)| {
            let keepers = self.keepers(*number, &wait.atom);
            match wait.atom {
                Atom::Failure(_) if keepers.is_empty() => None,
                _ => Some((keepers, matches!(wait.atom, Atom::Any(_) | Atom::Failure(_)))),
            }
        };
        own.filter_map(read)
    }

    /// The tasks that can never go on by what other tasks do: each waits, and whatever it waits for needs one of them. (So at first all
    /// that wait count as locked, and those are taken out that do not.)
    pub(crate) fn locked(&self) -> BTreeSet<Id> {
        let mut locked: BTreeSet<Id> = self.waits().map(|(task, _)| task).collect();
        loop {
            let is_locked = |(keepers, any): (Vec<Id>, bool)| match any {
                true => !keepers.is_empty() && keepers.iter().all(|by| locked.contains(by)),
                false => keepers.iter().any(|by| locked.contains(by)),
            };
            let free = locked.iter().find(|task| !self.of_task(**task).all(is_locked)).copied();
            match free {
                Some(task) => locked.remove(&task),
                None => return locked,
            };
        }
    }

    /// The tasks that one waits for.
    pub(crate) fn blockers(&self, task: Id) -> BTreeSet<Id> {
        self.of_task(task).flat_map(|(keepers, _)| keepers).collect()
    }
}
