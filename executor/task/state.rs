//! The state of a task: some bits, and every transition between them. Only this file tests or sets a bit.
//!
//! The bits are home's, so each transition is a plain load and a plain store. Those that say that something exists are
//! also the *keepers* of the task's [count](super::count): while one is set, the task is not freed. The other bits are
//! never set alone.
//!
//! A transition returns an enum that says what the caller must do next. No other file decides that from bits.

#![forbid(unsafe_code)]

use super::count::{AwayCount, Fate, HomeCount};
use crate::executor::State;

// The keepers: bits that keep the task from being freed.

/// Set while the task has its turn: from `begin_turn` (or `begin_close`) to the end of that turn. Never while the task is
/// in the run queue.
const RUNNING: u32 = 1;
/// Set while the cell holds the future. Never while OUTPUT is set.
const FUTURE: u32 = 1 << 1;
/// Set while the cell holds the output, ready to be taken. Never while FUTURE or SETTLING is set.
const OUTPUT: u32 = 1 << 2;
/// Set while the executor owes the task a turn: the task is in the run queue, or it is RUNNING and enters the queue when
/// this turn ends. Never twice: a wake of a task that is owed a turn changes nothing (F1).
const OWED: u32 = 1 << 3;
/// Set while the task is in the list of live tasks, where reports find it. Never for the root of `block_on`.
const LISTED: u32 = 1 << 4;
/// Set while the `JoinHandle` exists. Never set again once it was cleared.
const HANDLE: u32 = 1 << 5;

// Bits that keep nothing.

/// Set when the task is to be aborted: its next turn drops the future. Never without FUTURE.
const ABORT: u32 = 1 << 6;
/// Set on a task that another thread has sent, until home lists it. Never without FUTURE.
const NEW: u32 = 1 << 7;
/// Set while a turn settles the task: the future is gone, and the output is that turn's own, so the handle cannot have it
/// yet. Never without RUNNING, never while FUTURE or OUTPUT is set.
const SETTLING: u32 = 1 << 8;
/// Set once the task was asked to end. Never without FUTURE.
const ASKED: u32 = 1 << 9;
/// Set on a task that has a frame (`executor/frame.rs`), which is in force in its turns. Never without FUTURE.
const FRAMED: u32 = 1 << 10;
/// Set on a task whose wakes are told to observers (`executor/observe.rs`). A bit, as each wake looks at these anyway. Never
/// without FUTURE.
const TOLD: u32 = 1 << 12;
/// Set once the task's group has a reference on it (`control.rs`), which is no waker: it only ends the task. Never without FUTURE, which has
/// the task's seat in the group.
const GROUPED: u32 = 1 << 13;

/// Set while the hub has a note of the task: until a listed task is taken off the list, or the root's handle is dropped.
const NOTED: u32 = 1 << 11;

/// A task spawned at home begins listed, owed a turn, with its handle out.
pub(super) const SPAWNED: u32 = FUTURE | LISTED | OWED | HANDLE;
/// The root of `block_on` is not listed, as it cannot be lost.
pub(super) const ROOT: u32 = FUTURE | OWED | HANDLE;
/// A task that another thread sends. Home lists it, and queues it, when it takes it in.
pub(super) const REMOTE: u32 = FUTURE | NEW;
/// A function that another thread sends, for a turn of its own. It is never listed, so no report counts it as lost.
pub(super) const CALL: u32 = FUTURE;
/// A task that a destructor spawns while the executor closes, after `LATE_SPAWNS` others (hub.rs): only an error, and the
/// handle that gives it.
pub(super) const STILLBORN: u32 = OUTPUT | HANDLE;

/// Whether the caller pushes the task into the run queue.
#[must_use = "a task that is not pushed never runs"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wake {
    Push,
    /// As `Push`, and tells the observers.
    PushAndTell,
    /// No: it is owed a turn already, or will be by the look that takes it in, or it has no future to poll.
    Nothing,
}

/// What to do with a task that was taken from the run queue.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Poll,
    /// As `Poll`, in the task's frame.
    PollFramed,
    /// It was aborted: drop the future.
    Cancel,
    /// It has ended, and callbacks were added since. The output is the caller's, to call them with.
    Deliver,
    /// It is the root of a run that unwound while the root was queued: its future was taken out, and no output is there. No
    /// turn; OWED has been cleared.
    Skip(Fate),
}

/// What to do with a task whose last turn, or delivery, is over.
#[must_use = "a cell that nobody frees leaks"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AfterEnd {
    /// Callbacks came during the delivery: push the task, for one more turn.
    Push,
    Over(Fate),
}

/// What a `JoinHandle` finds.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Join {
    /// The task has not ended, or the turn that ends it is not over.
    NotYet,
    /// The output is there.
    Output,
    /// The output was taken before.
    Taken,
}

/// The state of one task, with home's half of its count, whose keepers these bits are.
pub(super) struct TaskState {
    pub(super) count: HomeCount,
}

