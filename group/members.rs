//! The tasks of a group, and what they share with it.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use super::failure::{Cause, Failure};
use crate::executor::{CancelRequest, Control, Info, Reason, contain};

/// What a group, its handles and its tasks share.
pub(super) struct Shared<E> {
    /// That the group is asked to end: hears the body. Each task has a request of its own.
    pub(super) request: Rc<CancelRequest>,
    /// How to end each task that has not ended, by its place.
    tasks: RefCell<Places<Control>>,
    failures: RefCell<Vec<Failure<E>>>,
    /// Whether the first failure ends the group.
    fails_fast: bool,
    /// Wakes the group's own future.
    waker: Cell<Option<Waker>>,
    /// The group's future has ended, or was dropped.
    is_over: Cell<bool>,
    pub(super) opened: &'static Location<'static>,
}

impl<E> Shared<E> {
    pub(super) fn new(fails_fast: bool, opened: &'static Location<'static>) -> Self {
        let request = Rc::new(CancelRequest::default());
        request.set_drops();
        Self {
            request,
            tasks: RefCell::default(),
            failures: RefCell::default(),
            fails_fast,
            waker: Cell::new(None),
            is_over: Cell::new(false),
            opened,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.borrow().len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// The place of the next task.
    pub(super) fn reserve(&self) -> usize {
        self.tasks.borrow_mut().reserve()
    }

    pub(super) fn put(&self, place: usize, task: Control) {
        self.tasks.borrow_mut().put(place, task);
    }

    /// A task has ended. The last one wakes the group.
    pub(super) fn task_ended(&self, place: usize) {
        let mut tasks = self.tasks.borrow_mut();
        let task = tasks.take(place);
        let was_last = tasks.len() == 0;
        drop(tasks);
        drop(task);
        if was_last {
            self.wake();
        }
    }

    /// The task, or the body (`None`), has failed.
    pub(super) fn fail(&self, task: Option<Info>, cause: Cause<E>) {
        let failure = Failure::new(task, self.opened, cause);
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
            self.wake();
        }
    }

    /// The group's future has ended, or was dropped: what is left is aborted, in the order of spawning.
    pub(super) fn end(&self) {
        self.is_over.set(true);
        self.in_order().iter().for_each(Control::abort);
        let waker = self.waker.take();
        contain(|| drop(waker));
    }

    /// Keeps the waker of the group's own future.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let old = self.waker.take();
        if old.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return self.waker.set(old);
        }
        contain(|| drop(old));
        let waker = waker.clone();
        let meanwhile = self.waker.replace(Some(waker));
        contain(|| drop(meanwhile));
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            contain(|| waker.wake());
        }
    }

    /// A copy, as what is done with each may run user code.
    fn in_order(&self) -> Vec<Control> {
        if self.is_empty() {
            return Vec::new(); // without a look at each place, as at the end of most groups
        }
        let mut tasks: Vec<Control> = self.tasks.borrow().iter().cloned().collect();
        tasks.sort_by_key(Control::id);
        tasks
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
    fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// A place that counts as taken, for `put`.
    fn reserve(&mut self) -> usize {
        self.vacant.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        })
    }

    fn put(&mut self, place: usize, value: T) {
        self.places[place] = Some(value);
    }

    fn take(&mut self, place: usize) -> Option<T> {
        self.vacant.push(place);
        self.places[place].take()
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten()
    }
}
