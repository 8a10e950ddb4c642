//! The tasks of a group, and what they share with it.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use super::failure::{FailedBy, Failure};
use crate::common::awaited::{Awaited, EndedBy};
use crate::common::held;
use crate::common::members::NotedMembers;
use crate::common::waits::Key;
use crate::common::waker_cell::WakerCell;
use crate::executor::{CancelRequest, Control, Hub, Id, Info, JoinHandle, Reason, with_current};

/// What a group, its handles and its tasks share.
pub(super) struct Shared<E> {
    /// The request to the body, and to what is nested in it. Each task has a request of its own.
    pub(super) request: Rc<CancelRequest>,
    /// How many tasks have not ended.
    live: Cell<usize>,
    noted: NotedMembers,
    /// How to end each task that waits. A task that has not begun needs no place: it is in the run queue, and its first
    /// turn looks whether the group is asked to end.
    waiting: RefCell<Places<Control>>,
    failures: RefCell<Vec<Failure<E>>>,
    /// Whether the first failure ends the group.
    fails_fast: bool,
    /// Wakes the group's own future.
    waker: WakerCell,
    /// The group's future has ended, or was dropped.
    is_over: Cell<bool>,
    pub(super) opened: &'static Location<'static>,
}

impl<E> Shared<E> {
    pub(super) fn new(fails_fast: bool, opened: &'static Location<'static>) -> Self {
        Self {
            request: Rc::new(CancelRequest::that_drops()),
            live: Cell::new(0),
            noted: NotedMembers::default(),
            waiting: RefCell::default(),
            failures: RefCell::default(),
            fails_fast,
            waker: WakerCell::default(),
            is_over: Cell::new(false),
            opened,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// How many tasks have not ended.
    pub(super) fn live(&self) -> usize {
        self.live.get()
    }

    /// A task is to be spawned.
    #[inline]
    pub(super) fn task_begins(&self) {
        self.live.set(self.live.get() + 1);
    }

    /// It was spawned, while [tasks are noted](NotedMembers::are_noted).
    #[cold]
    #[inline(never)]
    pub(super) fn note_begun<T>(&self, task: &JoinHandle<T>) {
        // While the executor closes, the task has ended.
        if !task.is_finished() {
            self.noted.add(self.key(task.id()), task.id());
        }
    }

    /// A task waits. Gives its place.
    pub(super) fn task_waits(&self, task: Control) -> usize {
        // The request may have been made in this very turn of the task, when the group could not reach it yet.
        let reason = self.request.reason().cloned();
        reason.iter().for_each(|reason| task.cancel(reason));
        self.waiting.borrow_mut().insert(task)
    }

    /// A task has ended; `place`: if it has waited. The last one wakes the group.
    #[inline]
    pub(super) fn task_ended(&self, place: Option<usize>) {
        // Its future is dropped in its own turn, but where the executor closes: there its end is not noted.
        self.noted.remove(|| with_current(Hub::in_turn).flatten().map(|task| self.key(task)));
        if let Some(place) = place {
            let task = self.waiting.borrow_mut().remove(place);
            drop(task);
        }
        let left = self.live.get() - 1;
        self.live.set(left);
        if left == 0 {
            self.waker.wake();
        }
    }

    /// The task, or the body (`None`), has failed.
    pub(super) fn fail(&self, task: Option<Info>, by: FailedBy<E>) {
        self.add(Failure::new(task, self.opened, by));
    }

    pub(super) fn add(&self, failure: Failure<E>) {
        if self.is_over() {
            return failure.report(); // no caller is left that could be given it
        }
        let reason = Reason::from(format!("{} failed", failure.title()));
        self.failures.borrow_mut().push(failure);
        if self.fails_fast {
            self.cancel(&reason);
        }
    }

    pub(super) fn take_failures(&self) -> Vec<Failure<E>> {
        self.failures.take()
    }

    /// Asks the body and every task to end, the tasks in the order of spawning.
    pub(super) fn cancel(&self, reason: &Reason) {
        if self.request.reason().is_none() {
            self.request.ask(reason);
            self.in_order().iter().for_each(|task| task.cancel(reason));
            self.waker.wake();
        }
    }

    /// The group's future has ended, or was dropped: what is left is aborted, in the order of spawning. Panics that no caller
    /// was given are reported.
    pub(super) fn end(&self) {
        self.is_over.set(true);
        self.in_order().iter().for_each(Control::abort);
        self.failures.take().into_iter().for_each(Failure::report);
        self.waker.forget();
    }

    /// Keeps the waker of the group's own future.
    pub(super) fn keep_waker(&self, waker: &Waker) {
        self.waker.keep(waker);
    }

    /// Says that the group's own future waits for the tasks. One that goes on may fail, which ends the others, too.
    pub(super) fn note_wait(&self) {
        self.waker.note(|| {
            let wait = Awaited::new("the tasks of the group opened", self.opened);
            let by = if self.fails_fast { EndedBy::Any } else { EndedBy::All };
            self.noted.awaited(wait, self.live(), by)
        });
    }

    /// Says that whatever the body waits for, a task that fails ends it too.
    pub(super) fn note_early_end(&self) {
        if self.fails_fast && self.live() > 0 {
            self.waker.note(|| {
                let wait = Awaited::new("an early end of the group opened", self.opened);
                self.noted.awaited(wait, self.live(), EndedBy::Any)
            });
        }
    }

    /// Of a task, as one that the group's own future waits for.
    fn key(&self, task: Id) -> Key {
        Key::in_line(&self.waker, task.0)
    }

    /// A copy, as what is done with each may run user code.
    fn in_order(&self) -> Vec<Control> {
        if self.live.get() == 0 {
            return Vec::new(); // without a look at each place, as at the end of most groups
        }
        let mut tasks: Vec<Control> =
            self.waiting.borrow().places.iter().flatten().cloned().collect();
        tasks.sort_by_key(Control::id);
        tasks
    }
}

impl<E> Drop for Shared<E> {
    /// Nothing waits for the tasks any more.
    fn drop(&mut self) {
        held::gave_back(|| Key::at(&self.waker));
    }
}

/// Values by place. A place that was vacated is used again, so the memory is that of the most values at one time.
struct Places<T> {
    places: Vec<Option<T>>,
    vacant: Vec<usize>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { places: Vec::new(), vacant: Vec::new() }
    }
}

impl<T> Places<T> {
    fn insert(&mut self, value: T) -> usize {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(value);
        place
    }

    fn remove(&mut self, place: usize) -> Option<T> {
        self.vacant.push(place);
        self.places[place].take()
    }
}
