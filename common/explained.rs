//! [`Explained`]: what every task of a runtime waits for, while it is set to explain.
//!
//! A record for each task, written anew in each of its turns, would be simple. But a turn does not poll all that the task
//! waits for: many combinators poll only what was woken. And what a turn has polled may be dropped in that same turn, as the
//! other branch of a `select` is. So a record belongs to a *wait*, not to a turn: it is made when a leaf future begins to wait,
//! and goes when that future is ready or dropped. All futures wait in a few kinds of places (a wait list, a waker's cell, the
//! wheel), and these take the record back. So it goes with the task, too, whose end drops its futures.
//!
//! A record may outlive its wait where that ends without this runtime: a future that was moved to another thread, or forgotten.
//! What is read leaves out the records of tasks that have ended.
//!
//! Which task has which lock is in `held.rs`.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};
use std::rc::Rc;
use std::sync::Arc;

use super::awaited::{Awaited, Detail, EndedBy, Holder, MOST_HOLDERS};
use super::held::{self, Owner, Taken};
use super::notes::{MOST_OF_A_LOCK, Note, Waits, in_order};
use super::noting::{Key, Numbered, is_explaining, is_noting, set_explaining};
use super::scoped::{self, Scoped};
use crate::executor::primitives::Gauge;
use crate::executor::{Hub, Id, TellOfAwait, tell_of_awaits, with_current};

thread_local! {
    static CURRENT: Scoped<Explained> = const { scoped::empty() };
    /// In what the future is that is polled now.
    static INSIDE: Cell<Inside> = const { Cell::new(Inside { outer: None, part: None }) };
}

#[derive(Clone, Copy)]
struct Inside {
    outer: Option<Key>,
    part: Option<usize>,
}

/// The waits of one runtime's tasks.
pub(crate) struct Explained {
    state: RefCell<State>,
    owner: Owner,
    /// Whether the future of `block_on` may have a wait or a lock that is noted.
    is_root_noted: Cell<bool>,
    /// How many runs have ended.
    runs: Cell<u64>,
    /// How many records there are, for other threads.
    count: Arc<Gauge>,
}

impl Default for Explained {
    fn default() -> Self {
        Self {
            state: RefCell::default(),
            owner: Owner::new(),
            is_root_noted: Cell::default(),
            runs: Cell::default(),
            count: Arc::default(),
        }
    }
}

#[derive(Default)]
struct State {
    records: BTreeMap<Key, Record>,
    last: u64,
    /// How many awaited tasks were noted, and how many of these were kept when it was last looked.
    tasks_noted: usize,
    tasks_kept: usize,
}

struct Record {
    task: Id,
    /// In the order in which the waits began.
    number: u64,
    /// The wait that it is inside of.
    outer: Option<Key>,
    wait: Awaited,
}

/// The thread is inside of a runtime, which explains or does not, until this is dropped.
pub(crate) struct Entered {
    _current: Option<scoped::Entered<Explained>>,
    explained_before: bool,
    told_before: Option<TellOfAwait>,
}

/// The thread enters a runtime. It explains if it has a table.
pub(crate) fn enter(table: Option<&Rc<Explained>>) -> Entered {
    let _current = table.map(|table| scoped::enter(&CURRENT, Rc::clone(table)));
    // A runtime may end inside of another's run, which may explain.
    let explained_before = set_explaining(table.is_some());
    let told_before = tell_of_awaits(table.is_some().then_some(note_task as TellOfAwait));
    Entered { _current, explained_before, told_before }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // The future of `block_on` is gone. A guard that it gave to its caller is no task's from now on.
        if self._current.is_some() {
            with_current_table(Explained::end_run);
        }
        set_explaining(self.explained_before);
        tell_of_awaits(self.told_before);
    }
}

