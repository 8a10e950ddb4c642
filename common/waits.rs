//! [`note`]: how a leaf future says what its task waits for.
//!
//! A leaf future could write down what it waits for whenever it returns `Pending`. But then every wait would pay for a
//! text that hardly ever is read. So by default nothing is written down. There are two ways to ask for it all the same:
//!
//! * A runtime may be set to *explain*. Then each leaf future notes its wait when it begins, as a few plain words without a text,
//!   in a table beside the tasks ([`Explained`](super::explained::Explained)). It takes the note back when it is ready, or
//!   dropped. So a report finds there what every task waits for, at any time, and polls nothing.
//! * Without that, a report may *ask*: it wakes the tasks that wait, and gives each one more turn. Each leaf future that such
//!   a turn polls finds that it still has to wait, and says for what. (The technique is that of tokio's task dumps, 2023.)
//!   An extra turn may do anything, as a future that lost its wake goes on in it. So only a report that ends the run may
//!   ask, and its verdict stands before it does: see `insight/deadlock.rs`.
//!
//! While neither is on, a leaf future reads one flag of its thread.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::awaited::{Awaited, Detail, EndedBy};
use super::explained;
use super::notes::{Note, Waits, in_order};
use super::noting;
pub(crate) use super::noting::{Key, Numbered, is_asking, is_explaining, is_noting};
use crate::executor::{Hub, Id, TellOfAwait, current, tell_of_awaits, with_current};

thread_local! {
    static ANSWERS: RefCell<Answers> = const { RefCell::new(Answers { of: BTreeSet::new(), notes: BTreeMap::new() }) };
}

#[derive(Default)]
struct Answers {
    /// The tasks that are asked.
    of: BTreeSet<Id>,
    /// What they have said.
    notes: BTreeMap<Key, Note>,
}

/// Says what the task that has its turn waits for. If neither a report asks nor the runtime explains, this reads one flag, and
/// `what` is not called.
///
/// A leaf future calls it in each poll that returns `Pending`, and [`over`] when it is ready or dropped. `what` must not run
/// user code. What it captures is put together before the flag is read, unless it is one word; so where there is more,
/// and the wait is a hot one, the caller asks [`is_noting`] first.
#[inline]
pub(crate) fn note(key: Key, what: impl FnOnce() -> Awaited) {
    if is_noting() {
        tell(key, what);
    }
}

/// What was noted by this key is over.
#[inline]
pub(crate) fn over(key: Key) {
    if is_explaining() {
        explained::forget(key);
    }
}

/// Out of line with all that it does, so that the caller only tests.
#[cold]
#[inline(never)]
fn tell(key: Key, what: impl FnOnce() -> Awaited) {
    let what = what();
    if is_asking() {
        answer(key, &what);
    }
    // Outside of a turn there is no task that could wait.
    if let Some(task) = with_current(Hub::in_turn).flatten().filter(|_| is_explaining()) {
        explained::keep(key, task, what);
    }
}

fn answer(key: Key, what: &Awaited) {
    let task = current().map_or(Id::ROOT, |task| task.id());
    // The clock is read now, as the report comes later. Which future in line was granted what is in the answer's own text, so
    // `in_order` is to add no holders.
    let wait = match what.due_in() {
        Some(left) => what.clone().with(Detail::DueIn(left)),
        None => what.clone(),
    };
    let wait = wait.ended_by(EndedBy::Unknown, false);
    ANSWERS.with_borrow_mut(|Answers { of, notes }| {
        if of.contains(&task) {
            // A task that is woken while it is asked takes another turn, and says the same again.
            let number = notes.get(&key).map_or(notes.len() as u64, |before| before.number);
            notes.insert(key, Note { key, task, number, outer: explained::outer(), wait });
        }
    });
}

/// The task that has its turn awaits this one. As its handle says so too if the waker leads to the task (`is_known`), the answer has
/// only what the handle does not know: an await by another waker, or inside of an outer wait.
fn tell_of_task(awaited: Id, is_known: bool) {
    if is_asking() && !(is_known && explained::outer().is_none()) {
        answer(explained::key_of_task(awaited), &Awaited::for_task(awaited));
    }
    if is_explaining() {
        explained::note_task(awaited, is_known);
    }
}

/// Tasks are asked until this is dropped. A thread asks for one report at a time, as it runs one executor at a time.
#[must_use]
#[derive(Debug)]
pub(crate) struct Asking(());

impl Asking {
    /// From now on the answers of `tasks` are kept. The caller wakes them.
    pub(crate) fn begin(tasks: impl Iterator<Item = Id>) -> Self {
        ANSWERS.set(Answers { of: tasks.collect(), notes: BTreeMap::new() });
        noting::set_asking(true);
        tell_of_awaits(Some(tell_of_task));
        Self(())
    }

    /// What the tasks have said.
    pub(crate) fn end(self) -> Waits {
        in_order(ANSWERS.take().notes.into_values().collect())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        noting::set_asking(false);
        // The run may be over by now, and with it what it told before.
        tell_of_awaits(is_explaining().then_some(explained::note_task as TellOfAwait));
        ANSWERS.take();
    }
}
