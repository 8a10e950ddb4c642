//! [`Packed`]: an event in 16 bytes.
//!
//! ```text
//! first word     time in ns, 56 bits                                | cause, 4 | kind, 4
//! second word    the task's id, 44 bits                 | where it was spawned, 20 bits
//! ```
//!
//! 56 bits of nanoseconds are two years; after that time stands still. 44 bits of ids are enough for a million spawns in a
//! second during half a year; after that they begin at 0 again.

#![forbid(unsafe_code)]

use super::ring::Words;

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Spawned,
    Woken,
    TurnBegan,
    TurnEnded,
    /// As `TurnEnded`; the task had woken itself in the turn, as by `yield_now`.
    TurnYielded,
    /// As `TurnEnded`, and the task with it.
    TurnDone,
    /// A task ended outside of a turn.
    Dropped,
    Looked,
    Parked,
    Unparked,
}

/// What set off a wake or a spawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// The task that has its turn, which the events around say.
    Turn,
    Timer,
    Source,
    Thread,
    Outside,
}

const KINDS: [Kind; 10] = [
    Kind::Spawned,
    Kind::Woken,
    Kind::TurnBegan,
    Kind::TurnEnded,
    Kind::TurnYielded,
    Kind::TurnDone,
    Kind::Dropped,
    Kind::Looked,
    Kind::Parked,
    Kind::Unparked,
];

const ORIGINS: [Origin; 5] =
    [Origin::Turn, Origin::Timer, Origin::Source, Origin::Thread, Origin::Outside];

/// More is shown as this.
const LAST_TIME: u64 = (1 << 56) - 1;
/// In place of a site of which there are too many.
pub(super) const NO_SITE: u32 = (1 << 20) - 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packed {
    /// Since the ring was made, in ns.
    pub(super) at: u64,
    pub(super) kind: Kind,
    pub(super) origin: Origin,
    /// 0: the future of `block_on`, or none.
    pub(super) task: u64,
    /// A place in the table of sites.
    pub(super) site: u32,
}

/// The first word of an event at `at`, without its kind and cause.
#[inline]
pub(super) fn time_word(at: u64) -> u64 {
    at.min(LAST_TIME) << 8
}

/// The second word of an event of a task.
#[inline]
pub(super) fn task_word(task: u64, site: u32) -> u64 {
    task << 20 | u64::from(site)
}

/// The second word of an event of the loop.
pub(super) const NO_TASK: u64 = NO_SITE as u64;

#[inline]
pub(super) fn words(time_word: u64, kind: Kind, origin: Origin, task_word: u64) -> Words {
    [time_word | (origin as u64) << 4 | kind as u64, task_word]
}

impl Packed {
    pub(super) fn unpack([first, second]: Words) -> Self {
        Self {
            at: first >> 8,
            kind: KINDS[(first & 15) as usize],
            origin: ORIGINS[(first >> 4 & 15) as usize],
            task: second >> 20,
            site: second as u32 & NO_SITE,
        }
    }
}
