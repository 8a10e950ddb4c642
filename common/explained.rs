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
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::awaited::{Awaited, Hold, Holder, Line, TOLD};
use super::held::{self, Owner, Taken};
use super::noting::{Key, Numbered, is_explaining, set_explaining};
use super::scoped::{self, Scoped};
use crate::executor::{Hub, Id, TellOfAwait, tell_of_awaits, with_current};

thread_local! {
    static CURRENT: Scoped<Explained> = const { scoped::empty() };
    /// In what the future is that is polled now.
    static INSIDE: Cell<Inside> = const { Cell::new(Inside { frame: None, part: None }) };
}

#[derive(Clone, Copy)]
struct Inside {
    frame: Option<Key>,
    part: Option<usize>,
}

/// The waits of one runtime's tasks.
pub(crate) struct Explained {
    state: RefCell<State>,
    owner: Owner,
}

impl Default for Explained {
    fn default() -> Self {
        Self { state: RefCell::default(), owner: Owner::new() }
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
    frame: Option<Key>,
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
            with_current_table(Explained::forget_root);
        }
        set_explaining(self.explained_before);
        tell_of_awaits(self.told_before);
    }
}

/// The task that has its turn awaits this one. The hub knows that too if the waker leads to the task, and it `is_known`; but not
/// inside of what the task does so.
///
/// Its handle does not take the note back. So now and then those are dropped that no longer hold. As that looks at every live
/// task, it is done once in so many notes: they are never more than twice those that hold, and one for each task.
fn note_task(awaited: Id, is_known: bool) {
    let now = with_current(|hub| Some((hub.in_turn()?, hub.live())));
    let Some((task, live)) = now.flatten() else { return };
    if is_known && INSIDE.get().frame.is_none() {
        return forget(key_of_task(awaited)); // it may have been inside of a frame before
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

fn key_of_task(task: Id) -> Key {
    Key::numbered(Numbered::Task, task.0)
}

/// So many awaited tasks are noted without a thought.
const FEW: usize = 64;

/// `f` runs no user code.
fn with_state<R>(f: impl FnOnce(&mut State) -> R) -> Option<R> {
    with_current_table(|table| f(&mut table.state.borrow_mut()))
}

fn with_current_table<R>(f: impl FnOnce(&Explained) -> R) -> Option<R> {
    scoped::current(&CURRENT).map(|table| f(&table))
}

/// From now on `task` waits for that.
pub(super) fn keep(key: Key, task: Id, mut wait: Awaited) {
    let Inside { frame, part } = INSIDE.get();
    wait.part = part;
    with_state(|state| {
        state.last += 1;
        let before = state.records.get(&key).filter(|record| record.task == task);
        let number = before.map_or(state.last, |record| record.number);
        state.records.insert(key, Record { task, number, frame, wait });
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
    let note = |table: &Explained| held::note(table.owner, line, is_alone, holder);
    with_current_table(note).unwrap_or(Taken::NOT_NOTED)
}

/// The task is one of those whose ends are waited for at this key's place, until [`held::left`].
#[inline]
pub(crate) fn joined(key: Key, task: Id) {
    if is_explaining() {
        with_current_table(|table| held::joined(table.owner, key, task));
    }
}

/// What is polled until this is dropped is inside of that.
#[must_use]
pub(crate) struct Within(Inside);

/// Waits that begin from now on are inside of the frame that has this key.
pub(crate) fn within_frame(key: Key) -> Option<Within> {
    within(|inside| inside.frame = Some(key))
}

/// What is polled from now on is this part of a future that has several.
#[inline]
pub(crate) fn within_part(part: usize) -> Option<Within> {
    within(|inside| inside.part = Some(part))
}

#[inline]
fn within(change: impl FnOnce(&mut Inside)) -> Option<Within> {
    is_explaining().then(|| {
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

/// As [`Explained::waits`], of the runtime that this thread is inside of. `None` if that does not explain.
pub(crate) fn current_waits() -> Option<BTreeMap<Id, Vec<Awaited>>> {
    scoped::current(&CURRENT).map(|table| table.waits())
}

impl Explained {
    /// How many waits there are.
    pub(crate) fn len(&self) -> usize {
        self.state.borrow().records.len()
    }

    /// What each task waits for, in the order in which the waits began; what is inside of a frame comes right behind it.
    /// Linear in the waits.
    pub(crate) fn waits(&self) -> BTreeMap<Id, Vec<Awaited>> {
        let state = self.state.borrow();
        let (unpolled, shared_ahead) = (state.unpolled(), state.ahead_of_shared());
        let mut inside: BTreeMap<Option<Key>, Vec<(&Key, &Record)>> = BTreeMap::new();
        for (key, record) in &state.records {
            let is_of_task = |frame: &Key| {
                state.records.get(frame).is_some_and(|outer| outer.task == record.task)
            };
            inside.entry(record.frame.filter(is_of_task)).or_default().push((key, record));
        }
        inside
            .values_mut()
            .for_each(|waits| waits.sort_by_key(|(_, record)| Reverse(record.number)));
        let mut waits: BTreeMap<Id, Vec<Awaited>> = BTreeMap::new();
        let mut left: Vec<_> = inside.remove(&None).unwrap_or_default();
        let mut depths = BTreeMap::new();
        while let Some((key, record)) = left.pop() {
            let depth =
                record.frame.and_then(|frame| depths.get(&frame)).map_or(0, |depth| depth + 1);
            let mut wait = record.wait.read();
            wait.depth = depth;
            if !wait.is_unpolled {
                wait.holders = match wait.line {
                    Line::No => wait.holders,
                    Line::Own => vec![record.holds(Hold::Own)],
                    Line::All | Line::Any => held::holders(self.owner, *key, usize::MAX),
                    Line::Lock | Line::Shared | Line::OwnedLock | Line::Permits => {
                        self.ahead(*key, record, &unpolled, &shared_ahead)
                    }
                };
            }
            waits.entry(record.task).or_default().push(wait);
            if let Some(inner) = inside.remove(&Some(*key)) {
                depths.insert(*key, depth);
                left.extend(inner);
            }
        }
        waits
    }

    /// What keeps this wait in line.
    fn ahead(
        &self,
        key: Key,
        record: &Record,
        unpolled: &BTreeMap<usize, Vec<Holder>>,
        shared_ahead: &BTreeMap<usize, (u64, Holder)>,
    ) -> Vec<Holder> {
        let wait = &record.wait;
        let locks = match wait.line {
            Line::Permits => Vec::new(),
            _ => held::holders(self.owner, key, TOLD),
        };
        let unpolled = unpolled.get(&key.0).into_iter().flatten();
        let ahead = shared_ahead.get(&key.0).filter(|(number, _)| *number < record.number);
        let is_shared = wait.line == Line::Shared;
        let ahead = ahead.map(|(_, holder)| holder).filter(|_| is_shared);
        let keeps = |holder: &Holder| !is_shared || holder.kind != wait.kind();
        let holders = locks.into_iter().chain(unpolled.cloned()).filter(keeps);
        holders.chain(ahead.cloned()).take(TOLD).collect()
    }

    /// The future of `block_on` is gone, and the next one is another.
    fn forget_root(&self) {
        self.state.borrow_mut().records.retain(|_, record| record.task != Id::ROOT);
        held::forget_task(self.owner, Id::ROOT);
    }
}

impl Record {
    /// As what keeps others in the same line waiting.
    fn holds(&self, hold: Hold) -> Holder {
        Holder {
            task: Some(self.task),
            name: None,
            hold,
            kind: self.wait.kind(),
            site: self.wait.site(),
            may_move: self.wait.line == Line::OwnedLock || self.wait.may_move,
        }
    }
}

impl State {
    /// Per line, the futures that were granted something which they have not been polled for.
    fn unpolled(&self) -> BTreeMap<usize, Vec<Holder>> {
        let mut unpolled: BTreeMap<usize, Vec<Holder>> = BTreeMap::new();
        for (key, record) in &self.records {
            if record.wait.line != Line::No && record.wait.is_unpolled {
                unpolled.entry(key.0).or_default().push(record.holds(Hold::Unpolled));
            }
        }
        unpolled
    }

    /// Per line, the first wait for a lock that is not shared, with its number. Waits for the shared lock that are behind it wait
    /// for it, though the lock may be shared now.
    fn ahead_of_shared(&self) -> BTreeMap<usize, (u64, Holder)> {
        let mut ahead: BTreeMap<usize, (u64, Holder)> = BTreeMap::new();
        for (key, record) in &self.records {
            let is_first = ahead.get(&key.0).is_none_or(|(number, _)| record.number < *number);
            if record.wait.line == Line::Lock && !record.wait.is_unpolled && is_first {
                ahead.insert(key.0, (record.number, record.holds(Hold::Ahead)));
            }
        }
        ahead
    }
}
