//! A task's home bits: what state it is in. Only this file tests or sets them.
//!
//! Touched at home only, so plain loads and stores. Bits that *pin* the task (see
//! [`count`](super::count)) are set exactly while the thing they name exists:
//!
//! | bit | set while | never while |
//! |---|---|---|
//! | `RUNNING` | the loop polls or cancels it | |
//! | `FUTURE` | the cell holds the future | `OUTPUT` |
//! | `OUTPUT` | the cell holds the output, for the handle or for callbacks | `FUTURE` |
//! | `RUN_QUEUED` | it is owed a turn: in the run queue, or `RUNNING` and enters when its turn ends | |
//! | `LISTED` | it is in the list of live tasks | |
//! | `HANDLE` | its `JoinHandle` exists | |
//!
//! and three that do not pin. `ABORT` (its next turn drops the future) and `NEW` (made away, not yet listed) are cleared
//! with `FUTURE` at the latest. `ENDING` says that the output is the turn's own: the future is gone, or the output was
//! taken out for callbacks, and nobody else can have it yet.

#![forbid(unsafe_code)]

use super::count::{Count, Fate};
use crate::executor::State;

const RUNNING: u32 = 1;
const FUTURE: u32 = 1 << 1;
const OUTPUT: u32 = 1 << 2;
const RUN_QUEUED: u32 = 1 << 3;
const LISTED: u32 = 1 << 4;
const HANDLE: u32 = 1 << 5;
const ABORT: u32 = 1 << 6;
const NEW: u32 = 1 << 7;
const ENDING: u32 = 1 << 8;

/// What a task of one's own begins with: listed, owed a turn, its handle out.
pub(super) const SPAWNED: u32 = FUTURE | LISTED | RUN_QUEUED | HANDLE;
/// The root of `block_on`: not listed, as it cannot be lost.
pub(super) const ROOT: u32 = FUTURE | RUN_QUEUED | HANDLE;
/// A task sent from another thread: home lists and queues it when it takes it in.
pub(super) const REMOTE: u32 = FUTURE | NEW;
/// A function sent from another thread, for a turn of its own. It is not listed, so no report counts it as lost.
pub(super) const CALL: u32 = FUTURE;
/// A task spawned while the executor has been ending for too long: nothing but an error, and the handle for that.
pub(super) const STILLBORN: u32 = OUTPUT | HANDLE;

/// Whether a task enters the run queue now.
#[must_use = "a task that is not pushed never runs"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wake {
    /// It is owed a turn already, or none: it was not woken, or has no future any more (F1).
    Nothing,
    Push,
}

/// What to do with a task taken from the run queue.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Poll,
    /// It was aborted: drop the future.
    Cancel,
    /// It ended before, and callbacks were added since. The output is the caller's to deliver again.
    Deliver,
    /// Its future is gone, and so is its output: there was nobody for it.
    Skip(Fate),
}

/// What to do with a task that has ended.
#[must_use = "a cell that nobody frees leaks"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AfterEnd {
    /// Late callbacks are owed a turn.
    Push,
    Over(Fate),
}

/// What a `JoinHandle` finds.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Join {
    /// It has not ended, or its output is being delivered.
    NotYet,
    Output,
    /// The output was given out before.
    Taken,
}

impl Count {
    #[inline]
    fn has(&self, bits: u32) -> bool {
        self.pins() & bits != 0
    }

    #[inline]
    fn clear(&self, bits: u32) -> Fate {
        match self.pins() & !bits {
            0 => self.retire(),
            left => {
                self.set_pins(left);
                Fate::Kept
            }
        }
    }

    #[inline]
    pub(super) fn wake_home(&self) -> Wake {
        let pins = self.pins();
        if pins & (FUTURE | RUN_QUEUED) != FUTURE {
            return Wake::Nothing;
        }
        self.set_pins(pins | RUN_QUEUED);
        if pins & RUNNING == 0 { Wake::Push } else { Wake::Nothing }
    }

    /// Aborts: the next turn, which it is owed from now, drops the future.
    pub(super) fn abort_home(&self) -> Wake {
        if self.has(FUTURE) {
            self.set_pins(self.pins() | ABORT);
        }
        self.wake_home()
    }

    #[inline]
    pub(super) fn begin_turn(&self) -> Turn {
        let pins = self.pins();
        if pins & FUTURE == 0 {
            return self.begin_late_turn();
        }
        self.set_pins(pins & !RUN_QUEUED | RUNNING);
        if pins & ABORT == 0 { Turn::Poll } else { Turn::Cancel }
    }

