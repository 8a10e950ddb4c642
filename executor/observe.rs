//! [`Observe`]: what an executor tells while it is observed.
//!
//! A report could be put together from what the executor has anyway: which tasks there are, and where they stand. But who
//! woke whom, or how long a task was ready before its turn, is gone at the next turn. So the executor tells each step to the
//! observers that it was given, if it was given any. If not, a wake, a spawn and an end cost a branch each, and a turn
//! nothing: a run chooses at its beginning which loop it is ([`PLAIN`], [`WATCHED`], [`OBSERVED`]).

#![forbid(unsafe_code)]

use std::panic::Location;

use super::Id;

/// A turn tells nothing.
pub(crate) const PLAIN: u8 = 0;
/// A turn writes which task has it into the pulse (`task/pulse.rs`), for other threads: two loads and two stores.
pub(crate) const WATCHED: u8 = 1;
/// A turn tells the observers, too.
pub(crate) const OBSERVED: u8 = 2;

/// A task, or a function that another thread has sent ([`Id::SENT`]), as its observers see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) id: Id,
    /// A small number that no other live task has; after the task's end another may get it. [`NO_PLACE`] for the future of
    /// `block_on`, and for a function.
    pub(crate) place: u32,
    pub(crate) site: &'static Location<'static>,
}

impl Seen {
    /// Its place in a list that begins with the future of `block_on`. `None` for a task that has left the list of live tasks.
    pub(crate) fn index(&self) -> Option<usize> {
        let is_listed = self.place != NO_PLACE || self.id == Id::ROOT;
        is_listed.then_some(self.place.wrapping_add(1) as usize)
    }
}

pub(crate) const NO_PLACE: u32 = u32::MAX;

/// What a loop does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LoopState {
    /// No run is in progress.
    Outside,
    /// It gives turns, or looks outside without waiting.
    Runs,
    /// It waits outside for something to do.
    Parked,
    /// The runtime has ended. The numbers are its last.
    Ended,
}

impl LoopState {
    /// For programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Runs => "runs",
            Self::Parked => "parked",
            Self::Ended => "ended",
        }
    }
}

/// What woke or spawned a task.
///
/// A [`Dump`](crate::insight::Dump) says of each task what woke it last, and a [`Trace`](crate::insight::Trace) of each wake what it
/// came from. Both say it in these words, those of the `Display`: "task #3", "a timer", "a blocking job".
///
/// A task that is ready already is not woken again, so what woke it first is named. Wakes by other threads reach the loop when it
/// looks outside: if several threads woke a task by then, and any of them was running a blocking job, the job is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// Another task, or the task itself, in its turn. The id of the future of `block_on` is #0.
    Task(Id),
    /// A timer.
    Timer,
    /// A socket, or another source of the reactor.
    Source,
    /// A blocking job, by its end or by what its code called: any job of the process, also one of another runtime. A task or
    /// function that a job sends by a [`Handle`](crate::Handle) is spawned by it.
    Job,
    /// Another thread, which is none of a pool for blocking jobs.
    Thread,
    /// The program, outside of all turns: between runs, or in a destructor that the loop called.
    Outside,
    /// A task whose turn the ring of a trace no longer shows.
    Unknown,
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TurnEnd {
    /// The task waits.
    Waits,
    /// It has woken itself, as by `yield_now`: it has entered the run queue.
    Yields,
    /// The task has ended in this turn.
    Done,
}

/// Is told of each step. Each method is called on the executor's own thread, in the middle of the step: it must not panic, run
/// the program's code, or come back to the executor.
#[allow(unused_variables, reason = "each observer is told of what it has a method for")]
pub(crate) trait Observe {
    fn spawned(&self, task: &Seen, by: Cause) {}

    /// It has entered the run queue. A task that wakes itself in its turn enters it when the turn ends, and
    /// [`ends_turn`](Self::ends_turn) says so.
    fn woken(&self, task: &Seen, by: Cause) {}

    /// `polls`: how many turns it has begun, with this one.
    fn begins_turn(&self, task: &Seen, polls: u32) {}

    fn ends_turn(&self, task: &Seen, end: TurnEnd) {}

    /// It is live no longer, whatever ended it. If that was in a turn, [`ends_turn`](Self::ends_turn) comes next.
    fn ended(&self, task: &Seen) {}

    /// The loop looks outside.
    fn looks(&self) {}

    /// The loop waits outside, until [`unparks`](Self::unparks).
    fn parks(&self) {}

    fn unparks(&self) {}

    /// The run ends, or the step of a host loop.
    fn leaves(&self) {}
}
