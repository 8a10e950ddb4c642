//! The header: what every task has, whatever its future is.

use std::panic::Location;
use std::ptr::NonNull;
use std::task::Poll;

use super::count::Count;
use super::hub::Hub;
use super::recycle::Memory;
use super::waiters::Waiters;
use crate::executor::primitives::{HomeCell, ProtocolCell};
use crate::executor::{JoinError, Who};

/// One task. Everything here is used through this pointer, which has the provenance of the whole
/// allocation: no `&Header` is ever made, as one would forbid reaching the future behind it.
pub(super) type TaskPtr = NonNull<Header>;

/// First in the cell, so a pointer to it is a pointer to the cell.
#[repr(C)]
pub(super) struct Header {
    pub(super) count: Count,
    pub(super) vtable: &'static VTable,
    /// The executor it belongs to. The task holds one reference on it (PINNED).
    pub(super) hub: NonNull<Hub>,
    /// Run queue: the task behind this one.
    pub(super) next_run: HomeCell<Option<TaskPtr>>,
    pub(super) polls: HomeCell<u64>,
    pub(super) id: HomeCell<u64>,
    /// Where the list of live tasks has it.
    pub(super) slot: HomeCell<u32>,
    pub(super) site: &'static Location<'static>,
    /// Who waits for its end.
    pub(super) waiters: Waiters,
    /// Inbox: the task pushed before this one. Belongs to whoever won QUEUED, then to the drain (LINK).
    pub(super) link: ProtocolCell<*mut Header>,
    #[cfg(all(loom, test))]
    pub(super) watch: super::watch::Watch,
}

/// What can be done with a task without knowing its future.
///
/// The functions run user code and may be called only at home, with a bit held (HELD).
pub(super) struct VTable {
    /// Polls the future. `Pending` changed nothing; `Ready` dropped the future and settled the output.
    pub(super) poll: unsafe fn(TaskPtr) -> Poll<()>,
    /// Drops the future unfinished and settles the error as the output.
    pub(super) cancel: unsafe fn(TaskPtr, fn(Who) -> JoinError),
    /// Tells those who wait that the output is there, and drops it if nobody is left.
    pub(super) deliver: unsafe fn(TaskPtr),
    /// How many bytes behind the header's begin the output is, if there is one.
    pub(super) output: usize,
    pub(super) memory: Memory,
}

/// The count of a task.
///
/// # Safety
///
/// `task` is alive: the caller holds a reference on it or one of its pins. The returned reference is
/// not used once that is given up, except by the very operation that gives it up.
#[inline]
pub(super) unsafe fn count<'a>(task: TaskPtr) -> &'a Count {
    #[cfg(all(loom, test))]
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        (*task.as_ptr()).watch.touch();
    }
    // SAFETY: (ALIVE) as the caller promised; Count may be referenced across a decrement.
    unsafe { &(*task.as_ptr()).count }
}