impl TaskState {
    #[inline]
    pub(super) fn new(bits: u32) -> Self {
        Self { count: HomeCount::new(bits) }
    }

    #[inline]
    fn bits(&self) -> u32 {
        self.count.keepers()
    }

    #[inline]
    fn has(&self, bits: u32) -> bool {
        self.bits() & bits != 0
    }

    /// Stores bits of which at least one is a keeper.
    #[inline]
    fn set(&self, bits: u32) {
        let has = |some: u32| bits & some != 0;
        debug_assert!(
            has(!(ABORT | NEW | SETTLING | ASKED | FRAMED | NOTED | TOLD | GROUPED)),
            "the other bits are never alone"
        );
        debug_assert!(!has(FUTURE) || !has(OUTPUT | SETTLING), "the cell has room for one of them");
        debug_assert!(!has(OUTPUT) || !has(SETTLING), "the output has one owner");
        let of_a_future = ABORT | NEW | ASKED | FRAMED | TOLD | GROUPED;
        debug_assert!(has(FUTURE) || !has(of_a_future), "bits of a future");
        self.count.set_keepers(bits);
    }

    /// Clears a keeper. If it was the last one, the task retires.
    #[inline]
    fn clear_keeper(&self, bit: u32, away: &AwayCount) -> Fate {
        debug_assert!(self.has(bit), "given up twice");
        let left = self.bits() & !bit;
        if left == 0 {
            return self.count.retire(away);
        }
        self.set(left);
        Fate::Kept
    }

    // ---- waking

    #[inline]
    pub(super) fn wake(&self) -> Wake {
        let bits = self.bits();
        // A NEW task is in the inbox: it has its first turn, and its id, from the look that takes it in.
        if bits & (FUTURE | OWED | NEW | TOLD) != FUTURE {
            return self.wake_told(bits);
        }
        self.set(bits | OWED);
        if bits & RUNNING == 0 { Wake::Push } else { Wake::Nothing }
    }

    #[inline]
    fn wake_told(&self, bits: u32) -> Wake {
        if bits & (FUTURE | OWED | NEW | TOLD) != FUTURE | TOLD {
            return Wake::Nothing;
        }
        self.set(bits | OWED);
        if bits & RUNNING == 0 { Wake::PushAndTell } else { Wake::Nothing }
    }

    /// From now on the wakes of the task are told.
    pub(super) fn set_told(&self) {
        if self.has(FUTURE) {
            self.set(self.bits() | TOLD);
        }
    }

    /// In a turn of the task: its group has a reference from now on, until the future is gone.
    pub(super) fn set_grouped(&self) {
        debug_assert!(self.has(RUNNING) && self.has(FUTURE), "not in its turn");
        self.set(self.bits() | GROUPED);
    }

    /// The next turn drops the future, and the task is owed that turn from now on.
    pub(super) fn abort(&self) -> Wake {
        if self.has(FUTURE) {
            self.set(self.bits() | ABORT);
        }
        self.wake()
    }

    /// The task is asked to end. False if it has ended.
    pub(super) fn ask(&self) -> bool {
        let lives = self.has(FUTURE);
        if lives {
            self.set(self.bits() | ASKED);
        }
        lives
    }

    /// The task that was just made has a frame.
    pub(super) fn set_framed(&self) {
        self.set(self.bits() | FRAMED);
    }

    pub(super) fn is_framed(&self) -> bool {
        self.has(FRAMED)
    }

    /// A callback was added to a task that has ended: it is owed a turn for that.
    pub(super) fn owe_delivery(&self) -> Wake {
        let bits = self.bits();
        debug_assert!(bits & FUTURE == 0, "the task's end delivers");
        self.set(bits | OWED);
        if bits & (OWED | RUNNING) == 0 { Wake::Push } else { Wake::Nothing }
    }

    // ---- a turn

    /// The task was taken from the run queue.
    #[inline]
    pub(super) fn begin_turn(&self, away: &AwayCount) -> Turn {
        let bits = self.bits();
        debug_assert!(bits & OWED != 0 && bits & RUNNING == 0, "not a task of the run queue");
        if bits & FUTURE == 0 {
            return self.begin_delivery(away);
        }
        self.set(bits & !OWED | RUNNING);
        match bits & (ABORT | FRAMED) {
            0 => Turn::Poll,
            FRAMED => Turn::PollFramed,
            _ => Turn::Cancel,
        }
    }

    #[cold]
    fn begin_delivery(&self, away: &AwayCount) -> Turn {
        if !self.take_output() {
            return Turn::Skip(self.clear_keeper(OWED, away));
        }
        self.set(self.bits() & !OWED | RUNNING | SETTLING);
        Turn::Deliver
    }

    /// The turn of a task that has not ended is over. If the task was woken during it, it enters the queue now.
    #[inline]
    pub(super) fn end_turn(&self) -> Wake {
        debug_assert!(self.has(RUNNING) && self.has(FUTURE), "no turn to end");
        let bits = self.bits() & !RUNNING;
        self.set(bits);
        if bits & OWED == 0 { Wake::Nothing } else { Wake::Push }
    }

