//! The header: what every task has, whatever the type of its future. Here the two halves are types.
//!
//! [`Home`] is what only the executor's own thread touches; [`Away`] is what any thread touches. Code that runs on some
//! other thread is given an `&Away` and nothing else, so the compiler keeps it from home's half.

use std::panic::Location;
use std::ptr::NonNull;
use std::task::Poll;

use super::count::{AwayCount, Fate};
use super::hub::HubRef;
use super::recycle::Memory;
use super::state::TaskState;
use super::waiters::Waiters;
use crate::executor::primitives::{HomeCell, ProtocolCell};
use crate::executor::{JoinError, Subject};

/// One task's header. It comes first in the task's cell, so a pointer to it is a pointer to the cell.
///
/// The order of the fields puts what a turn touches into the first 64 bytes.
#[repr(C)]
pub(super) struct Header {
    home: Home,
    fixed: Fixed,
    away: Away,
    #[cfg(all(loom, test))]
    pub(super) watch: super::watch::Watch,
}

/// A task's home half.
pub(super) struct Home {
    pub(super) state: TaskState,
    /// Run queue: the task behind this one. Meaningful while the task is in the queue (QUEUE).
    pub(super) next_run: HomeCell<Option<TaskRef>>,
    /// How many turns the task has begun; stops at `u32::MAX`.
    pub(super) polls: HomeCell<u32>,
    /// Which place of the list of live tasks has it, while it is listed.
    pub(super) live_place: HomeCell<u32>,
    /// 0 for the root, `Id::SENT` for a function that another thread has sent (`CALL`). A task that another thread has sent is
    /// given the next number when home takes it in.
    pub(super) id: HomeCell<u64>,
    /// The tasks and callbacks that wait for this task to end.
    pub(super) waiters: Waiters,
}

/// What is written once, before any other place knows the task. Any thread may read it.
pub(super) struct Fixed {
    pub(super) vtable: &'static VTable,
    /// The executor that the task belongs to. The task holds one reference on it (HUB).
    pub(super) hub: HubRef,
    /// Where the task was spawned.
    pub(super) site: &'static Location<'static>,
}

impl Home {
    #[inline]
    pub(super) fn count_poll(&self) {
        let polls = self.polls.get().wrapping_add(1);
        self.polls.set(polls);
        if polls == 0 {
            self.stop_counting_polls();
        }
    }

    #[cold]
    #[inline(never)]
    fn stop_counting_polls(&self) {
        self.polls.set(u32::MAX);
    }
}

/// A task's away half.
pub(super) struct Away {
    pub(super) count: AwayCount,
    /// Inbox: the task that was pushed before this one. It belongs to the thread that won POSTED, then to the drain (LINK).
    pub(super) link: ProtocolCell<*mut Header>,
}

/// What can be done with a task without knowing the type of its future.
///
/// [`cell`](super::cell) makes one such table for each type of future, while that type is known. A task then carries a
/// pointer to its table, and the loop, which knows no types, calls through it: *type erasure*.
///
/// The functions run user code, so they are called only at home, while a keeper is held (HELD).
pub(super) struct VTable {
    /// Polls the future. `Pending`: the task waits. `Ready`: the future was dropped and the task settled.
    pub(super) poll: unsafe fn(TaskRef) -> Poll<()>,
    /// Drops the future unfinished, and settles the task with this error as its output.
    pub(super) cancel: unsafe fn(TaskRef, fn(Subject) -> JoinError),
    /// Calls the waiters with the output, then keeps the output for the handle, or drops it without one.
    pub(super) deliver: unsafe fn(TaskRef),
    /// How many bytes behind the start of the cell the output is.
    pub(super) output_offset: usize,
    /// How the cell's memory was got, and is given back.
    pub(super) memory: Memory,
}

