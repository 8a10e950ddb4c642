//! The split count: how many references to a cell are out.
//!
//! `Arc` counts in one atomic word. Each clone and each drop is then an atomic read-modify-write, though nearly all of
//! them happen on one thread. So the count is split:
//!
//! * [`HomeCount`] is for the executor's own thread: plain numbers. `keepers` are bits that keep the cell alive (a task's
//!   state, the hub's `OPEN`), and `local` is how many references this thread has made, minus how many it has dropped.
//! * [`AwayCount`] is for every other place: one atomic word, `references << 4 | BY_JOB | ABORT_POSTED | POSTED | RETIRED`.
//!
//! Either half may go below zero, as a waker that is made at home may be dropped on another thread. Only the sum of both
//! means something, and only [`HomeCount::retire`] needs it.
//!
//! While a keeper is set nothing can free the cell, so home never has to look at the word. When home clears the last keeper the
//! cell **retires**. If no reference is out (word and local count together are zero, and no flag is set), home frees the
//! cell on the spot, without a read-modify-write. Otherwise one `fetch_add` hands the local count over to the word and
//! sets RETIRED in the same step. From then on the word alone decides: the decrement that leaves it at exactly RETIRED
//! frees the cell.
//!
//! Tasks are counted this way, and so is the [hub](super::hub).
//!
//! A `&HomeCount` or `&AwayCount` may live across the decrement that frees its cell, as the one in `std::sync::Arc` does:
//! every byte of either is interior-mutable, so the compiler may not assume that it stays readable.

#![forbid(unsafe_code)]

use crate::executor::job_thread::runs_jobs;
use crate::executor::primitives::{AtomicIsize, HomeCell, ordering};

/// Home has cleared the last keeper: the word alone decides.
const RETIRED: isize = 1;
/// Posted to the inbox: in it, or about to be pushed. The flag is itself a reference, the inbox's.
const POSTED: isize = 2;
/// Posted in order to be aborted: the next turn drops the future.
const ABORT_POSTED: isize = 4;
/// A thread that runs blocking jobs has posted it. It need not be the thread that won POSTED.
const BY_JOB: isize = 8;
/// POSTED, and what is said with it: set together with it, in one step, and cleared together, never alone.
const POST: isize = POSTED | ABORT_POSTED | BY_JOB;
/// One reference.
const ONE: isize = 16;

/// How far `local` goes before home adds it to the word. Without this bound a program that makes references in one place
/// and drops them in another would overflow one of the halves. With it, home pays one read-modify-write in a million.
pub(super) const FOLD: i32 = if cfg!(all(loom, test)) { 4 } else { 1 << 20 };

/// The most references the word may hold: half of what fits. The other half is room for the references that other
/// threads add between the one that passes this limit and the abort that follows it. No program gets here but one that
/// forgets references on purpose.
pub(super) const MAX_REFERENCES: isize = max_references(isize::BITS);

const fn max_references(bits: u32) -> isize {
    1 << (bits - 1 - ONE.trailing_zeros() - 1)
}

// The limit, plus what home may not have folded yet, fits beside the flags; in 32 bits too, whatever this is built for.
const _: () = assert!(MAX_REFERENCES + (FOLD as isize) < isize::MAX / ONE);
const _: () = assert!(max_references(32) as i64 + (FOLD as i64) < (i32::MAX as i64) / ONE as i64);

/// The half of the executor's own thread.
pub(super) struct HomeCount {
    /// 0: the cell has retired.
    keepers: HomeCell<u32>,
    /// References made at home, minus references dropped at home, since the last fold.
    local: HomeCell<i32>,
}

/// The half of every other place.
pub(super) struct AwayCount {
    word: AtomicIsize,
}

/// What giving up a keeper or a reference has done to the cell.
#[must_use = "a cell that nobody frees leaks"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It can still be reached, or another thread is already freeing it.
    Kept,
    /// That was the last one: the caller frees the cell.
    Free,
}