/// The task that has its turn awaits this one. If the waker leads to the task (`is_known`), the hub knows the await already. But it
/// does not know under which name, so that is noted here.
///
/// Its handle does not take the note back. So now and then those are dropped that no longer hold. As that looks at every live
/// task, it is done once in so many notes: they are never more than three for each live task, and some.
pub(super) fn note_task(awaited: Id, is_known: bool) {
    let now = with_current(|hub| Some((hub.in_turn()?, hub.live())));
    let Some((task, live)) = now.flatten() else { return };
    if is_known && INSIDE.get().outer.is_none() {
        return forget(key_of_task(awaited)); // it may have been inside of an outer one before
    }
    keep(key_of_task(awaited), task, Awaited::for_task(awaited));
    let is_due = with_state(|state| {
        state.tasks_noted += 1;
        state.tasks_noted > 2 * state.tasks_kept + live + FEW
    });
    if is_due == Some(true) {
        let awaited = with_current(Hub::awaited).unwrap_or_default();
        with_state(|state| {
            state.records.retain(|_, record| {
                record.wait.awaits().is_none_or(|task| awaited.contains_key(&task))
            });
            (state.tasks_kept, state.tasks_noted) = (awaited.len(), awaited.len());
        });
    }
}

pub(super) fn key_of_task(task: Id) -> Key {
    Key::numbered(Numbered::Task, task.0)
}

/// So many awaited tasks are noted without a thought.
const FEW: usize = 64;

/// `f` runs no user code.
fn with_state<R>(f: impl FnOnce(&mut State) -> R) -> Option<R> {
    with_current_table(|table| table.change(f))
}

fn with_current_table<R>(f: impl FnOnce(&Explained) -> R) -> Option<R> {
    scoped::current(&CURRENT).map(|table| f(&table))
}

/// From now on `task` waits for that.
pub(super) fn keep(key: Key, task: Id, mut wait: Awaited) {
    let Inside { outer, part } = INSIDE.get();
    wait.part = part;
    with_current_table(|table| {
        table.sees(task);
        table.change(|state| {
            state.last += 1;
            let before = state.records.get(&key).filter(|record| record.task == task);
            let number = before.map_or(state.last, |record| record.number);
            state.records.insert(key, Record { task, number, outer, wait });
        });
    });
}

/// The wait has ended.
#[cold]
#[inline(never)]
pub(super) fn forget(key: Key) {
    with_state(|state| state.records.remove(&key));
}

/// The wait is over, and the future is told so. What it waited for is its own until it is polled, or dropped.
#[inline]
pub(crate) fn let_go(key: Key) {
    if is_explaining() {
        note_let_go(key);
    }
}

#[cold]
#[inline(never)]
fn note_let_go(key: Key) {
    with_state(|state| {
        if let Some(record) = state.records.get_mut(&key) {
            record.wait.is_unpolled = true;
        }
    });
}

/// As [`held::note`], in the turn of the task that takes the lock.
pub(crate) fn took(line: Key, is_alone: bool, holder: impl FnOnce(Option<Id>) -> Holder) -> Taken {
    let holder = holder(with_current(Hub::in_turn).flatten());
    let note = |table: &Explained| {
        holder.task.into_iter().for_each(|task| table.sees(task));
        held::note(table.owner, line, is_alone, holder)
    };
    with_current_table(note).unwrap_or(Taken::NOT_NOTED)
}

/// The task is one of those whose ends are waited for at this key's place, until [`held::forget_member`]. Returns whether that is noted.
pub(super) fn note_member(key: Key, task: Id) -> bool {
    held::note_member(with_current_table(|table| table.owner), key, task)
}

/// What is polled until this is dropped is inside of that.
#[must_use]
pub(crate) struct Within(Inside);

/// The wait that a wait which begins now is inside of.
pub(super) fn outer() -> Option<Key> {
    INSIDE.get().outer
}

/// Waits that begin from now on are inside of the one that has this key.
pub(crate) fn within_outer(key: Key) -> Option<Within> {
    within(|inside| inside.outer = Some(key))
}

