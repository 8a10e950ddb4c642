//! What home does with its tasks: spawning, turns, taking in what other places pushed.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;

use super::{Hub, OPEN, bury, hub};
use crate::executor::JoinError;
use crate::executor::budget;
use crate::executor::primitives::Ordering;
use crate::executor::task::bits::{self, AfterPoll, Turn, Wake};
use crate::executor::task::cell::{self, Birth, Cancel};
use crate::executor::task::count::{Count, Fate, Unqueued};
use crate::executor::task::header::{Polled, TaskPtr, count};
use crate::executor::task::inbox::Batch;
use crate::executor::task::join::JoinHandle;

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
    pub(in crate::executor::task) fn push_ready(&self, task: TaskPtr) {
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

    #[inline]
    pub(super) fn birth(&self, count: Count, slot: u32, site: &'static Location<'static>) -> Birth {
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
    pub(super) unsafe fn cancel(&self, task: TaskPtr, why: Cancel) {
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
    pub(in crate::executor::task) unsafe fn settle(task: TaskPtr, fate: Fate) {
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
    pub(super) fn take(&self, batch: Batch) {
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
}
