//! Who awaits a `JoinHandle`: one word.
//!
//! Nearly always it is another task of the same executor. That one is *named*: the word is its
//! pointer, counted in its local half, and waking it is a bit and a link, with no call through a waker's
//! table. Any other waker is kept in a box.

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::task::Waker;

use super::cell::contain;
use super::header::{Header, TaskPtr, count};
use super::hub::Hub;
use super::waker;

/// Nobody, a task of the same executor, or a box with a foreign waker (its lowest bit set).
///
/// Home only: it belongs to a task, whose `JoinHandle` stays on the executor's thread.
pub(super) struct Joiner(Cell<*mut Header>);

/// What was in it.
enum Who {
    Nobody,
    Task(TaskPtr),
    Foreign(Box<Waker>),
}

const FOREIGN: usize = 1;

impl Joiner {
    pub(super) fn new() -> Self {
        Self(Cell::new(ptr::null_mut()))
    }

    /// Keeps `waker`, and not what was kept before. `home` is the hub of the task this belongs to.
    pub(super) fn register(&self, waker: &Waker, home: NonNull<Hub>) {
        match waker::task_of(waker, home) {
            Some(task) if task.as_ptr() == self.0.get() => {}
            Some(task) => {
                // SAFETY: (ALIVE) the waker is a reference on that task, or was lent by its turn; its
                // home is this thread's, as `home` is.
                unsafe { count(task) }.home_inc();
                self.take().forget();
                self.0.set(task.as_ptr());
            }
            None => self.register_foreign(waker),
        }
    }

    fn register_foreign(&self, waker: &Waker) {
        let boxed = match self.take() {
            Who::Foreign(mut kept) => {
                (*kept).clone_from(waker);
                kept
            }
            other => {
                other.forget();
                Box::new(waker.clone())
            }
        };
        let word = Box::into_raw(boxed).cast::<Header>();
        self.0.set(word.map_addr(|address| address | FOREIGN));
    }

    fn take(&self) -> Who {
        let word = self.0.replace(ptr::null_mut());
        match TaskPtr::new(word) {
            None => Who::Nobody,
            Some(task) if word.addr() & FOREIGN == 0 => Who::Task(task),
            Some(_) => {
                let boxed = word.map_addr(|address| address & !FOREIGN).cast::<Waker>();
                // SAFETY: (JOINER) with that bit it is the box that `register` made.
                Who::Foreign(unsafe { Box::from_raw(boxed) })
            }
        }
    }

    /// Wakes who awaits, if anybody. A panic of a foreign waker ends here.
    #[inline]
    pub(super) fn wake(&self) {
        if !self.0.get().is_null() {
            self.wake_somebody();
        }
    }

    fn wake_somebody(&self) {
        match self.take() {
            Who::Nobody => {}
            Who::Task(task) => {
                // SAFETY: (JOINER) the word was a reference on it, given up below. Home, as this belongs to a
                // task of the same hub.
                unsafe { waker::wake_home(task) };
                Who::Task(task).forget();
            }
            Who::Foreign(waker) => contain(|| waker.wake()),
        }
    }

    /// Nobody awaits any more.
    pub(super) fn clear(&self) {
        self.take().forget();
    }
}

impl Who {
    fn forget(self) {
        match self {
            Who::Nobody => {}
            // SAFETY: (JOINER) the word was a reference on it.
            Who::Task(task) => unsafe { Hub::settle_away(task, count(task).home_dec()) },
            Who::Foreign(waker) => drop(waker),
        }
    }
}
