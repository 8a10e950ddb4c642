//! What is going on: reports of lost tasks, of failures that no awaiter sees, and of deadlocks.
//!
//! A program could be left to find these out by itself: it has a handle for each task, and a debugger. But the tasks
//! that cause trouble are the ones without a handle. A detached task that panics ends quietly, a task that waits for
//! ever looks like a quiet server, and a task that is dropped with the loop says nothing at all. So the runtime keeps
//! count, and tells: what was lost, with the line that spawned it; what failed unseen; and, where the clock is virtual,
//! that a run can never end, with each task it waits for.
//!
//! # Layout
//!
//! 1. `exit_report.rs`: [`ExitReport`], what a runtime still had when it ended.
//! 2. `unhandled.rs`: [`Unhandled`], a failure that no handle receives, and [`UnhandledPanic`], what becomes of it.
//!    `failures.rs`: how one comes from any thread to the runtime it belongs to.
//! 3. `deadlock.rs`: under virtual time, that no task can ever run again.

#![forbid(unsafe_code)]

mod deadlock;
mod exit_report;
mod failures;
mod unhandled;

pub(crate) use deadlock::{GRACE, Suspicion};
pub use exit_report::ExitReport;
pub(crate) use exit_report::Lost;
pub(crate) use failures::Failures;
pub use unhandled::{Unhandled, UnhandledPanic, reported};
