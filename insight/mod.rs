//! What is going on: reports of lost tasks, of failures that no awaiter sees, and of deadlocks.
//!
//! A program could find these out by itself: it has a handle for each task. But the tasks that cause trouble are those whose
//! handle is gone. A detached task that panics ends quietly. A task that waits for ever looks like an idle server. A task
//! that is dropped with the loop says nothing. So the runtime keeps a list of its tasks, and tells which were lost, with the
//! line that spawned each; which failed unseen; and, under a virtual clock, that a run can never end, with the tasks that it
//! waits for.
//!
//! # Layout
//!
//! 1. `exit_report.rs`: [`ExitReport`], what a runtime still had when it ended.
//! 2. `unhandled.rs`: [`Unhandled`], a failure that no handle receives, and [`UnhandledPanic`], what becomes of it.
//!    `failures.rs`: how one comes from any thread to the runtime it belongs to.
//! 3. `deadlock.rs`: under virtual time, that no task can ever run again.
//! 4. `stall.rs`: `Stall`, a turn that does not end. `standstill.rs`: how one is told from a loop that is alive.
//!    `proc.rs`: what Linux says of a thread.
//! 5. `json.rs`: how reports are written for programs.

#![forbid(unsafe_code)]

mod deadlock;
mod exit_report;
mod failures;
#[allow(dead_code, reason = "each report that is written as JSON uses a part of it")]
mod json;
#[cfg(all(test, not(loom)))]
mod json_tests;
#[allow(dead_code, reason = "for the watchdog's thread")]
mod proc;
#[allow(dead_code, unreachable_pub, reason = "for the watchdog's thread")]
mod stall;
#[allow(dead_code, reason = "for the watchdog's thread")]
mod standstill;
mod unhandled;

pub(crate) use deadlock::{Deadlock, GRACE, Suspicion};
pub use exit_report::ExitReport;
pub(crate) use exit_report::{Lost, StillRunning};
pub(crate) use failures::Failures;
pub use unhandled::{Unhandled, UnhandledPanic, reported};