    /// The executor closes: a turn begins that drops the future of a task which is not in the run queue.
    pub(super) fn begin_close(&self) {
        debug_assert!(self.has(FUTURE) && !self.has(OWED | RUNNING), "still queued, or gone");
        self.set(self.bits() | RUNNING);
    }

    // ---- the turn that ends the task

    /// The turn has dropped the future. A wake that arrived during this turn is void. Returns whether the task had been asked
    /// to end.
    #[inline]
    pub(super) fn future_dropped(&self) -> bool {
        debug_assert!(self.has(RUNNING) && self.has(FUTURE), "no future was there");
        let bits = self.bits();
        self.set(bits & !(FUTURE | ABORT | OWED | ASKED | FRAMED | TOLD | GROUPED) | SETTLING);
        bits & ASKED != 0
    }

    /// The turn has stored the output, and gives it up to the handle.
    #[inline]
    pub(super) fn output_stored(&self) {
        debug_assert!(self.has(SETTLING), "the output is another's");
        self.set(self.bits() & !SETTLING | OUTPUT);
    }

    /// Clears LISTED. True if it was set: then the caller takes the task off the list.
    #[inline]
    #[must_use = "the list still has it"]
    pub(super) fn clear_listed(&self) -> bool {
        let bits = self.bits();
        self.set(bits & !LISTED);
        bits & LISTED != 0
    }

    /// The hub has a note of the task.
    pub(super) fn set_noted(&self) {
        self.set(self.bits() | NOTED);
    }

    /// Clears NOTED. True if it was set: then the caller drops the note.
    #[inline]
    #[must_use = "the hub still has the note"]
    pub(super) fn clear_noted(&self) -> bool {
        let bits = self.bits();
        if bits & NOTED != 0 {
            self.set(bits & !NOTED);
        }
        bits & NOTED != 0
    }

    /// The turn that ended the task, or delivered to its callbacks, is over.
    #[inline]
    pub(super) fn end_last_turn(&self, away: &AwayCount) -> AfterEnd {
        debug_assert!(self.has(RUNNING) && !self.has(FUTURE), "the task has not ended");
        let left = self.bits() & !(RUNNING | SETTLING);
        if left == 0 {
            return AfterEnd::Over(self.count.retire(away));
        }
        self.set(left);
        if left & OWED == 0 { AfterEnd::Over(Fate::Kept) } else { AfterEnd::Push }
    }

    // ---- taking in, and the root

    /// Lists a task that another thread sent. True if the caller has to enter it into the list.
    pub(super) fn take_new(&self) -> bool {
        let is_new = self.has(NEW);
        if is_new {
            self.set(self.bits() & !NEW | LISTED);
        }
        is_new
    }

    /// Takes the root's borrowed future out of the cell, wherever the run stopped.
    pub(super) fn take_root_future(&self) {
        debug_assert!(self.has(HANDLE) && !self.has(LISTED), "not the root");
        self.set(self.bits() & !(FUTURE | ASKED | NOTED | TOLD));
    }

    // ---- what reports and handles ask

    pub(super) fn is_listed(&self) -> bool {
        self.has(LISTED)
    }

    #[inline]
    pub(super) fn has_handle(&self) -> bool {
        self.has(HANDLE)
    }

    /// Whether the task has ended: its future is gone.
    #[inline]
    pub(super) fn is_finished(&self) -> bool {
        !self.has(FUTURE)
    }

    #[inline]
    pub(super) fn join(&self) -> Join {
        match self.bits() & (FUTURE | OUTPUT | SETTLING) {
            0 => Join::Taken,
            bits if bits & OUTPUT != 0 => Join::Output,
            _ => Join::NotYet,
        }
    }

    /// Takes the output, if it is there: then the caller reads or drops it.
    #[inline]
    #[must_use = "the output is the caller's now"]
    pub(super) fn take_output(&self) -> bool {
        let bits = self.bits();
        if bits & OUTPUT != 0 {
            self.set(bits & !OUTPUT); // the taker holds another keeper: the handle's, or the turn's
        }
        bits & OUTPUT != 0
    }

    /// The `JoinHandle` is gone.
    #[inline]
    pub(super) fn handle_dropped(&self, away: &AwayCount) -> Fate {
        self.clear_keeper(HANDLE, away)
    }

    /// What a report says of the task.
    pub(super) fn reported(&self, polls: u32, away: &AwayCount) -> State {
        match self.bits() {
            bits if bits & RUNNING != 0 => State::Running,
            // A task that was never polled is owed its first turn, even where the close of the executor took that away.
            bits if bits & OWED != 0 || polls == 0 || away.is_posted() => State::Ready,
            bits => match self.count.is_unreachable_but_by((bits & GROUPED != 0).into(), away) {
                true => State::Stuck,
                false => State::Waiting,
            },
        }
    }
}
