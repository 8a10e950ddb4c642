//! [`note`]: how a leaf future says what its task waits for, when a report asks.
//!
//! A leaf future could write down what it waits for whenever it returns `Pending`. But then every wait would pay for a
//! text that hardly ever is read. So nothing is written down in advance. When a report needs the answers, it *asks*: it
//! wakes the tasks that wait, and gives each one more turn. Each leaf future that such a turn polls finds that it still
//! has to wait, and says for what. (The technique is that of tokio's task dumps, 2023.)
//!
//! An extra turn may do anything, as a future that lost its wake goes on in it. So only a report that ends the run may
//! ask, and its verdict stands before it does: see `insight/deadlock.rs`.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::executor::{Id, current};

/// How many waits are told of one task. A task that waits for thousands of things would make a report that is too long to
/// read.
pub(crate) const TOLD: usize = 8;

thread_local! {
    static ASKS: Cell<bool> = const { Cell::new(false) };
    /// The tasks that are asked, and what they have said.
    static ANSWERS: RefCell<Answers> = const { RefCell::new(BTreeMap::new()) };
}

/// For each task what it waits for: texts that follow "waits for".
pub(crate) type Answers = BTreeMap<Id, Vec<String>>;

/// Says what the task that has its turn waits for, if a report asks. If none does, this reads one flag, and `what` is not
/// called.
///
/// A leaf future calls it where it returns `Pending`. It may leave out the poll that begins a wait, as that one never is
/// asked: a task is asked after it has waited. So a future that checks first whether it is registered already has a
/// place for the call that costs nothing.
///
/// The text follows "waits for", names the kind of thing and where the program made it, and says who keeps it if that is
/// known: "a permit of the `Semaphore` made at src/main.rs:3:5". `what` must not run user code.
#[inline]
pub(crate) fn note(what: impl FnOnce() -> String) {
    if is_asking() {
        answer(what);
    }
}

/// Whether a report asks, so that this turn is an extra one.
#[inline]
pub(crate) fn is_asking() -> bool {
    ASKS.get()
}

#[cold]
fn answer(what: impl FnOnce() -> String) {
    let what = what(); // while nothing is borrowed
    let task = current().map_or(Id::ROOT, |task| task.id());
    ANSWERS.with_borrow_mut(|answers| {
        // A task that is woken while it is asked takes another turn, and says the same again.
        let told = answers.get_mut(&task).filter(|told| !told.contains(&what));
        if let Some(told) = told.filter(|told| told.len() < TOLD) {
            told.push(what);
        }
    });
}

/// Tasks are asked until this is dropped. A thread asks for one report at a time, as it runs one executor at a time.
#[must_use]
#[derive(Debug)]
pub(crate) struct Asking(());

impl Asking {
    /// From now on the answers of `tasks` are kept. The caller wakes them.
    pub(crate) fn begin(tasks: impl Iterator<Item = Id>) -> Self {
        ANSWERS.set(tasks.map(|task| (task, Vec::new())).collect());
        ASKS.set(true);
        Self(())
    }

    /// What the tasks have said.
    pub(crate) fn end(self) -> Answers {
        ANSWERS.take()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKS.set(false);
        ANSWERS.take();
    }
}