/// What is polled from now on is this part of a future that has several.
#[inline]
pub(crate) fn within_part(part: usize) -> Option<Within> {
    within(|inside| inside.part = Some(part))
}

#[inline]
fn within(change: impl FnOnce(&mut Inside)) -> Option<Within> {
    is_noting().then(|| {
        let before = INSIDE.get();
        let mut inside = before;
        change(&mut inside);
        INSIDE.set(inside);
        Within(before)
    })
}

impl Drop for Within {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// The notes of the runtime that this thread is inside of, from `from` on, for as long as `goes_on`; and where to go on.
pub(crate) fn notes_from(
    from: Option<Key>,
    goes_on: impl FnMut() -> bool,
) -> (Vec<Note>, Option<Key>) {
    let table = scoped::current(&CURRENT);
    table.map(|table| table.notes_from(from, MOST_HOLDERS, goes_on)).unwrap_or_default()
}

/// As [`Explained::waits`], of the runtime that this thread is inside of. `None` if that does not explain.
pub(crate) fn current_waits() -> Option<Waits> {
    scoped::current(&CURRENT).map(|table| table.waits(MOST_HOLDERS))
}

impl Explained {
    /// `f` runs no user code.
    fn change<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.borrow_mut();
        let changed = f(&mut state);
        self.count.set(state.records.len() as u64);
        changed
    }

    /// How many waits there are, as other threads may read it at any time.
    #[cfg(feature = "inspect")]
    pub(crate) fn counter(&self) -> Arc<Gauge> {
        Arc::clone(&self.count)
    }

    /// How many waits there are.
    pub(crate) fn len(&self) -> usize {
        self.state.borrow().records.len()
    }

    /// What each task waits for; of the tasks of a group or set, so many.
    pub(crate) fn waits(&self, most_members: usize) -> Waits {
        in_order(self.notes_from(None, most_members, || true).0)
    }

    fn notes_from(
        &self,
        from: Option<Key>,
        most_members: usize,
        mut goes_on: impl FnMut() -> bool,
    ) -> (Vec<Note>, Option<Key>) {
        let state = self.state.borrow();
        let mut notes = Vec::new();
        for (key, record) in state.records.range((from.map_or(Unbounded, Included), Unbounded)) {
            if !goes_on() {
                return (notes, Some(*key));
            }
            notes.push(self.note(*key, record, most_members));
        }
        (notes, None)
    }

    /// A copy of a record, with which tasks keep the wait waiting as far as its line does not say so.
    fn note(&self, key: Key, record: &Record, most_members: usize) -> Note {
        let mut wait = record.wait.read();
        match wait.ended_by {
            EndedBy::Unknown | EndedBy::Own | EndedBy::Permits => {}
            EndedBy::All | EndedBy::Any => {
                wait.holders = held::holders(self.owner, key, most_members);
                wait = wait.with(Detail::Left(held::count(key)));
            }
            EndedBy::Lock | EndedBy::Shared | EndedBy::OwnedLock => {
                wait.holders = held::holders(self.owner, key, MOST_OF_A_LOCK);
            }
        }
        let Record { task, number, outer, .. } = *record;
        Note { key, task, number, outer, wait }
    }

    /// In how many runs before this one it has explained.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.get()
    }

    /// Something of this task's is noted.
    fn sees(&self, task: Id) {
        if task == Id::ROOT {
            self.is_root_noted.set(true);
        }
    }

    /// The future of `block_on` is gone, if there was one, and the next one is another. All waits and locks are looked at for it, which
    /// would be too much for each step of a host loop; there it has none.
    fn end_run(&self) {
        self.runs.set(self.runs.get() + 1);
        if self.is_root_noted.take() {
            self.change(|state| state.records.retain(|_, record| record.task != Id::ROOT));
            held::forget_task(self.owner, Id::ROOT);
        }
    }
}
