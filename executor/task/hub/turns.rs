//! What home does with its tasks: spawning, turns, taking in what other places pushed.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::Poll;

use super::{Hub, bury, hub};
use crate::executor::budget;
use crate::executor::primitives::order;
use crate::executor::task::bits::{self, AfterEnd, Turn, Wake};
use crate::executor::task::cell::{self, Birth};
use crate::executor::task::count::{Count, Fate, Unqueued};
use crate::executor::task::header::{TaskPtr, count};
use crate::executor::task::inbox::Batch;
use crate::executor::task::join::JoinHandle;
use crate::executor::{Id, Info, JoinError, Who, contain};

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
        self.0.hub().root.set(None);
        self.0.count().future_taken();
        // Only where the run unwinds is it still there: a second panic would end the process.
        let output = self.0.take_now();
        contain(|| drop(output));
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

    /// Has one of those that are ready take the next turn, and the others keep their order: of so many,
    /// `choose` says which. Gives it.
    pub(crate) fn choose_next(&self, choose: impl FnOnce(usize) -> usize) -> Option<Info> {
        let chosen = self.has_ready().then(|| choose(self.ready()))?;
        let mut ready: Vec<TaskPtr> = std::iter::from_fn(|| self.queue.pop()).collect();
        ready[..=chosen].rotate_right(1);
        ready.iter().for_each(|&task| self.queue.push(task));
        // SAFETY: (QUEUE) pinned by RUN_QUEUED.
        Some(unsafe { self.describe(ready[0]) })
    }

    /// Home is about to wait outside; `false` when there is something to do first.
    pub(crate) fn park(&self) -> bool {
        !self.free.trim() && self.inbox.park()
    }

    /// Whether it has parked, and nothing was pushed since.
    pub(crate) fn is_parked(&self) -> bool {
        self.inbox.is_parked()
    }

    /// How many tasks have not ended.
    pub(crate) fn live(&self) -> usize {
        // SAFETY: (LEAF) reads a number.
        unsafe { self.live.with(|live| live.len()) }
    }

    /// Takes the flag that `stop` set.
    pub(crate) fn take_stop(&self) -> bool {
        self.stop.load(order::stop_seen()) != 0 && self.stop.fetch_and(0, order::stop_taken()) != 0
    }

    /// Spawns at the tail of the run queue.
    #[inline]
    pub(crate) fn spawn<F: Future + 'static>(
        &self,
        future: F,
        site: &'static Location<'static>,
        name: Option<Box<str>>,
    ) -> JoinHandle<F::Output> {
        // SAFETY: (ENV) the future lives as long as anything does.
        unsafe { self.spawn_unbound(future, site, name) }
    }

    /// # Safety
    ///
    /// (ENV) The future lives as long as the executor.
    #[inline]
    pub(super) unsafe fn spawn_unbound<F: Future>(
        &self,
        future: F,
        site: &'static Location<'static>,
        name: Option<Box<str>>,
    ) -> JoinHandle<F::Output> {
        if self.is_ending() && !self.may_spawn_late() {
            return self.stillborn(future, site);
        }
        let birth = self.birth(bits::SPAWNED, self.next_id(), site);
        let task = cell::new(birth, future, Some(&self.free));
        // SAFETY: (ALIVE) LISTED is set, for this.
        unsafe { self.list(task) };
        if let Some(name) = name {
            // SAFETY: (LEAF) keys are numbers.
            unsafe { self.names.with(|names| names.insert(self.last_id.get(), name)) };
        }
        self.queue.push(task);
        // SAFETY: (HANDLE) the bit is set for this handle, and (TYPED) the task is of this output.
        unsafe { JoinHandle::new(task) }
    }

    #[inline]
    pub(super) fn birth(&self, pins: u32, id: u64, site: &'static Location<'static>) -> Birth {
        self.count.home_inc();
        Birth { count: Count::new(pins), hub: NonNull::from(self), id, site }
    }

    #[inline]
    pub(super) fn next_id(&self) -> u64 {
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
        let birth = self.birth(bits::ROOT, Id::ROOT.0, site);
        let task = cell::new(birth, future, Some(&self.free));
        // SAFETY: (HANDLE), (TYPED) as in `spawn`.
        let mut root = Root(unsafe { JoinHandle::new(task) });
        self.queue.push(task);
        self.root.set(Some(task));
        run(&root);
        root.0.take_now().expect("the loop ran until the root was done")
    }

    /// Gives the next task in the run queue its turn; `false` when there is none.
    #[inline]
    pub(crate) fn turn(&self) -> bool {
        let Some(task) = self.queue.pop() else { return false };
        self.running.set(Some(task));
        // SAFETY: (QUEUE) it was in the run queue, so RUN_QUEUED is held until `begin_turn` trades it
        // for RUNNING, which is held until `end_pending` or `finish`. (HELD) for the vtable.
        unsafe {
            let count = count(task);
            match count.begin_turn() {
                Turn::Poll => {
                    budget::refill();
                    self.poll(task);
                }
                Turn::Cancel => {
                    budget::lift();
                    self.cancel(task, JoinError::cancelled);
                }
                Turn::Deliver => {
                    budget::lift();
                    self.deliver(task);
                }
                Turn::Skip(fate) => Self::settle(task, fate),
            }
        }
        self.running.set(None);
        true
    }

    /// # Safety
    ///
    /// RUNNING is held, and FUTURE.
    #[inline(always)]
    pub(super) unsafe fn poll(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) RUNNING is held until `end_pending` or `finish`. (HELD) for the vtable.
        unsafe {
            let polls = &(*task.as_ptr()).polls;
            polls.set(polls.get() + 1);
            match ((*task.as_ptr()).vtable.poll)(task) {
                Poll::Ready(()) => self.finish(task),
                Poll::Pending => {
                    if count(task).end_pending() == Wake::Push {
                        self.queue.push(task);
                    }
                }
            }
        }
    }

    /// # Safety
    ///
    /// RUNNING is held, and FUTURE.
    pub(super) unsafe fn cancel(&self, task: TaskPtr, why: fn(Who) -> JoinError) {
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
            if count(task).unlist() {
                let slot = (*task.as_ptr()).slot.get();
                self.live.with(|live| live.remove(slot));
            }
            if self.names.with(|names| !names.is_empty()) {
                self.forget_name((*task.as_ptr()).id.get());
            }
            self.end_turn(task);
        }
    }

    /// Calls back who came after the task had ended.
    ///
    /// # Safety
    ///
    /// RUNNING is held, and the output is the caller's: neither FUTURE nor OUTPUT is set.
    #[cold]
    pub(super) unsafe fn deliver(&self, task: TaskPtr) {
        // SAFETY: (HELD), (STAGE) as the caller promised.
        unsafe {
            ((*task.as_ptr()).vtable.deliver)(task);
            self.end_turn(task);
        }
    }

    /// # Safety
    ///
    /// RUNNING is held, FUTURE is not; it is given up here.
    #[inline]
    unsafe fn end_turn(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) RUNNING is held until `end_done`.
        unsafe {
            match count(task).end_done() {
                AfterEnd::Push => self.queue.push(task),
                AfterEnd::Over(fate) => Self::settle(task, fate),
            }
        }
    }

    /// The task has ended, and callbacks wait for its output: it is owed a turn.
    ///
    /// # Safety
    ///
    /// (ALIVE), at home, FUTURE is not set.
    pub(in crate::executor::task) unsafe fn push_delivery(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) as the caller promised.
        if unsafe { count(task) }.owe_delivery() == Wake::Push {
            self.queue.push(task);
        }
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
                    Unqueued::Alive { abort } => {
                        if count.take_new() {
                            (*task.as_ptr()).id.set(self.next_id());
                            self.list(task);
                        }
                        let wake = if abort { count.abort_home() } else { count.wake_home() };
                        if wake == Wake::Push {
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
    #[inline]
    unsafe fn list(&self, task: TaskPtr) {
        // SAFETY: (ALIVE) as the caller promised; (LEAF) a plain move, and now and then an allocation.
        unsafe { (*task.as_ptr()).slot.set(self.live.with(|live| live.insert(task))) };
    }
}
