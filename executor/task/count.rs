//! The split count: who may still reach a cell, counted in two halves.
//!
//! Both a task and the [hub](super::hub) are counted this way. **Home** (the thread that is inside
//! the executor) counts in a plain `Cell`; every other place counts in one atomic word, which may go
//! below zero: a waker made at home and dropped away. Only the sum means anything, and only
//! retirement looks at it.
//!
//! | half | holds | touched by |
//! |---|---|---|
//! | `pins` | home bits that keep the cell alive (a task's state bits) | home |
//! | `local` | references made at home minus dropped at home, since it was last folded into the word | home, until retirement |
//! | `word` | `count << 3 \| ABORT \| QUEUED \| RETIRED` | anybody |
//!
//! While a pin is held nothing can free the cell, so home needs no atomic at all. Clearing the last
//! pin **retires**: if the raw word, flags included, plus the local count is 0, nobody is left and the
//! cell is freed there and then; else one `fetch_add` hands the local count over and sets `RETIRED` in
//! the same step, and from then on whoever brings the word to exactly `RETIRED` frees.
//!
//! `&Count` may be used across a decrement, as in `std::sync::Arc`: it has no byte that is not
//! interior-mutable.

#![forbid(unsafe_code)]

use crate::executor::primitives::{AtomicIsize, HomeCell, order};

/// Home is done: the word alone decides.
const RETIRED: isize = 1;
/// In the inbox, or on its way there. This bit *is* the inbox's reference.
const QUEUED: isize = 2;
/// Its next turn drops the future. Set and cleared together with QUEUED, never without.
const ABORT: isize = 4;
/// One reference.
const ONE: isize = 8;

/// How far the local half goes before home folds it into the word. So neither half runs away where references are made
/// in one place and used up in another, and home pays one read-modify-write in so many.
pub(super) const FOLD: i32 = if cfg!(all(loom, test)) { 4 } else { 1 << 20 };

/// More references than any program has that does not forget them on purpose, and half of what fits: the other half is
/// for those that threads add between the one that passes this and its abort.
pub(super) const MOST: isize = most(isize::BITS);

const fn most(bits: u32) -> isize {
    1 << (bits - 1 - ONE.trailing_zeros() - 1)
}

// The limit, and what home may not have folded yet, fit beside the flags; in 32 bits too, whatever this is built for.
const _: () = assert!(MOST + (FOLD as isize) < isize::MAX / ONE);
const _: () = assert!(most(32) as i64 + (FOLD as i64) < (i32::MAX as i64) / ONE as i64);

pub(crate) struct Count {
    word: AtomicIsize,
    pub(super) local: HomeCell<i32>,
    pins: HomeCell<u32>,
}

/// What has become of the cell.
#[must_use = "a cell that nobody frees leaks"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Somebody can still reach it, or already frees it.
    Kept,
    /// Nobody can: the caller frees it.
    Free,
}

/// What home finds when it takes a cell out of the inbox.
#[must_use = "a cell that nobody frees leaks"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unqueued {
    /// Pinned: home may use it. It may have been aborted.
    Alive { abort: bool },
    /// Retired: home must not touch it again.
    Gone(Fate),
}

impl Count {
    /// A cell made at home, pinned by `pins`.
    #[inline]
    pub(crate) fn new(pins: u32) -> Self {
        Self { word: AtomicIsize::new(0), local: HomeCell::new(0), pins: HomeCell::new(pins) }
    }

    /// A cell made away: QUEUED, as its maker is about to push it, with `references` out.
    pub(crate) fn new_queued(pins: u32, references: isize) -> Self {
        Self { word: AtomicIsize::new((references * ONE) | QUEUED), ..Self::new(pins) }
    }

    // ---- home

    #[inline]
    pub(crate) fn pins(&self) -> u32 {
        self.pins.get()
    }