/// What home finds when it takes a cell out of the inbox.
#[must_use = "a cell that nobody frees leaks"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unposted {
    /// A keeper is set, so home may use the cell. `abort`: it was posted in order to be aborted. `by_job`: at least one of the
    /// threads that posted it was running blocking jobs.
    Alive { abort: bool, by_job: bool },
    /// The cell had retired. Home must not touch it again, except to free it.
    Retired(Fate),
}

impl HomeCount {
    #[inline]
    pub(super) fn new(keepers: u32) -> Self {
        Self { keepers: HomeCell::new(keepers), local: HomeCell::new(0) }
    }

    #[inline]
    pub(super) fn keepers(&self) -> u32 {
        self.keepers.get()
    }

    /// Sets the keepers while at least one stays set; [`retire`](Self::retire) clears the last.
    #[inline]
    pub(super) fn set_keepers(&self, keepers: u32) {
        debug_assert!(keepers != 0, "the last keeper is cleared by `retire`");
        self.keepers.set(keepers);
    }

    /// Clears the last keeper.
    ///
    /// A plain load is enough to free on the spot, though it may return an older value of the word, which misses increments.
    /// Such a value never makes the sum 0 too early. An increment away is made by the holder of another reference. While that
    /// one is out it is in the sum, in `local` or in the word. If it was dropped away, a load that misses the increment misses
    /// that later decrement too, as both change the same word. And if home has dropped one of the two, the old reference or
    /// the new, home had received it after the increment, which makes the increment visible to this load.
    #[inline]
    pub(super) fn retire(&self, away: &AwayCount) -> Fate {
        let local = self.local.get() as isize * ONE;
        // Ordering: pairs with the Release of every `away_dec`: what those that dropped a reference did before is done
        // before home frees.
        if local + away.word.load(ordering!(retire_look: Acquire)) == 0 {
            return Fate::Free;
        }
        self.keepers.set(0); // before the word: after that the cell may be gone
        // Ordering: Release hands home's accesses to the `away_dec` that frees; Acquire as in `retire_look`.
        let word = away.word.fetch_add(local + RETIRED, ordering!(retire: AcqRel));
        if local + word == 0 { Fate::Free } else { Fate::Kept }
    }

    #[inline]
    pub(super) fn inc(&self, away: &AwayCount) {
        if self.keepers.get() == 0 {
            return away.inc(); // retired
        }
        let local = self.local.get() + 1;
        self.local.set(local);
        if local == FOLD {
            end_process_beyond_max(self.fold(away));
        }
    }

    #[inline]
    pub(super) fn dec(&self, away: &AwayCount) -> Fate {
        if self.keepers.get() == 0 {
            return away.dec(); // retired
        }
        let local = self.local.get() - 1;
        self.local.set(local);
        if local == -FOLD {
            self.fold(away);
        }
        Fate::Kept
    }

    /// Adds the local count to the word; returns the word as it was before. A keeper is set, so this frees nothing.
    #[cold]
    fn fold(&self, away: &AwayCount) -> isize {
        let local = self.local.replace(0) as isize;
        // Ordering: a keeper is set, so no thread frees; what home did before is handed on by `retire`.
        away.word.fetch_add(local * ONE, ordering!(fold: Relaxed))
    }

    /// Whether no reference is out but so many, which home has, and the cell is not posted. While a keeper is set no other
    /// place can make a reference out of nothing, so this stays true until home makes one.
    pub(super) fn is_unreachable_but_by(&self, known: isize, away: &AwayCount) -> bool {
        // Ordering: for a report; nothing is read through it.
        let word = away.word.load(ordering!(unreachable_look: Relaxed));
        self.local.get() as isize * ONE + word == known * ONE
    }

