//! What waits for a task to end: an awaiter and callbacks, in one word.
//!
//! A `Vec` of wakers would do. But nearly always either nothing waits, or one other task of the same executor does. So that
//! awaiter is *named*: the word is the pointer to its task, counted at home, and waking it is a bit and a link, without a
//! call through a waker's table. A foreign waker or a callback makes the word a boxed list, in the order in which they
//! registered.

#![expect(clippy::box_collection, reason = "the word has room for a thin pointer")]

use std::ptr::{self, NonNull};
use std::task::Waker;

use super::contain::contain_for;
use super::header::{Header, TaskRef};
use super::hub::{Hub, free_anywhere};
use super::waker;
use crate::executor::primitives::HomeCell;

/// Home only: it belongs to a task, whose `JoinHandle` stays on the executor's thread.
///
/// The word is null, the pointer of a task of the same executor, or the pointer of a boxed list with its lowest bit set
/// (WAITERS).
pub(super) struct Waiters(HomeCell<*mut Header>);

/// The bit that marks a list.
const LIST: usize = 1;

/// Called once the output is there.
pub(super) type Callback = Box<dyn FnOnce(Output)>;

/// The place of a task's output, whose type only the handle knows.
pub(super) type Output = NonNull<()>;

/// One entry of a list.
enum Waiter {
    /// The awaiter of the handle. There is at most one, the latest.
    Awaiter(Waker),
    Callback(Callback),
}

/// The word, taken apart.
enum Content {
    Empty,
    /// The word's reference on this task comes with it.
    Task(TaskRef),
    List(Box<Vec<Waiter>>),
}

