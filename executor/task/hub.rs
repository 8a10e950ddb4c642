//! The hub: what every task of one executor shares, in two halves like a task.
//!
//! Home: the run queue, the list of live tasks, the recycled cells. Away: the inbox and the stop flag.
//! It is counted like a task too (see [`count`](super::count)): each task and each `Handle` holds a
//! reference, the executor holds the pin OPEN. It is freed when the executor has ended and the last
//! waker and handle are gone, by whoever drops that; by then home's half is empty.
//!
//! Here are its parts, its references, and what other places do with it. `turns.rs` has what home does
//! all day, `reports.rs` what is said of tasks, `close.rs` how it ends.

mod close;
mod reports;
mod turns;

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::rc::Rc;

use super::count::{Count, Fate};
use super::header::{TaskPtr, count};
use super::inbox::Inbox;
use super::join::JoinHandle;
use super::leaf_cell::LeafCell;
use super::live::Live;
use super::queue::RunQueue;
use super::recycle::{FreeList, Memory};
use crate::executor::driver::Unpark;
use crate::executor::primitives::{AtomicIsize, HomeCell};
use crate::executor::{Info, silence};
use close::LATE_SPAWNS;

/// The executor's pin.
const OPEN: u32 = 1;
/// Beside OPEN, once the executor ends.
const CLOSING: u32 = 1 << 1;

pub(crate) struct Hub {
    pub(super) count: Count,
    // away
    pub(super) inbox: Inbox,
    /// 1 while a `stop` waits to be taken.
    pub(super) stop: AtomicIsize,
    // home
    pub(super) queue: RunQueue,
    live: LeafCell<Live>,
    names: LeafCell<BTreeMap<u64, Box<str>>>,
    /// The task whose turn it is.
    running: HomeCell<Option<TaskPtr>>,
    /// The future of `block_on`, while that runs.
    root: HomeCell<Option<TaskPtr>>,
    on_unhandled: LeafCell<Option<OnUnhandled>>,
    free: FreeList,
    last_id: HomeCell<u64>,
    /// How many tasks may still be spawned while the executor ends.
    late_spawns: HomeCell<u32>,
    #[cfg(all(loom, test))]
    watch: super::watch::Watch,
}

/// Told of each failure that nobody awaits.
type OnUnhandled = Rc<dyn Fn(Option<Info>, Box<dyn Error>)>;

/// The executor's own hold on its hub. Ends everything when dropped, so that nothing of its tasks is left
/// when `'env` is over (ENV). Invariant: a function both takes and gives it. It knows where it was made, as nothing
/// tells a destructor where it is called.
pub(crate) struct HubOwner<'env>(
    NonNull<Hub>,
    &'static Location<'static>,
    PhantomData<fn(&'env ()) -> &'env ()>,
);

impl<'env> HubOwner<'env> {
    #[track_caller]
    pub(crate) fn new(unparker: Box<dyn Unpark>) -> Self {
        let hub = Hub {
            count: Count::new(OPEN),
            inbox: Inbox::new(unparker),
            stop: AtomicIsize::new(0),
            queue: RunQueue::new(),
            live: LeafCell::new(Live::new()),
            names: LeafCell::new(BTreeMap::new()),
            running: HomeCell::new(None),
            root: HomeCell::new(None),
            on_unhandled: LeafCell::new(None),
            free: FreeList::new(),
            last_id: HomeCell::new(0),
            late_spawns: HomeCell::new(LATE_SPAWNS),
            #[cfg(all(loom, test))]
            watch: super::watch::Watch::new(),
        };
        Self(NonNull::from(Box::leak(Box::new(hub))), Location::caller(), PhantomData)
    }

    /// Spawns at the tail of the run queue what lives as long as the executor.
    #[inline]
    pub(crate) fn spawn<F: Future + 'env>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        // SAFETY: (ENV) the future is dropped when this is, at the latest.
        unsafe { self.spawn_unbound(future, site, None) }
    }

    /// One more reference, for another thread to use.
    pub(super) fn share(&self) -> NonNull<Hub> {
        self.count.away_inc();
        self.0
    }
}

impl Deref for HubOwner<'_> {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        // SAFETY: (PINNED) OPEN is held until this is dropped.
        unsafe { hub(self.0) }
    }
}

