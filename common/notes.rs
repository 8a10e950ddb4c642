//! [`in_order`]: from a heap of notes, what each task waits for.
//!
//! It could be read off the table of notes itself. But that is the loop's, and to put 100,000 waits in order takes tens of
//! milliseconds. So the loop only copies its notes, some at a time if another thread asks for them, and that thread puts them in
//! order.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::awaited::{Awaited, EndedBy, Hold, Holder, TOLD};
use super::noting::Key;
use crate::executor::Id;

/// How many tasks that have a lock are looked at for each wait. Many readers may have one, and as many futures wait for each of them.
pub(super) const MOST_OF_A_LOCK: usize = 64;

/// How many writers ahead of a reader are known to keep it waiting: as many as a report tells.
const MOST_AHEAD: usize = TOLD;

/// What each task waits for, in the order in which the waits began; what is inside of another comes right behind that.
pub(crate) type Waits = BTreeMap<Id, Vec<Awaited>>;

/// That a task waits, as a plain copy.
#[derive(Debug)]
pub(crate) struct Note {
    pub(super) key: Key,
    pub(super) task: Id,
    /// In the order in which the waits began.
    pub(super) number: u64,
    /// The wait that it is inside of.
    pub(super) outer: Option<Key>,
    /// With the holders that the line it waits in does not tell.
    pub(super) wait: Awaited,
}

/// Linear in the notes, but for sorting them. A loop may have many, so each is moved as seldom as can be.
pub(crate) fn in_order(mut notes: Vec<Note>) -> Waits {
    let lines = Lines::of(&notes);
    let outers = notes.iter().filter(|note| note.wait.is_outer());
    let outers: BTreeMap<Key, Id> = outers.map(|note| (note.key, note.task)).collect();
    notes.sort_unstable_by_key(|note| Reverse(note.number));
    let mut inside: BTreeMap<Key, Vec<Note>> = BTreeMap::new();
    let is_outermost = |note: Note| {
        let is_of_task = |outer: &Key| outers.get(outer) == Some(&note.task);
        match note.outer.filter(is_of_task) {
            Some(outer) => {
                inside.entry(outer).or_default().push(note);
                None
            }
            None => Some(note),
        }
    };
    let mut left: Vec<Note> = notes.into_iter().filter_map(is_outermost).collect();
    let mut waits = Waits::new();
    let mut depths = BTreeMap::new();
    while let Some(mut note) = left.pop() {
        let depth = note.outer.and_then(|outer| depths.get(&outer)).map_or(0, |depth| depth + 1);
        if let Some(inner) = inside.remove(&note.key) {
            depths.insert(note.key, depth);
            left.extend(inner);
        }
        lines.add_holders(&mut note);
        note.wait.depth = depth;
        // Most tasks wait for one thing.
        waits.entry(note.task).or_insert_with(|| Vec::with_capacity(1)).push(note.wait);
    }
    waits
}

/// Which notes keep others in the same line waiting.
struct Lines {
    /// Of each line and kind of wait, futures that were granted something which they have not been polled for.
    unpolled: BTreeMap<(usize, &'static str), Vec<Holder>>,
    /// Of each line, the first waits for a lock that is not shared, with their numbers. Waits for the shared lock that are behind
    /// them wait for them all, though the lock may be shared now.
    ahead_of_shared: BTreeMap<usize, Vec<(u64, Holder)>>,
}

impl Lines {
    fn of(notes: &[Note]) -> Self {
        let mut unpolled: BTreeMap<_, Vec<Holder>> = BTreeMap::new();
        let mut ahead: BTreeMap<usize, Vec<(u64, Holder)>> = BTreeMap::new();
        for note in notes {
            let line = note.key.0;
            if note.wait.ended_by != EndedBy::Unknown && note.wait.is_unpolled {
                let unpolled = unpolled.entry((line, note.wait.kind())).or_default();
                if unpolled.len() < MOST_OF_A_LOCK {
                    unpolled.push(note.holds(Hold::Unpolled));
                }
            }
            if note.wait.ended_by == EndedBy::Lock && !note.wait.is_unpolled {
                let ahead = ahead.entry(line).or_default();
                let place = ahead.partition_point(|(number, _)| *number < note.number);
                if place < MOST_AHEAD {
                    ahead.truncate(MOST_AHEAD - 1);
                    ahead.insert(place, (note.number, note.holds(Hold::Ahead)));
                }
            }
        }
        Self { unpolled, ahead_of_shared: ahead }
    }

    /// What keeps a wait waiting, beside what is known of it.
    fn add_holders(&self, note: &mut Note) {
        let kind = note.wait.kind();
        let known = &mut note.wait.holders;
        match note.wait.ended_by {
            _ if note.wait.is_unpolled => known.clear(),
            EndedBy::Unknown | EndedBy::All | EndedBy::Any | EndedBy::Own => {}
            EndedBy::Lock | EndedBy::Shared | EndedBy::OwnedLock | EndedBy::Permits => {
                let is_shared = note.wait.ended_by == EndedBy::Shared;
                let of_line = (note.key.0, "")..(note.key.0 + 1, "");
                let unpolled = self.unpolled.range(of_line).flat_map(|(_, unpolled)| unpolled);
                known.extend(unpolled.cloned());
                known.retain(|holder| !is_shared || holder.kind != kind);
                let ahead = self.ahead_of_shared.get(&note.key.0).into_iter().flatten();
                let ahead = ahead.filter(|(number, _)| is_shared && *number < note.number);
                known.extend(ahead.map(|(_, holder)| holder.clone()));
            }
        }
    }
}

impl Note {
    /// As what keeps others in the same line waiting.
    fn holds(&self, hold: Hold) -> Holder {
        Holder {
            task: Some(self.task),
            name: None,
            hold,
            kind: self.wait.kind(),
            site: self.wait.site(),
            may_move: self.wait.ended_by == EndedBy::OwnedLock || self.wait.may_move,
        }
    }
}
