//! What the loop does all day: it gives turns, and takes in what other threads pushed.

use std::task::Poll;

use super::count::Unposted;
use super::header::TaskRef;
use super::hub::{Hub, free_anywhere, free_at_home};
use super::inbox::Batch;
use super::state::{AfterEnd, Turn};
use crate::executor::frame::Frame;
use crate::executor::observe::{Cause, OBSERVED, PLAIN};
use crate::executor::primitives::ordering;
use crate::executor::{Id, Info, JoinError, Subject, budget, contain};

impl Hub {
    /// Whether a task is in the run queue.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        !self.home.queue.is_empty()
    }

    /// How many tasks are in the run queue: counted one by one.
    pub(crate) fn ready(&self) -> usize {
        self.home.queue.iter().count()
    }

    /// Moves one task of the run queue to its head; the others keep their order. `choose` is given the ids of all, from the
    /// head on, and says which. Returns that task.
    pub(crate) fn choose_next(&self, choose: impl FnOnce(&[Id]) -> usize) -> Option<Info> {
        // SAFETY: (QUEUE) each is kept by OWED.
        let id = |task: TaskRef| Id(unsafe { task.home() }.id.get());
        let ids: Vec<_> = self.home.queue.iter().map(id).collect();
        let chosen = self.has_ready().then(|| choose(&ids))?;
        let mut ready: Vec<TaskRef> = std::iter::from_fn(|| self.home.queue.pop()).collect();
        ready[..=chosen].rotate_right(1);
        ready.iter().for_each(|&task| self.home.queue.push(task));
        // SAFETY: (QUEUE) kept by OWED.
        Some(unsafe { self.describe(ready[0]) })
    }

    /// Gives the task at the head of the run queue its turn; `false` when the queue is empty.
    /// `SEEN` says how much of it is told (`executor/observe.rs`).
    #[inline(never)]
    pub(crate) fn turn<const SEEN: u8>(&self) -> bool {
        let Some(task) = self.home.queue.pop() else { return false };
        self.home.running.set(Some(task));
        // SAFETY: (QUEUE) OWED is held until `begin_turn` trades it for RUNNING.
        unsafe {
            if SEEN != PLAIN {
                self.away.pulse.show(task.home().id.get(), task.fixed().site);
            }
            match SEEN {
                OBSERVED => self.give_turn_observed(task),
                _ => self.give_turn::<SEEN>(task),
            }
        }
        self.home.running.set(None);
        true
    }

    /// # Safety
    ///
    /// (QUEUE) It has just been taken out of the run queue, OWED.
    #[inline(always)]
    pub(super) unsafe fn give_turn<const SEEN: u8>(&self, task: TaskRef) {
        // SAFETY: OWED is held until `begin_turn` trades it for RUNNING, which is held until the turn ends. (HELD) for the
        // calls through the vtable.
        unsafe {
            match task.home().state.begin_turn(&task.away().count) {
                Turn::Poll => {
                    budget::refill();
                    self.poll::<SEEN>(task);
                }
                Turn::PollFramed => self.turn_framed(task),
                Turn::Cancel => {
                    budget::lift();
                    self.cancel(task, JoinError::cancelled);
                }
                Turn::Deliver => {
                    budget::lift();
                    self.deliver(task);
                }
                Turn::Skip(fate) => free_at_home(task, fate),
            }
        }
    }

    /// # Safety
    ///
    /// RUNNING is held, and FUTURE.
    #[inline(always)]
    pub(super) unsafe fn poll<const SEEN: u8>(&self, task: TaskRef) {
        // SAFETY: (ALIVE) RUNNING is held until the turn ends. (HELD) for the call through the vtable.
        unsafe {
            let home = task.home();
            home.count_poll();
            match (task.fixed().vtable.poll)(task) {
                Poll::Ready(()) => self.task_ended::<SEEN>(task),
                Poll::Pending => self.enqueue_again::<SEEN>(task, home.state.end_turn()),
            }
        }
    }

    /// # Safety
    ///
    /// RUNNING is held, and FUTURE.
    pub(super) unsafe fn cancel(&self, task: TaskRef, why: fn(Subject) -> JoinError) {
        // SAFETY: (HELD) as the caller promised.
        unsafe {
            if task.home().state.is_framed() {
                // The last of the frame goes with the note, in `task_ended`.
                let frame = self.frame_of(task);
                frame.enter();
                frame.within(|| (task.fixed().vtable.cancel)(task, why));
                frame.leave();
            } else {
                (task.fixed().vtable.cancel)(task, why);
            }
            self.task_ended::<OBSERVED>(task);
        }
    }

    /// A turn in the task's frame. It may end and free the task, so the frame, which is user code to leave and to drop, outlives
    /// it here: it is left, and goes, when no task has its turn.
    ///
    /// # Safety
    ///
    /// As [`poll`](Self::poll), of a task that has a frame.
    #[cold]
    #[inline(never)]
    unsafe fn turn_framed(&self, task: TaskRef) {
        // SAFETY: (ALIVE) RUNNING is held.
        let frame = unsafe { self.frame_of(task) };
        frame.enter();
        budget::refill();
        // SAFETY: as the caller promised.
        frame.within(|| unsafe { self.poll::<OBSERVED>(task) });
        self.home.running.set(None);
        budget::lift();
        frame.leave();
        contain(|| drop(frame));
    }

    /// # Safety
    ///
    /// (ALIVE) A task of this hub that has a frame.
    unsafe fn frame_of(&self, task: TaskRef) -> Frame {
        // SAFETY: (ALIVE) as the caller promised.
        let id = unsafe { task.home() }.id.get();
        // SAFETY: (LEAF) clones `Rc`s.
        let frame = unsafe { self.home.notes.with(|notes| Some(notes.get(&id)?.frame.clone())) };
        frame.expect("noted at its spawn")
    }

    /// The task has ended and is settled: takes it off the lists. `SEEN` is `OBSERVED` where that is not known.
    ///
    /// # Safety
    ///
    /// RUNNING is held, and given up here.
    #[inline]
    unsafe fn task_ended<const SEEN: u8>(&self, task: TaskRef) {
        // SAFETY: (ALIVE) RUNNING is held until `end_last_turn`; (LEAF) removing is a move.
        unsafe {
            let home = task.home();
            if SEEN == OBSERVED && self.is_observed() {
                self.tell_ended(task);
            }
            if home.state.clear_listed() {
                self.away.pulse.live.set(self.away.pulse.live.get() - 1);
                self.home.live.with(|live| live.remove(home.live_place.get()));
                if home.state.clear_noted() {
                    self.forget_note(home.id.get());
                }
            }
            self.end_last_turn(task);
        }
    }

    #[cold]
    pub(super) fn forget_note(&self, id: u64) {
        // SAFETY: (LEAF) keys are numbers.
        let note = unsafe { self.home.notes.with(|notes| notes.remove(&id)) };
        if note.is_some() {
            self.away.names().remove(&id);
        }
        contain(|| drop(note)); // the values of task-locals are the user's
    }

    /// Calls the callbacks that came after the task had ended.
    ///
    /// # Safety
    ///
    /// RUNNING is held, and given up here. (STAGE) SETTLING is set, so the output is this turn's own.
    #[cold]
    pub(super) unsafe fn deliver(&self, task: TaskRef) {
        // SAFETY: (HELD), (STAGE) as the caller promised.
        unsafe {
            (task.fixed().vtable.deliver)(task);
            self.end_last_turn(task);
        }
    }

    /// # Safety
    ///
    /// RUNNING is held, FUTURE is not set. RUNNING is given up here.
    #[inline(always)]
    unsafe fn end_last_turn(&self, task: TaskRef) {
        // SAFETY: (ALIVE) RUNNING is held until then.
        unsafe {
            match task.home().state.end_last_turn(&task.away().count) {
                AfterEnd::Push => self.push(task),
                AfterEnd::Over(fate) => free_at_home(task, fate),
            }
        }
    }

    /// Takes in what other threads pushed: woken tasks, and new ones.
    pub(crate) fn take_in(&self) {
        self.take_batch(self.away.inbox.drain());
    }

    #[inline]
    pub(super) fn take_batch(&self, batch: Batch) {
        for task in batch {
            self.away.pulse.away_wakes.add(1);
            // SAFETY: (ALIVE) POSTED is a reference until `unpost` clears it. After that a keeper keeps the task if it is
            // `Alive`.
            unsafe {
                let (home, away) = (task.home(), task.away());
                match home.state.count.unpost(&away.count) {
                    Unposted::Retired(fate) => free_anywhere(task, fate),
                    Unposted::Alive { abort, by_job } => {
                        if self.is_observed() {
                            self.set_cause(if by_job { Cause::Job } else { Cause::Thread });
                            home.state.set_told();
                        }
                        let is_new = home.state.take_new();
                        if is_new {
                            home.id.set(self.next_id());
                            self.list(task);
                            if self.is_observed() {
                                self.tell_spawned(task);
                            }
                        }
                        let wake = if abort { home.state.abort() } else { home.state.wake() };
                        self.enqueue(task, wake);
                        #[cfg(feature = "tracing")]
                        if is_new {
                            self.open_scope(task);
                        }
                    }
                }
            }
        }
        self.set_cause(Cause::Outside);
    }

    /// Returns some of the memory that a loop with nothing else to do should not keep. True if there is more to return.
    pub(crate) fn trim(&self) -> bool {
        self.home.free.trim()
    }

    /// From now on the next push of another thread unparks. `false`: look instead of sleeping (see `Inbox::park`).
    pub(crate) fn park(&self) -> bool {
        self.away.inbox.park()
    }

    /// Whether another thread has pushed, or, in `run_forever`, called `stop`, since the last look.
    pub(crate) fn is_called(&self) -> bool {
        // Ordering: a hint; the look that follows takes what is there.
        let is_stopped = || self.away.stop.load(ordering!(stop_hint: Relaxed)) != 0;
        self.away.inbox.has_tasks() || self.home.root.get().is_none() && is_stopped()
    }

    /// Whether it has parked, and nothing was pushed since.
    pub(crate) fn is_parked(&self) -> bool {
        self.away.inbox.is_parked()
    }

    /// Takes the flag that `stop` set.
    pub(crate) fn take_stop(&self) -> bool {
        let stop = &self.away.stop;
        // Ordering: a first look. A `stop` that it misses is not lost: `stop` unparks after it has set the flag, so the next
        // wait ends or does not begin, and the loop asks again.
        stop.load(ordering!(stop_look: Relaxed)) != 0
            // Ordering: pairs with `stop`.
            && stop.fetch_and(0, ordering!(stop_taken: Acquire)) != 0
    }
}
