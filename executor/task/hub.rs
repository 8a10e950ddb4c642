//! The hub: what every task of one executor shares, in two halves like a task.
//!
//! Home: the run queue, the list of live tasks, the recycled cells. Away: the inbox and the stop flag.
//! It is counted like a task too (see [`count`](super::count)): each task and each `Handle` holds a
//! reference, the executor holds the pin OPEN. It is freed when the executor has ended and the last
//! waker and handle are gone, by whoever drops that; by then home's half is empty.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;

use super::bits::{self, AfterPoll, Turn, Wake};
use super::cell::{self, Birth, Cancel};
use super::count::{Count, Fate, Unqueued};
use super::entry;
use super::header::{Polled, TaskPtr, count};
use super::inbox::{Batch, Inbox};
use super::join::JoinHandle;
use super::leaf_cell::LeafCell;
use super::live::Live;
use super::queue::RunQueue;
use super::recycle::{FreeList, Memory};
use crate::executor::budget;
use crate::executor::driver::Unpark;
use crate::executor::lost::LostTask;
use crate::executor::primitives::{AtomicBool, Ordering};
use crate::executor::{Id, JoinError};

/// The executor's pin.
const OPEN: u32 = 1;
/// Beside OPEN, once the executor ends.
const CLOSING: u32 = 1 << 1;

/// Destructors may spawn while the executor ends, and the destructors of what they spawn may too.
/// That many are still dropped in order; what comes after is forgotten, so that it ends.
const LATE_SPAWNS: u32 = 10_000;

pub(crate) struct Hub {
    count: Count,
    // away
    inbox: Inbox,
    stop: AtomicBool,
    // home
    queue: RunQueue,
    live: LeafCell<Live>,
    names: RefCell<BTreeMap<u64, Box<str>>>,
    free: FreeList,
    last_id: Cell<u64>,
    /// How many tasks may still be spawned while the executor ends.
    late_spawns: Cell<u32>,
    #[cfg(all(loom, test))]
    watch: super::watch::Watch,
}

/// The executor's own hold on its hub. Ends everything when dropped.
pub(crate) struct HubOwner(NonNull<Hub>);

impl HubOwner {
    pub(crate) fn new(unparker: Box<dyn Unpark>) -> Self {
        let hub = Hub {
            count: Count::new(OPEN),
            inbox: Inbox::new(unparker),
            stop: AtomicBool::new(false),
            queue: RunQueue::new(),
            live: LeafCell::new(Live::new()),
            names: RefCell::new(BTreeMap::new()),
            free: FreeList::new(),
            last_id: Cell::new(0),
            late_spawns: Cell::new(LATE_SPAWNS),
            #[cfg(all(loom, test))]
            watch: super::watch::Watch::new(),
        };
        Self(NonNull::from(Box::leak(Box::new(hub))))
    }

    /// One more reference, for another thread to use.
    pub(super) fn share(&self) -> NonNull<Hub> {
        self.pin_away();
        self.0
    }
}

impl Deref for HubOwner {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        // SAFETY: (PINNED) OPEN is held until this is dropped.
        unsafe { hub(self.0) }
    }
}

impl Drop for HubOwner {
    #[track_caller]
    fn drop(&mut self) {
        self.close(Location::caller());
        if self.count.retire() == Fate::Free {
            // SAFETY: (LAST) the count says that nobody else can reach it.
            unsafe { free(self.0) };
        }
    }
}

/// The task of `block_on`'s future, which it borrows.
pub(crate) struct Root<T>(JoinHandle<T>);

impl<T> Root<T> {
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Drop for Root<T> {
    /// Takes the borrowed future out of the task, however the run ended (BORROW).
    fn drop(&mut self) {
        self.0.take_future();
    }
}

// ---- home

impl Hub {
    pub(crate) fn has_ready(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Tasks in the run queue, counted.
    pub(crate) fn ready(&self) -> usize {
        self.queue.len()
    }

    /// Home is about to wait outside; `false` when the inbox has something.
    pub(crate) fn park(&self) -> bool {
        self.inbox.park()
    }

    /// Takes the flag that `stop` set.
    pub(crate) fn take_stop(&self) -> bool {
        // Ordering: Acquire: what the stopper did before is seen. Not an RMW: home alone clears it.
        let stop = self.stop.load(Ordering::Acquire);
        if stop {
            self.stop.store(false, Ordering::Relaxed);
        }
        stop
    }

    #[inline]
    pub(super) fn push_ready(&self, task: TaskPtr) {
        self.queue.push(task);
    }

    /// Spawns at the tail of the run queue.
    #[inline]
    pub(crate) fn spawn<F: Future + 'static>(
        &self,
        future: F,
        site: &'static Location<'static>,
        name: Option<Box<str>>,
    ) -> JoinHandle<F::Output> {
        if self.count.pins() != OPEN && !self.may_spawn_late() {
            return self.stillborn(future, site);
        }
        let pins = if name.is_some() { bits::SPAWNED_NAMED } else { bits::SPAWNED };
        let birth = |slot| self.birth(Count::new(pins), slot, site);
        // SAFETY: (LEAF) making a cell moves the future and allocates.
        let task = unsafe {
            self.live.with(|live| {
                live.insert(|slot| cell::new(birth(slot), future, |memory| self.free.take(memory)))
            })
        };
        if let Some(name) = name {
            self.names.borrow_mut().insert(self.last_id.get(), name);
        }
        self.queue.push(task);
        // SAFETY: (HANDLE) the bit is set for this handle, and (TYPED) the task is of this output.
        unsafe { JoinHandle::new(task) }
    }