/// What registering an awaiter has done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Registered {
    /// A task was named: some plain moves.
    Named,
    /// A waker was listed. Its clone, or the drop of the one before, may be user code, which may have changed anything.
    Listed,
}

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

    pub(super) fn has_callbacks(&self) -> bool {
        self.is_list() && self.with_list(|list| list.iter().any(|waiter| !waiter.is_awaiter()))
    }

    /// Keeps `waker` as the awaiter, in place of the one before. `hub` is that of the task this belongs to. A waker that
    /// does nothing is not kept.
    pub(super) fn set_awaiter(&self, waker: &Waker, hub: &Hub) -> Registered {
        match waker::task_of(waker, hub.this) {
            Some(task) if task.as_ptr() == self.0.get() => Registered::Named,
            Some(task) if !self.is_list() => {
                // SAFETY: (ALIVE) the waker is a reference on that task, or was lent for its turn; this is its home, too.
                unsafe { task.add_reference_at_home() };
                self.take().release();
                self.0.set(task.as_ptr());
                Registered::Named
            }
            _ => {
                self.list_awaiter(waker);
                Registered::Listed
            }
        }
    }

    fn list_awaiter(&self, waker: &Waker) {
        if waker::is_noop(waker) {
            return self.forget_awaiter();
        }
        // User code runs here, in this clone and in the drop of the old waker. The list is in its place both times.
        let new = Waiter::Awaiter(waker.clone());
        let _old = self.with_list(|list| {
            let old = list.iter().position(Waiter::is_awaiter);
            list.push(new);
            old.map(|old| list.swap_remove(old)) // so the new one takes the old one's place in the order
        });
    }

    pub(super) fn add_callback(&self, callback: Callback) {
        self.with_list(|list| list.push(Waiter::Callback(callback)));
    }

    /// The awaiter, if it is a task of this hub.
    pub(super) fn awaiter(&self, hub: &Hub) -> Option<TaskRef> {
        if !self.is_list() {
            return TaskRef::from_ptr(self.0.get());
        }
        self.with_list(|list| {
            list.iter().find_map(|waiter| match waiter {
                Waiter::Awaiter(waker) => waker::task_of(waker, hub.this),
                Waiter::Callback(_) => None,
            })
        })
    }

    /// Whether the awaiter is no task of this hub, as inside of a combinator that polls with wakers of its own.
    pub(super) fn is_awaited_elsewhere(&self, hub: &Hub) -> bool {
        let is_elsewhere = |waiter: &Waiter| match waiter {
            Waiter::Awaiter(waker) => waker::task_of(waker, hub.this).is_none(),
            Waiter::Callback(_) => false,
        };
        self.is_list() && self.with_list(|list| list.iter().any(is_elsewhere))
    }

    /// Drops the awaiter. Callbacks stay.
    pub(super) fn forget_awaiter(&self) {
        if !self.is_list() {
            return self.take().release();
        }
        let _old = self.with_list(|list| {
            let awaiter = list.iter().position(Waiter::is_awaiter);
            awaiter.map(|awaiter| list.remove(awaiter))
        });
    }

    /// Wakes the awaiter and calls the callbacks, in the order in which they registered. A panic of one ends there, and is
    /// reported.
    ///
    /// # Safety
    ///
    /// (ALIVE) These are the waiters of `task`. (STAGE) If there are callbacks, `output` is there, and stays.
    #[inline]
    pub(super) unsafe fn notify(&self, task: TaskRef, output: Output) {
        if !self.is_empty() {
            // SAFETY: as the caller promised.
            unsafe { self.notify_all(task, output) };
        }
    }

    /// # Safety
    ///
    /// As [`notify`](Self::notify).
    unsafe fn notify_all(&self, task: TaskRef, output: Output) {
        match self.take() {
            Content::Empty => {}
            Content::Task(awaiter) => {
                // SAFETY: (WAITERS) the word was a reference on it, given up below; it is a task of the same hub, at home.
                unsafe { awaiter.fixed().hub.at_home().wake(awaiter) };
                Content::Task(awaiter).release();
            }
            // SAFETY: (ALIVE) as the caller promised.
            Content::List(list) => list.into_iter().for_each(|waiter| unsafe {
                contain_for(task, || waiter.notify(output));
            }),
        }
    }

    /// Takes the word apart, makes it a list, and puts it back after `f`. The word is empty meanwhile, so `f` runs no user
    /// code.
    fn with_list<R>(&self, f: impl FnOnce(&mut Vec<Waiter>) -> R) -> R {
        let mut list = self.take().into_list();
        let result = f(&mut list);
        if !list.is_empty() {
            let word = Box::into_raw(list).cast::<Header>();
            self.0.set(word.map_addr(|address| address | LIST));
        }
        result
    }

    fn take(&self) -> Content {
        let word = self.0.replace(ptr::null_mut());
        match TaskRef::from_ptr(word) {
            None => Content::Empty,
            Some(task) if word.addr() & LIST == 0 => Content::Task(task),
            Some(_) => {
                let list = word.map_addr(|address| address & !LIST).cast::<Vec<Waiter>>();
                // SAFETY: (WAITERS) with that bit it is the box that `with_list` put there.
                Content::List(unsafe { Box::from_raw(list) })
            }
        }
    }
}

impl Waiter {
    fn is_awaiter(&self) -> bool {
        matches!(self, Waiter::Awaiter(_))
    }

    fn notify(self, output: Output) {
        match self {
            Waiter::Awaiter(waker) => waker.wake(),
            Waiter::Callback(callback) => callback(output),
        }
    }
}

impl Content {
    fn into_list(self) -> Box<Vec<Waiter>> {
        match self {
            Content::Empty => Box::default(),
            // The word's reference becomes the waker's.
            Content::Task(task) => Box::new(vec![Waiter::Awaiter(waker::own(task))]),
            Content::List(list) => list,
        }
    }

    /// Gives up what the word held: the reference, or the list.
    fn release(self) {
        match self {
            Content::Empty => {}
            // SAFETY: (WAITERS) the word was a reference on it, and this is home.
            Content::Task(task) => unsafe { free_anywhere(task, task.drop_reference_at_home()) },
            Content::List(list) => drop(list),
        }
    }
}
