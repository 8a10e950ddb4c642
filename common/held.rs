//! [`Taken`]: which task has which lock, as a lock itself does not know.
//!
//! A table in each runtime would do if a lock were always given back where it was taken. But a guard may be dropped by another task,
//! between two runs, or in a run of another runtime. So the table is the thread's, which no guard leaves. And what several
//! tasks may have at once has a number, which the guard carries: so it is this guard's task that is taken out, whichever task drops it.
//!
//! Nothing is noted of a lock that is taken in a runtime which does not explain.
//!
//! The tasks of a set or group are here too, as what keeps those waiting that wait for the set or group: [`note_member`].

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::RangeInclusive;

use super::awaited::Holder;
use super::noting::{Key, are_locks_noted, set_locks_noted};
use crate::executor::Id;

thread_local! {
    static HELD: RefCell<Held> = const { RefCell::new(Held { locks: BTreeMap::new(), last: 0 }) };
}

struct Held {
    /// By the address of the line of futures that wait for the lock, and the number of what was taken. Of a set or group by the
    /// address of its awaiter, and the number of the task there.
    locks: BTreeMap<(usize, u64), (Owner, Holder)>,
    last: u64,
}

/// The runtime whose task it is. Two runtimes have tasks of the same id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Owner(u64);

/// Of a number that tasks of two runtimes have in one group. The end of one does not say whether the other has ended, so it stays
/// as a task that is not known, until the group is gone.
const SEVERAL: Owner = Owner(u64::MAX);

impl Owner {
    pub(super) fn new() -> Self {
        Self(with_held(Held::next).unwrap_or_default())
    }
}

impl Held {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn forget(&mut self, line: Key) {
        while let Some(number) = self.first(line) {
            self.locks.remove(&(line.0, number));
        }
    }

    fn line(&self, line: Key) -> impl Iterator<Item = (&(usize, u64), &(Owner, Holder))> {
        self.locks.range(places(line))
    }

    fn first(&self, line: Key) -> Option<u64> {
        self.line(line).next().map(|((_, number), _)| *number)
    }
}

fn places(line: Key) -> RangeInclusive<(usize, u64)> {
    (line.0, 0)..=(line.0, u64::MAX)
}

/// `f` runs no user code. `None`: the thread ends.
fn with_held<R>(f: impl FnOnce(&mut Held) -> R) -> Option<R> {
    HELD.try_with(|held| f(&mut held.borrow_mut())).ok()
}

/// What was taken, for [`Taken::give_back`]. Zero if that was not noted.
#[derive(Clone, Copy)]
pub(crate) struct Taken(u64);

/// The task that has its turn takes a lock, whose line of futures has this key. `is_alone`: no other has it, whatever is noted of
/// a guard that was forgotten.
#[cold]
#[inline(never)]
pub(super) fn note(owner: Owner, line: Key, is_alone: bool, holder: Holder) -> Taken {
    let number = with_held(|held| {
        if is_alone {
            held.forget(line);
        }
        let number = held.next();
        held.locks.insert((line.0, number), (owner, holder));
        number
    });
    set_locks_noted(number.is_some());
    Taken(number.unwrap_or_default())
}

/// A task is one of those whose ends are waited for at this key's place. Which of them, the key's number says. `None`: its runtime
/// does not explain. Returns whether it is noted.
pub(super) fn note_member(owner: Option<Owner>, key: Key, task: Id) -> bool {
    let member = Holder { task: owner.map(|_| task), ..Holder::of_task(task) };
    let is_noted = with_held(|held| match held.locks.entry(key.place()) {
        Entry::Vacant(place) => {
            place.insert((owner.unwrap_or(Owner(0)), member));
            true
        }
        Entry::Occupied(mut place) => {
            place.insert((SEVERAL, Holder { task: None, ..member }));
            false
        }
    });
    set_locks_noted(is_noted.is_some());
    is_noted == Some(true)
}

/// It has ended. Returns whether it was noted.
pub(super) fn forget_member(key: Key) -> bool {
    let mut was_noted = false;
    give_back(|held| {
        let is_of_several = |(owner, _): &(Owner, Holder)| *owner == SEVERAL;
        if !held.locks.get(&key.place()).is_some_and(is_of_several) {
            was_noted = held.locks.remove(&key.place()).is_some();
        }
    });
    was_noted
}

impl Taken {
    pub(crate) const NOT_NOTED: Taken = Taken(0);

    /// A lock that no more than one has at a time is one of this kind now.
    #[inline]
    pub(crate) fn go_on(line: impl FnOnce() -> Key, kind: &'static str) -> Self {
        if !are_locks_noted() {
            return Self::NOT_NOTED;
        }
        let number = with_held(|held| {
            let (place, (_, holder)) = held.locks.range_mut(places(line())).next()?;
            holder.kind = kind;
            Some(place.1)
        });
        Self(number.flatten().unwrap_or_default())
    }

    #[inline]
    pub(crate) fn give_back(self, line: impl FnOnce() -> Key) {
        if self.0 != 0 {
            give_back(|held| _ = held.locks.remove(&(line().0, self.0)));
        }
    }
}

/// A lock that no more than one has at a time is given back; or nothing waits any more for the tasks that were noted by
/// [`note_member`].
#[inline]
pub(crate) fn gave_back(line: impl FnOnce() -> Key) {
    if are_locks_noted() {
        give_back(|held| held.forget(line()));
    }
}

#[cold]
#[inline(never)]
fn give_back(remove: impl FnOnce(&mut Held)) {
    let is_empty = with_held(|held| {
        remove(held);
        held.locks.is_empty()
    });
    set_locks_noted(is_empty == Some(false));
}

/// The first of the tasks that have the lock whose line this wait is in. A task of another runtime is told without its id.
pub(super) fn holders(owner: Owner, wait: Key, at_most: usize) -> Vec<Holder> {
    let here = |(of, holder): &(Owner, Holder)| {
        let task = holder.task.filter(|_| *of == owner);
        Holder { task, ..holder.clone() }
    };
    with_held(|held| held.line(wait).take(at_most).map(|(_, held)| here(held)).collect())
        .unwrap_or_default()
}

/// How many have it, or are awaited there.
pub(super) fn count(wait: Key) -> usize {
    with_held(|held| held.line(wait).count()).unwrap_or_default()
}

/// What this task has is no task's from now on.
pub(super) fn forget_task(owner: Owner, task: Id) {
    if are_locks_noted() {
        with_held(|held| {
            for (of, holder) in held.locks.values_mut() {
                if *of == owner && holder.task == Some(task) {
                    holder.task = None;
                }
            }
        });
    }
}