    /// The executor is ending, and destructors spawn.
    #[cold]
    fn may_spawn_late(&self) -> bool {
        let left = self.late_spawns.get();
        self.late_spawns.set(left.saturating_sub(1));
        left > 0
    }

    /// A task that ended before it began: the executor has been ending for too long.
    #[cold]
    fn stillborn<F: Future + 'static>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        std::mem::forget(future);
        let task = cell::new_ended::<F>(self.birth(Count::new(bits::STILLBORN), 0, site));
        // SAFETY: (HANDLE), (TYPED) as in `spawn`.
        unsafe { JoinHandle::new(task) }
    }

    #[inline]
    fn birth(&self, count: Count, slot: u32, site: &'static Location<'static>) -> Birth {
        self.count.home_inc();
        Birth { count, hub: NonNull::from(self), id: self.next_id(), slot, site }
    }

    #[inline]
    fn next_id(&self) -> u64 {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        id
    }

    /// Queues `future` like any task, lets `run` drive the loop until the [`Root`] it is given says that
    /// the future has completed, and returns the output.
    pub(crate) fn with_root<F: Future>(
        &self,
        future: Pin<&mut F>,
        site: &'static Location<'static>,
        run: impl FnOnce(&Root<F::Output>),
    ) -> Result<F::Output, JoinError> {
        self.count.home_inc();
        let count = Count::new(bits::ROOT);
        let birth = Birth { count, hub: NonNull::from(self), id: 0, slot: 0, site };
        let task = cell::new(birth, future, |memory| self.free.take(memory));
        // SAFETY: (HANDLE), (TYPED) as in `spawn`.
        let mut root = Root(unsafe { JoinHandle::new(task) });
        self.queue.push(task);
        run(&root);
        root.0.take_now().expect("the loop ran until the root was done")
    }

    /// Gives the next task in the run queue its turn; `false` when there is none.
    #[inline]
    pub(crate) fn turn(&self) -> bool {
        let Some(task) = self.queue.pop() else { return false };
        // SAFETY: (QUEUE) it was in the run queue, so RUN_QUEUED is held until `begin_turn` trades it
        // for RUNNING, which is held until `end_pending` or `finish`. (HELD) for the vtable.
        unsafe {
            let count = count(task);
            match count.begin_turn() {
                Turn::Poll => {
                    budget::refill();
                    let polls = &(*task.as_ptr()).polls;
                    polls.set(polls.get() + 1);
                    match ((*task.as_ptr()).vtable.poll)(task) {
                        Polled::Done => self.finish(task),
                        Polled::Pending => {
                            if count.end_pending() == AfterPoll::Push {
                                self.queue.push(task);
                            }
                        }
                    }
                }
                Turn::Cancel => self.cancel(task, Cancel::Abort),
                Turn::Skip(fate) => Self::settle(task, fate),
            }
        }
        true
    }

    /// # Safety
    ///
    /// RUNNING is held, and FUTURE.
    unsafe fn cancel(&self, task: TaskPtr, why: Cancel) {
        // SAFETY: (HELD) as the caller promised.
        unsafe {
            ((*task.as_ptr()).vtable.cancel)(task, why);
            self.finish(task);
        }
    }