    /// Home has taken the cell out of the inbox and has read its link: clears POSTED.
    pub(super) fn unpost(&self, away: &AwayCount) -> Unposted {
        let is_retired = self.keepers.get() == 0;
        // Ordering: Acquire sees what the place of the wake wrote before `post`. Release gives the link, which was read,
        // to the next thread that wins POSTED.
        let word = away.word.fetch_and(!POST, ordering!(unpost: AcqRel));
        let was_last = word & !POST == RETIRED;
        let has = |flag| word & flag != 0;
        match is_retired {
            false => Unposted::Alive { abort: has(ABORT_POSTED), by_job: has(BY_JOB) },
            true if was_last => Unposted::Retired(Fate::Free),
            true => Unposted::Retired(Fate::Kept),
        }
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn local(&self) -> i32 {
        self.local.get()
    }
}

impl AwayCount {
    #[inline]
    pub(super) fn new() -> Self {
        Self { word: AtomicIsize::new(0) }
    }

    /// Of a cell that is made away: POSTED, as its maker is about to push it, with one reference out.
    pub(super) fn new_posted() -> Self {
        Self { word: AtomicIsize::new(ONE | POSTED | by_job()) }
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn with_references(references: isize) -> Self {
        Self { word: AtomicIsize::new(references * ONE) }
    }

    pub(super) fn inc(&self) {
        // Ordering: a reference is held already, and nothing is read through the new one.
        end_process_beyond_max(self.word.fetch_add(ONE, ordering!(away_inc: Relaxed)));
    }

    pub(super) fn dec(&self) -> Fate {
        // Ordering: Release gives this place's accesses to the thread that frees, by `away_dec`, `retire_look` or `retire`;
        // Acquire takes those of the places that dropped a reference before.
        let word = self.word.fetch_sub(ONE, ordering!(away_dec: AcqRel));
        if word == RETIRED + ONE { Fate::Free } else { Fate::Kept }
    }

    /// Tries to set POSTED. True for the one caller that did: it has the right and the duty to push the cell into the
    /// inbox. For a thread that runs no blocking jobs.
    #[must_use = "the winner pushes"]
    pub(super) fn post(&self) -> bool {
        self.set(POSTED)
    }

    /// As [`post`](Self::post). For a thread that runs blocking jobs: notes that in the same step, whether or not it wins.
    #[must_use = "the winner pushes"]
    pub(super) fn post_by_job(&self) -> bool {
        self.set(POSTED | BY_JOB)
    }

    /// As [`post`](Self::post), by either, to abort the task. The abort is noted in the same step, whether or not this caller
    /// wins.
    #[must_use = "the winner pushes"]
    pub(super) fn post_abort(&self) -> bool {
        self.set(POSTED | ABORT_POSTED | by_job())
    }

    /// A read-modify-write even when all flags are set already: what a caller that loses wrote before must reach the poll
    /// that the winner causes.
    #[inline]
    fn set(&self, flags: isize) -> bool {
        // Ordering: Release: what was written before the wake, also by a caller that loses, reaches the poll by `unpost`.
        // Acquire: the winner takes the link over from the `unpost` before.
        self.word.fetch_or(flags, ordering!(post: AcqRel)) & POSTED == 0
    }

    /// The inbox is closed, so the winner of POSTED could not push. The caller holds a reference besides.
    pub(super) fn take_back_post(&self) {
        // Ordering: the push wrote the link; gives it to the thread that frees, by `away_dec` or `retire`.
        self.word.fetch_and(!POST, ordering!(take_back_post: Release));
    }

    /// Whether the cell is posted: in the inbox, or about to be pushed.
    pub(super) fn is_posted(&self) -> bool {
        // Ordering: for a report; nothing is read through it.
        self.word.load(ordering!(posted_look: Relaxed)) & POSTED != 0
    }
}

/// BY_JOB, if this thread runs blocking jobs.
fn by_job() -> isize {
    if runs_jobs() { BY_JOB } else { 0 }
}

/// Ends the process, as `Arc` does, when so many references were forgotten that the count could overflow.
#[inline]
fn end_process_beyond_max(word: isize) {
    if word > MAX_REFERENCES * ONE {
        std::process::abort();
    }
}
