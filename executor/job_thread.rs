//! Which threads run blocking jobs: their wakes are told as those of jobs.
//!
//! Reports say what woke a task. The executor knows no thread pool, so of a wake by another thread it knows only that. So a thread
//! of a pool marks itself, and each wake that it sends takes the mark along, as a flag beside the one that it sets anyway
//! (`task/count.rs`). That costs other threads one look at a thread-local, and home nothing.

#![forbid(unsafe_code)]

use std::cell::Cell;

use super::primitives::thread_cell;

thread_cell! {
    static RUNS_JOBS: bool = false;
}

/// Whether this thread runs blocking jobs from now on, of whichever runtime.
#[allow(dead_code, reason = "not used without the feature `offload`")]
pub(crate) fn set_runs_jobs(runs: bool) {
    RUNS_JOBS.with(|known| known.set(runs));
}

#[inline]
pub(super) fn runs_jobs() -> bool {
    RUNS_JOBS.with(Cell::get)
}