    #[cold]
    fn begin_late_turn(&self) -> Turn {
        if !self.take_output() {
            return Turn::Skip(self.clear(RUN_QUEUED));
        }
        self.set_pins(self.pins() & !RUN_QUEUED | RUNNING | ENDING);
        Turn::Deliver
    }

    /// The poll returned `Pending`, or was not made; the task may have been woken meanwhile.
    #[inline]
    pub(super) fn end_pending(&self) -> Wake {
        let pins = self.pins() & !RUNNING;
        self.set_pins(pins);
        if pins & RUN_QUEUED == 0 { Wake::Nothing } else { Wake::Push }
    }

    /// The executor closes on a task that is not in the run queue: its future is about to be dropped.
    pub(super) fn begin_close(&self) {
        self.set_pins(self.pins() | RUNNING);
    }

    /// The future has been dropped, in a turn. A wake that arrived during this turn is void.
    #[inline]
    pub(super) fn future_gone(&self) {
        self.set_pins(self.pins() & !(FUTURE | ABORT | NEW | RUN_QUEUED) | ENDING);
    }

    /// Whether the list of live tasks has it.
    pub(super) fn is_listed(&self) -> bool {
        self.has(LISTED)
    }

    /// The root's future, which is borrowed, is taken out, whether or not it is in the run queue.
    pub(super) fn future_taken(&self) {
        self.set_pins(self.pins() & !FUTURE);
    }

    #[inline]
    pub(super) fn has_handle(&self) -> bool {
        self.has(HANDLE)
    }

    #[inline]
    pub(super) fn output_stored(&self) {
        self.set_pins(self.pins() & !ENDING | OUTPUT);
    }

    /// The task has ended; whether it was in the list of live tasks, which it leaves.
    #[inline]
    #[must_use = "the list still has it"]
    pub(super) fn unlist(&self) -> bool {
        let pins = self.pins();
        self.set_pins(pins & !LISTED);
        pins & LISTED != 0
    }

    /// The turn of a task that has ended is over. One more is owed if callbacks came during the delivery.
    #[inline]
    pub(super) fn end_done(&self) -> AfterEnd {
        match self.pins() & !(RUNNING | ENDING) {
            0 => AfterEnd::Over(self.retire()),
            pins => {
                self.set_pins(pins);
                if pins & RUN_QUEUED == 0 { AfterEnd::Over(Fate::Kept) } else { AfterEnd::Push }
            }
        }
    }

    /// Whether home still has to list it: it came from another thread.
    pub(super) fn take_new(&self) -> bool {
        let new = self.has(NEW);
        if new {
            self.set_pins(self.pins() & !NEW | LISTED);
        }
        new
    }

    /// Where the task stands, for reports.
    pub(super) fn state(&self, polls: u64) -> State {
        match self.pins() {
            pins if pins & RUNNING != 0 => State::Running,
            // What was never polled is owed its first turn, which the end of the executor may have taken.
            pins if pins & RUN_QUEUED != 0 || polls == 0 || self.is_queued() => State::Ready,
            _ if self.is_unreachable() => State::Stuck,
            _ => State::Waiting,
        }
    }

    // ---- the JoinHandle's

    /// Whether the future is gone.
    #[inline]
    pub(super) fn is_finished(&self) -> bool {
        !self.has(FUTURE)
    }

    /// A callback was added to a task that has ended: it is owed a turn for that.
    pub(super) fn owe_delivery(&self) -> Wake {
        let pins = self.pins();
        self.set_pins(pins | RUN_QUEUED);
        if pins & (RUN_QUEUED | RUNNING) == 0 { Wake::Push } else { Wake::Nothing }
    }

    #[inline]
    pub(super) fn join(&self) -> Join {
        match self.pins() & (FUTURE | OUTPUT | ENDING) {
            0 => Join::Taken,
            pins if pins & OUTPUT != 0 => Join::Output,
            _ => Join::NotYet,
        }
    }

    /// Takes the output out; the caller reads or drops it.
    #[inline]
    #[must_use = "the output is the caller's now"]
    pub(super) fn take_output(&self) -> bool {
        let had = self.has(OUTPUT);
        if had {
            self.set_pins(self.pins() & !OUTPUT);
        }
        had
    }

    #[inline]
    pub(super) fn handle_gone(&self) -> Fate {
        self.clear(HANDLE)
    }
}