    /// Sets the pins while some stay set; [`retire`](Self::retire) clears the last.
    #[inline]
    pub(crate) fn set_pins(&self, pins: u32) {
        debug_assert!(pins != 0);
        self.pins.set(pins);
    }

    /// Clears the last pins. The one place that retires.
    #[inline]
    pub(crate) fn retire(&self) -> Fate {
        let local = self.local.get() as isize * ONE;
        if local + self.word.load(order::retire_look()) == 0 {
            return Fate::Free;
        }
        self.pins.set(0);
        let word = self.word.fetch_add(local + RETIRED, order::retire());
        if local + word == 0 { Fate::Free } else { Fate::Kept }
    }

    #[inline]
    pub(crate) fn home_inc(&self) {
        if self.pins.get() == 0 {
            return self.away_inc();
        }
        let local = self.local.get() + 1;
        self.local.set(local);
        if local == FOLD {
            abort_beyond_most(self.fold());
        }
    }

    #[inline]
    pub(crate) fn home_dec(&self) -> Fate {
        if self.pins.get() == 0 {
            return self.away_dec();
        }
        let local = self.local.get() - 1;
        self.local.set(local);
        if local == -FOLD {
            self.fold();
        }
        Fate::Kept
    }

    /// Moves what home has counted into the word, and gives that as it was before. A pin is held, so this frees nothing.
    #[cold]
    fn fold(&self) -> isize {
        let local = self.local.replace(0) as isize;
        self.word.fetch_add(local * ONE, order::fold())
    }

    /// Whether no reference is out, nor the cell in the inbox. While a pin is held none can come from
    /// elsewhere, so this stays true until home makes one.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.local.get() as isize * ONE + self.word.load(order::unreachable_look()) == 0
    }

    /// Whether it is in the inbox, or on its way there.
    pub(crate) fn is_queued(&self) -> bool {
        self.word.load(order::unreachable_look()) & QUEUED != 0
    }

    /// Home took the cell out of the inbox, and has read its link.
    pub(crate) fn unqueue(&self) -> Unqueued {
        let retired = self.pins.get() == 0;
        let word = self.word.fetch_and(!(QUEUED | ABORT), order::unqueue());
        match (retired, word & !ABORT == RETIRED | QUEUED) {
            (false, _) => Unqueued::Alive { abort: word & ABORT != 0 },
            (true, true) => Unqueued::Gone(Fate::Free),
            (true, false) => Unqueued::Gone(Fate::Kept),
        }
    }

    // ---- away

    pub(crate) fn away_inc(&self) {
        abort_beyond_most(self.word.fetch_add(ONE, order::away_inc()));
    }

    pub(crate) fn away_dec(&self) -> Fate {
        let word = self.word.fetch_sub(ONE, order::away_dec());
        if word == RETIRED + ONE { Fate::Free } else { Fate::Kept }
    }

    /// Wins or loses the right, and the duty, to push the cell into the inbox.
    #[must_use = "the winner pushes"]
    pub(crate) fn win_queued(&self) -> bool {
        self.mark(QUEUED)
    }

    /// As [`win_queued`](Self::win_queued); who wins or loses, home is told to abort.
    #[must_use = "the winner pushes"]
    pub(crate) fn win_queued_to_abort(&self) -> bool {
        self.mark(QUEUED | ABORT)
    }

    /// A read-modify-write also when all is set already: the loser's writes must reach the poll that the
    /// winner causes.
    fn mark(&self, flags: isize) -> bool {
        self.word.fetch_or(flags, order::win_queued()) & QUEUED == 0
    }

    /// The inbox is closed: the push did not happen. The caller holds a reference besides.
    pub(crate) fn let_go(&self) {
        self.word.fetch_and(!(QUEUED | ABORT), order::let_go());
    }
}

/// Ends the process, as `Arc` does, when so many references were forgotten that more could overflow.
#[inline]
fn abort_beyond_most(word: isize) {
    if word > MOST * ONE {
        std::process::abort();
    }
}
