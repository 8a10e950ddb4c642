//! What is going on: reports of lost tasks, of failures that no awaiter sees, of deadlocks, and of turns that do not end.
//!
//! A program could find these out by itself: it has a handle for each task. But the tasks that cause trouble are those whose
//! handle is gone. A detached task that panics ends quietly. A task that waits for ever looks like an idle server. A task
//! that is dropped with the loop says nothing. So the runtime keeps a list of its tasks, and tells which were lost, with the
//! line that spawned each; which failed unseen; and, under a virtual clock, that a run can never end, with the tasks that it
//! waits for. A turn that does not end stops the loop, and so all that the loop could say: that is told by a thread beside it.
//!
//! # Layout
//!
//! 1. `exit_report.rs`: [`ExitReport`], what a runtime still had when it ended.
//! 2. `unhandled.rs`: [`Unhandled`], a failure that no handle receives, and [`UnhandledPanic`], what becomes of it.
//!    `failures.rs`: how one comes from any thread to the runtime it belongs to.
//! 3. `deadlock.rs`: under virtual time, that no task can ever run again.
//! 4. `waiting.rs`: what each task waits for. `named.rs`: [`Named`], a name for it. `circle.rs`: which tasks wait for each other.
//! 5. `deadlock_report.rs`: [`Deadlock`], what is said of tasks that can never go on. `deadlock_watch.rs`: how they are found under
//!    the real clock. `pace.rs`: how often.
//! 6. `stall.rs`: [`Stall`], a turn that does not end. `standstill.rs`: how one is told from a loop that is alive.
//!    `proc.rs`: what Linux says of a thread. `watchdog.rs`: the thread that looks.
//! 7. `metrics.rs`: [`Metrics`], numbers of a loop. `histogram.rs`: [`Histogram`], how long tasks wait and turns take.
//! 8. `dump.rs`: [`Dump`], every live task. `ask.rs`: how the loop is asked for them. `slab.rs`: where a loop writes them down, in
//!    case it will not answer. `cause.rs`: what woke a task, in words. `tree.rs`: how a dump reads.
//! 9. `trace/`: [`Trace`], what the loop did, turn by turn, as a picture.
//! 10. `spans.rs`: a span of the crate `tracing` for each task.
//! 11. `json.rs`: how reports are written for programs. `log.rs`: the last of a kind.
//! 12. `serve/`: a view from outside, for other programs of the same user.

#![forbid(unsafe_code)]

mod ask;
#[cfg(all(test, not(loom)))]
mod ask_tests;
mod cause;
mod circle;
mod deadlock;
mod deadlock_report;
mod deadlock_watch;
mod dump;
#[cfg(all(test, not(loom)))]
mod dump_tests;
pub(crate) mod exit_report;
mod failures;
mod histogram;
#[cfg(all(test, not(loom)))]
mod histogram_tests;
#[allow(dead_code, reason = "each report that is written as JSON uses a part of it")]
mod json;
#[cfg(all(test, not(loom)))]
mod json_tests;
mod log;
#[cfg(all(test, not(loom), feature = "inspect"))]
mod log_tests;
mod metrics;
#[cfg(all(test, not(loom)))]
mod metrics_tests;
mod named;
mod pace;
mod proc;
#[cfg(feature = "inspect")]
mod serve;
mod slab;
#[cfg(all(test, not(loom)))]
mod slab_tests;
#[cfg(feature = "tracing")]
mod spans;
mod stall;
mod standstill;
pub(crate) mod trace;
mod tree;
pub(crate) mod unhandled;
mod waiting;
mod watchdog;

pub use crate::common::awaited::Awaited;
pub use crate::executor::observe::{Cause, LoopState};
pub(crate) use ask::Questions;
pub(crate) use deadlock::{GRACE, Suspicion, Verdict};
pub use deadlock_report::{Deadlock, Finding};
pub(crate) use deadlock_watch::{DeadlockWatch, OnDeadlock};
pub use dump::{Dump, DumpedTask};
pub(crate) use exit_report::{ExitReport, Lost, StillRunning};
pub(crate) use failures::Failures;
pub use histogram::Histogram;
pub(crate) use histogram::{Histograms, stopwatch};
pub(crate) use log::Log;
#[cfg(feature = "inspect")]
pub(crate) use log::Logged;
pub use metrics::{JobCounts, Metrics};
pub use named::{Named, NamedFuture};
#[cfg(feature = "inspect")]
pub(crate) use serve::{Asked, Source, Stalls};
#[cfg(feature = "inspect")]
pub use serve::{Serve, Served, Server, serve, socket_folders, sockets};
#[cfg(test)]
pub(crate) use slab::Slot;
pub(crate) use slab::{Slab, Writer};
#[cfg(feature = "tracing")]
pub(crate) use spans::OPEN_SPAN;
pub use stall::{Doing, Stall, StallCounts};
pub(crate) use trace::{Clock as TimelineClock, Recorder, Recording};
pub use trace::{Event, Trace, What};
pub(crate) use unhandled::{Unhandled, UnhandledPanic};
pub(crate) use watchdog::{HomeThread, StallCounter, Watchdog, WatchdogSettings};