impl Header {
    pub(super) fn new(birth: Birth, vtable: &'static VTable) -> Self {
        Self {
            home: Home {
                state: birth.state,
                next_run: HomeCell::new(None),
                polls: HomeCell::new(0),
                live_place: HomeCell::new(0),
                id: HomeCell::new(birth.id),
                waiters: Waiters::new(),
            },
            fixed: Fixed { vtable, hub: birth.hub, site: birth.site },
            away: Away { count: birth.away, link: ProtocolCell::new(std::ptr::null_mut()) },
            #[cfg(all(loom, test))]
            watch: super::watch::Watch::new(),
        }
    }
}

/// What a new task is made of, besides its future.
pub(super) struct Birth {
    pub(super) state: TaskState,
    pub(super) away: AwayCount,
    /// The new task holds a reference on it, which the maker has counted (HUB).
    pub(super) hub: HubRef,
    pub(super) id: u64,
    pub(super) site: &'static Location<'static>,
}

/// A task, from outside: a plain pointer, that may or may not be counted.
///
/// It points to the whole cell, so it may be cast to the cell of the future's type. A pointer made from a `&Header` could
/// not: it would be good for the header's bytes alone. So a `TaskRef` is made once, of the allocation, and the accessors
/// below borrow one part each.
///
/// Each accessor needs the same promise.
///
/// # Safety
///
/// (ALIVE) The caller holds a reference on the task, or one of its keepers. What is borrowed is not used once that is given
/// up, except by the very operation that gives it up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskRef(NonNull<Header>);

impl TaskRef {
    #[inline]
    pub(super) fn of_cell<T>(cell: NonNull<T>) -> Self {
        Self(cell.cast())
    }

    /// `None` for null.
    #[inline]
    pub(super) fn from_ptr(pointer: *mut Header) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    #[inline]
    pub(super) fn as_ptr(self) -> *mut Header {
        self.0.as_ptr()
    }

    /// The whole cell, as the type it was made with.
    #[inline]
    pub(super) fn cell<T>(self) -> NonNull<T> {
        self.0.cast()
    }

    /// # Safety
    ///
    /// (ALIVE), and the thread is the executor's own.
    #[inline]
    pub(super) unsafe fn home<'a>(self) -> &'a Home {
        #[cfg(all(loom, test))]
        // SAFETY: (ALIVE) as the caller promised.
        unsafe {
            self.watch().touch();
        }
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { &(*self.as_ptr()).home }
    }

    /// # Safety
    ///
    /// (ALIVE).
    #[inline]
    pub(super) unsafe fn away<'a>(self) -> &'a Away {
        #[cfg(all(loom, test))]
        // SAFETY: (ALIVE) as the caller promised.
        unsafe {
            self.watch().touch();
        }
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { &(*self.as_ptr()).away }
    }

    /// # Safety
    ///
    /// (ALIVE).
    #[inline]
    pub(super) unsafe fn fixed<'a>(self) -> &'a Fixed {
        // SAFETY: (ALIVE) as the caller promised; never written again.
        unsafe { &(*self.as_ptr()).fixed }
    }

    /// Makes one more reference.
    ///
    /// # Safety
    ///
    /// (ALIVE), and the thread is the executor's own.
    #[inline]
    pub(super) unsafe fn add_reference_at_home(self) {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { self.home().state.count.inc(&self.away().count) }
    }

    /// Gives up a reference.
    ///
    /// # Safety
    ///
    /// (ALIVE) The reference is the caller's. The thread is the executor's own.
    #[inline]
    pub(super) unsafe fn drop_reference_at_home(self) -> Fate {
        // SAFETY: (ALIVE) until the reference is given up.
        unsafe { self.home().state.count.dec(&self.away().count) }
    }

    /// The last look at a task that is about to be freed: how its memory is given back.
    ///
    /// # Safety
    ///
    /// (LAST) No other place can reach the task.
    pub(super) unsafe fn bury(self) -> Memory {
        // SAFETY: (LAST) as the caller promised.
        unsafe {
            #[cfg(all(loom, test))]
            self.watch().bury();
            self.fixed().vtable.memory
        }
    }

    /// # Safety
    ///
    /// (ALIVE).
    #[cfg(all(loom, test))]
    pub(super) unsafe fn watch<'a>(self) -> &'a super::watch::Watch {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { &(*self.as_ptr()).watch }
    }
}
