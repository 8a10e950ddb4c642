//! [`Packed`]: an event in 16 bytes.
//!
//! ```text
//! first word     time in ns, 56 bits                                   | kind, 8
//! second word    the task's id, 44 bits                 | where it was spawned, 20 bits
//! ```
//!
//! 56 bits of nanoseconds are two years; after that time stands still. 44 bits of ids are enough for a million spawns in a
//! second during half a year; after that they begin at 0 again.

#![forbid(unsafe_code)]

use super::ring::Words;
use crate::executor::Id;
use crate::executor::observe::{Cause, TurnEnd};

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Of a task only that it was one is kept: the events around say which had its turn. It is read as `Unknown`.
    Spawned(Cause),
    Woken(Cause),
    /// A turn began. A turn that ended at this moment is told of in the same event: so a turn takes one event, where it follows
    /// another at once.
    TurnBegan(Option<TurnEnd>),
    TurnEnded(TurnEnd),
    /// A task ended outside of a turn.
    Dropped,
    Looked,
    Parked,
    Unparked,
}

const ENDS: [TurnEnd; 3] = [TurnEnd::Waits, TurnEnd::Yields, TurnEnd::Done];

impl Kind {
    /// A number below 256.
    #[inline]
    fn pack(self) -> u64 {
        match self {
            Self::Spawned(by) => by.kind() << 4,
            Self::Woken(by) => by.kind() << 4 | 1,
            Self::TurnBegan(end) => end.map_or(3, |end| end as u64) << 4 | 2,
            Self::TurnEnded(end) => (end as u64) << 4 | 3,
            Self::Dropped => 4,
            Self::Looked => 5,
            Self::Parked => 6,
            Self::Unparked => 7,
        }
    }

    fn unpack(packed: u64) -> Self {
        let more = packed >> 4 & 15;
        match packed & 15 {
            0 => Self::Spawned(Cause::of_kind(more, Cause::Unknown)),
            1 => Self::Woken(Cause::of_kind(more, Cause::Unknown)),
            2 => Self::TurnBegan(ENDS.get(more as usize).copied()),
            3 => Self::TurnEnded(ENDS[more as usize]),
            4 => Self::Dropped,
            5 => Self::Looked,
            6 => Self::Parked,
            _ => Self::Unparked,
        }
    }
}

/// [`Id::SENT`] in 44 bits.
const SENT: u64 = u64::MAX >> 20;
/// More is shown as this.
const LAST_TIME: u64 = (1 << 56) - 1;
/// In place of a site of which there are too many.
pub(super) const NO_SITE: u32 = (1 << 20) - 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packed {
    /// Since the ring was made, in ns.
    pub(super) at: u64,
    pub(super) kind: Kind,
    /// [`Id::ROOT`]: the future of `block_on`, or none.
    pub(super) task: Id,
    /// A place in the table of sites.
    pub(super) site: u32,
}

/// The first word of an event at `at`, without its kind.
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
pub(super) fn words(time_word: u64, kind: Kind, task_word: u64) -> Words {
    [time_word | kind.pack(), task_word]
}

impl Packed {
    pub(super) fn unpack([first, second]: Words) -> Self {
        Self {
            at: first >> 8,
            kind: Kind::unpack(first),
            task: if second >> 20 == SENT { Id::SENT } else { Id(second >> 20) },
            site: second as u32 & NO_SITE,
        }
    }
}