impl Drop for HubOwner<'_> {
    fn drop(&mut self) {
        self.close(self.1);
        debug_assert!(self.queue.is_empty(), "nothing is queued behind the last task's end");
        // SAFETY: (LEAF) reads a number.
        let unnamed = unsafe { self.names.with(|names| names.is_empty()) };
        debug_assert!(unnamed, "a name goes with its task");
        // SAFETY: (LEAF) a move.
        let hook = unsafe { self.on_unhandled.with(Option::take) };
        silence(|| drop(hook)); // which may own handles, and so the last of some tasks
        self.free.clear();
        if self.count.retire() == Fate::Free {
            // SAFETY: (LAST) the count says that nobody else can reach it.
            unsafe { free(self.0) };
        }
    }
}

impl Hub {
    /// Who is told of failures that nobody awaits, until the executor is dropped.
    pub(crate) fn on_unhandled(&self, hook: OnUnhandled) {
        // SAFETY: (LEAF) a move; the hook before is dropped after it.
        let before = unsafe { self.on_unhandled.with(|place| place.replace(hook)) };
        drop(before);
    }

    /// Whether the executor has been dropped, or is about to end.
    pub(super) fn is_ending(&self) -> bool {
        self.count.pins() != OPEN
    }

    /// Pushes a woken task; on a closed inbox, lets it go.
    ///
    /// # Safety
    ///
    /// The caller won QUEUED and holds a reference on the task until this returns.
    pub(super) unsafe fn push_away(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) by the caller's reference.
        unsafe {
            if !self.inbox.push(task) {
                count(task).let_go();
            }
        }
    }

    /// Frees a task that nobody can reach, in whatever place. Runs no user code.
    ///
    /// # Safety
    ///
    /// (LAST): its count has just said so, to this caller.
    pub(super) unsafe fn free_away(task: TaskPtr) {
        // SAFETY: (LAST) as the caller promised; (PINNED) the task's reference on the hub is given up
        // after the task.
        unsafe {
            let hub = (*task.as_ptr()).hub;
            bury(task).release(task.cast());
            Self::release(hub);
        }
    }

    /// Gives up a reference on the hub, in whatever place.
    ///
    /// # Safety
    ///
    /// The reference is the caller's.
    pub(super) unsafe fn release(pointer: NonNull<Hub>) {
        // SAFETY: (PINNED) alive by that reference, until it is given up.
        if unsafe { hub(pointer) }.count.away_dec() == Fate::Free {
            // SAFETY: (LAST) nobody else can reach it. `HubOwner::drop` gave up OPEN last, after it had emptied what home
            // has: no hook, no name, no task, no recycled cell; so nothing of home's is dropped here.
            unsafe { free(pointer) };
        }
    }

    /// Frees the task if that is its fate. Away.
    ///
    /// # Safety
    ///
    /// `fate` is what giving up a reference or a pin of this task has just returned.
    pub(super) unsafe fn settle_away(task: TaskPtr, fate: Fate) {
        if fate == Fate::Free {
            // SAFETY: (LAST) the count says so.
            unsafe { Self::free_away(task) };
        }
    }
}

/// The hub behind a pointer.
///
/// # Safety
///
/// (PINNED) the caller holds a reference on it, or something that does, for as long as it uses it.
#[inline]
pub(super) unsafe fn hub<'a>(pointer: NonNull<Hub>) -> &'a Hub {
    // SAFETY: (PINNED) as the caller promised.
    let hub = unsafe { pointer.as_ref() };
    #[cfg(all(loom, test))]
    hub.watch.touch();
    hub
}

/// # Safety
///
/// (LAST).
unsafe fn free(pointer: NonNull<Hub>) {
    #[cfg(all(loom, test))]
    // SAFETY: (LAST) still there.
    unsafe {
        pointer.as_ref().watch.bury();
        super::watch::keep(pointer.cast(), std::alloc::Layout::new::<Hub>());
    }
    #[cfg(not(all(loom, test)))]
    // SAFETY: (LAST) as the caller promised; it came from a box.
    drop(unsafe { Box::from_raw(pointer.as_ptr()) });
}

/// The last look at a task: how its memory is given back.
///
/// # Safety
///
/// (LAST).
pub(super) unsafe fn bury(task: TaskPtr) -> Memory {
    // SAFETY: (LAST) as the caller promised.
    unsafe {
        #[cfg(all(loom, test))]
        (*task.as_ptr()).watch.bury();
        (*task.as_ptr()).vtable.memory
    }
}
