//! Who waits for a task to end: one word.
//!
//! Nearly always it is nobody, or one other task of the same executor. That one is *named*: the word is its
//! pointer, counted in its local half, and waking it is a bit and a link, with no call through a
//! waker's table. A foreign waker, or a callback, makes it a list, in the order of registering.

#![expect(clippy::box_collection, reason = "the word has room for a thin pointer")]

use std::ptr::{self, NonNull};
use std::task::Waker;

use super::cell::contain;
use super::header::{Header, TaskPtr, count};
use super::hub::Hub;
use super::waker;
use crate::executor::primitives::HomeCell;

/// Nobody, a task of the same executor, or a boxed list (its lowest bit set).
///
/// Home only: it belongs to a task, whose `JoinHandle` stays on the executor's thread.
pub(super) struct Waiters(HomeCell<*mut Header>);

/// Called with the place of the output.
pub(super) type Callback = Box<dyn FnOnce(NonNull<Header>)>;

enum Waiter {
    /// Who awaits the handle: one at most, the latest.
    Awaiter(Waker),
    Callback(Callback),
}

/// What registering has done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Registered {
    /// Named a task: some plain moves.
    Task,
    /// Called code of the user's, which may have changed anything.
    Foreign,
}

/// What was in the word.
enum Who {
    Nobody,
    Task(TaskPtr),
    List(Box<Vec<Waiter>>),
}

const LIST: usize = 1;

impl Waiters {
    pub(super) fn new() -> Self {
        Self(HomeCell::new(ptr::null_mut()))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    #[inline]
    pub(super) fn is_list(&self) -> bool {
        self.0.get().addr() & LIST != 0
    }

    /// Keeps `waker`, and not the one that was kept before. `home` is the hub of the task this belongs to.
    /// A waker that does nothing is not kept.
    pub(super) fn await_by(&self, waker: &Waker, home: &Hub) -> Registered {
        match waker::task_of(waker, NonNull::from(home)) {
            Some(task) if task.as_ptr() == self.0.get() => Registered::Task,
            Some(task) if !self.is_list() => {
                // SAFETY: (ALIVE) the waker is a reference on that task, or was lent by its turn; its
                // home is this thread's, as `home` is.
                unsafe { count(task) }.home_inc();
                self.take().forget();
                self.0.set(task.as_ptr());
                Registered::Task
            }
            _ => {
                self.list_awaiter(waker);
                Registered::Foreign
            }
        }
    }

    fn list_awaiter(&self, waker: &Waker) {
        if waker::is_noop(waker) {
            return self.forget_awaiter();
        }
        // The user's code, this clone and the drop of the old one, runs while the list is in its place.
        let new = Waiter::Awaiter(waker.clone());
        let _old = self.with_list(|list| {
            let old = list.iter().position(Waiter::is_awaiter);
            list.push(new);
            old.map(|old| list.swap_remove(old))
        });
    }

    pub(super) fn call_back(&self, callback: Callback) {
        self.with_list(|list| list.push(Waiter::Callback(callback)));
    }

    /// The task of `home` that awaits the handle, if one does.
    pub(super) fn awaiter(&self, home: &Hub) -> Option<TaskPtr> {
        if !self.is_list() {
            return TaskPtr::new(self.0.get());
        }
        self.with_list(|list| {
            list.iter().find_map(|waiter| match waiter {
                Waiter::Awaiter(waker) => waker::task_of(waker, NonNull::from(home)),
                Waiter::Callback(_) => None,
            })
        })
    }

    /// Nobody awaits the handle any more. Callbacks stay.
    pub(super) fn forget_awaiter(&self) {
        if !self.is_list() {
            return self.take().forget();
        }
        let _gone = self.with_list(|list| {
            let awaiter = list.iter().position(Waiter::is_awaiter);
            awaiter.map(|awaiter| list.remove(awaiter))
        });
    }

    pub(super) fn has_callbacks(&self) -> bool {
        self.is_list() && self.with_list(|list| list.iter().any(|waiter| !waiter.is_awaiter()))
    }

    /// Wakes and calls all, in the order of registering. A panic of one ends there, and is reported.
    ///
    /// # Safety
    ///
    /// (ALIVE) This is what waits for `task`. (STAGE) Its output is there and stays, if there are callbacks.
    #[inline]
    pub(super) unsafe fn notify(&self, task: TaskPtr, output: NonNull<Header>) {
        if !self.is_empty() {
            // SAFETY: as the caller promised.
            unsafe { self.notify_all(task, output) };
        }
    }

    /// # Safety
    ///
    /// As [`notify`](Self::notify).
    unsafe fn notify_all(&self, task: TaskPtr, output: NonNull<Header>) {
        match self.take() {
            Who::Nobody => {}
            Who::Task(awaiter) => {
                // SAFETY: (WAITERS) the word was a reference on it, given up below. Home, as this belongs
                // to a task of the same hub.
                unsafe { waker::wake_home(awaiter) };
                Who::Task(awaiter).forget();
            }
            // SAFETY: (ALIVE) as the caller promised.
            Who::List(list) => list.into_iter().for_each(|waiter| unsafe {
                contain(task, || waiter.notify(output));
            }),
        }
    }

    fn with_list<R>(&self, f: impl FnOnce(&mut Vec<Waiter>) -> R) -> R {
        let mut list = self.take().into_list();
        let result = f(&mut list);
        if !list.is_empty() {
            let word = Box::into_raw(list).cast::<Header>();
            self.0.set(word.map_addr(|address| address | LIST));
        }
        result
    }

    fn take(&self) -> Who {
        let word = self.0.replace(ptr::null_mut());
        match TaskPtr::new(word) {
            None => Who::Nobody,
            Some(task) if word.addr() & LIST == 0 => Who::Task(task),
            Some(_) => {
                let list = word.map_addr(|address| address & !LIST).cast::<Vec<Waiter>>();
                // SAFETY: (WAITERS) with that bit it is the box that `with_list` took apart.
                Who::List(unsafe { Box::from_raw(list) })
            }
        }
    }
}

impl Waiter {
    fn is_awaiter(&self) -> bool {
        matches!(self, Waiter::Awaiter(_))
    }

    fn notify(self, output: NonNull<Header>) {
        match self {
            Waiter::Awaiter(waker) => waker.wake(),
            Waiter::Callback(callback) => callback(output),
        }
    }
}

impl Who {
    fn into_list(self) -> Box<Vec<Waiter>> {
        match self {
            Who::Nobody => Box::default(),
            // The word's reference is the waker's now.
            Who::Task(task) => Box::new(vec![Waiter::Awaiter(waker::own(task))]),
            Who::List(list) => list,
        }
    }

    fn forget(self) {
        match self {
            Who::Nobody => {}
            // SAFETY: (WAITERS) the word was a reference on it.
            Who::Task(task) => unsafe { Hub::settle_away(task, count(task).home_dec()) },
            Who::List(list) => drop(list),
        }
    }
}