    /// The task has ended and its output is settled.
    ///
    /// # Safety
    ///
    /// RUNNING is held; it is given up here.
    #[inline]
    unsafe fn finish(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) RUNNING is held until `end_done`; (LEAF) removing is a move.
        unsafe {
            let count = count(task);
            let ended = count.unlist();
            if ended.listed {
                let slot = (*task.as_ptr()).slot.get();
                self.live.with(|live| live.remove(slot));
            }
            if ended.named {
                self.forget_name((*task.as_ptr()).id.get());
            }
            Self::settle(task, count.end_done());
        }
    }

    #[cold]
    fn forget_name(&self, id: u64) {
        self.names.borrow_mut().remove(&id);
    }

    /// Frees the task if that is its fate. At home.
    ///
    /// # Safety
    ///
    /// `fate` is what giving up a pin of this task, at home, has just returned.
    #[inline]
    pub(super) unsafe fn settle(task: TaskPtr, fate: Fate) {
        if fate == Fate::Kept {
            return;
        }
        // SAFETY: (LAST) the count says that nobody else can reach the task, which held (PINNED) a
        // reference on the hub until now.
        unsafe {
            let hub = hub((*task.as_ptr()).hub);
            if hub.count.pins() == 0 {
                return Self::free_away(task);
            }
            // OPEN is held, so this is never the last.
            let _kept = hub.count.home_dec();
            hub.free.put(task.cast(), bury(task));
        }
    }

    /// Takes in what other places pushed: woken tasks, and new ones.
    pub(crate) fn take_in(&self) {
        self.take(self.inbox.drain());
    }

    #[inline]
    fn take(&self, batch: Batch) {
        for task in batch {
            // SAFETY: (ALIVE) QUEUED is a reference until `unqueue` gives it up; then what it found
            // says whether a pin is held.
            unsafe {
                let count = count(task);
                match count.unqueue() {
                    Unqueued::Gone(fate) => Self::settle_away(task, fate),
                    Unqueued::Alive => {
                        if count.take_new() {
                            self.list_new(task);
                        }
                        if count.wake_home() == Wake::Push {
                            self.queue.push(task);
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    ///
    /// (ALIVE), at home.
    unsafe fn list_new(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) as the caller promised; (LEAF) plain moves.
        unsafe {
            let place = |slot| {
                (*task.as_ptr()).slot.set(slot);
                (*task.as_ptr()).id.set(self.next_id());
                task
            };
            self.live.with(|live| live.insert(place));
        }
    }

    /// Ends every task: closes the inbox, drops the futures in the order of spawning, resolves their
    /// handles. Returns what was lost. Destructors may do anything; what they spawn is dropped too.
    pub(crate) fn close(&self, site: &'static Location<'static>) -> Vec<LostTask> {
        if self.count.pins() != OPEN {
            return Vec::new();
        }
        self.count.set_pins(OPEN | CLOSING);
        entry::enter_anyway(self, site, || {
            self.take(self.inbox.close());
            let mut lost = Vec::new();
            loop {
                // SAFETY: (LEAF) copies pointers.
                let mut round: Vec<TaskPtr> =
                    unsafe { self.live.with(|live| live.iter().collect()) };
                // SAFETY: (ALIVE) LISTED is held until a task's own turn to be dropped, below.
                round.sort_by_key(|task| unsafe { (*task.as_ptr()).id.get() });
                for &task in &round {
                    self.empty_queue();
                    // SAFETY: (ALIVE) as above; not in the run queue, which is empty.
                    unsafe {
                        lost.push(self.describe(task));
                        count(task).begin_close();
                        self.cancel(task, Cancel::Shutdown);
                    }
                }
                if round.is_empty() {
                    break;
                }
            }
            self.empty_queue();
            self.free.clear();
            lost
        })
    }

    fn empty_queue(&self) {
        while let Some(task) = self.queue.pop() {
            // SAFETY: (QUEUE) RUN_QUEUED is held until `drop_turn` gives it up.
            unsafe { Self::settle(task, count(task).drop_turn()) };
        }
    }

    /// # Safety
    ///
    /// (ALIVE), at home.
    unsafe fn describe(&self, task: TaskPtr) -> LostTask {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe {
            let id = (*task.as_ptr()).id.get();
            LostTask {
                id: Id(id),
                name: self.names.borrow().get(&id).cloned(),
                site: (*task.as_ptr()).site,
                polls: (*task.as_ptr()).polls.get(),
            }
        }
    }
}

// ---- away

impl Hub {
    /// Pushes a woken task; on a closed inbox, lets it go.
    ///
    /// # Safety
    ///
    /// The caller won QUEUED and holds a reference on the task until this returns.
    pub(super) unsafe fn push_away(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) by the caller's reference.
        unsafe {
            if self.inbox.push(task).is_err() {
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
            // SAFETY: (LAST) nobody else can reach it; its home half was emptied when it closed.
            unsafe { free(pointer) };
        }
    }

    /// Sets the stop flag and ends the wait, if home waits.
    pub(super) fn stop_away(&self) {
        // Ordering: Release pairs with `take_stop`.
        self.stop.store(true, Ordering::Release);
        self.inbox.unpark();
    }

    /// Pushes a new task; `false` on a closed inbox, and then it is still the caller's alone.
    pub(super) fn push_new(&self, task: TaskPtr) -> bool {
        self.inbox.push(task).is_ok()
    }

    /// One more reference on the hub.
    pub(super) fn pin_away(&self) {
        self.count.away_inc();
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
unsafe fn bury(task: TaskPtr) -> Memory {
    // SAFETY: (LAST) as the caller promised.
    unsafe {
        #[cfg(all(loom, test))]
        (*task.as_ptr()).watch.bury();
        (*task.as_ptr()).vtable.memory
    }
}
