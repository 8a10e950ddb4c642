//! For tests: the same code under many schedules, and a failure that can be seen again.
//!
//! A test could run its code once, as the program does. But a runtime gives turns in the order in which tasks became
//! ready, and code comes to rely on that order by accident: it reads a value, awaits, and writes back what is out of date
//! by then. One run does not show that, as long as no task takes a turn more or less. So [`explore`] runs a test under
//! virtual time, once for each of many seeds, and each seed chooses differently whose turn is next. The code that is
//! tested needs no special types. [`Explorer`] has more: other schedules, all schedules, each run twice.
//!
//! Beside these there are helpers for any test: [`settle`] waits until the other tasks have done all they can,
//! [`Sequencer`] keeps blocks of code in order, [`assert_yields`] and [`assert_ready`] check whether a future suspends.
//!
//! `docs/schedules.md` says how many seeds it took to find some planted bugs.
//!
//! # Layout
//!
//! 1. `explorer.rs`: [`explore`], [`Explorer`]. `schedule.rs`: [`Schedule`]. `report.rs`: [`Report`].
//! 2. `search.rs`: run after run. `trial.rs`: one run. `trace.rs`: which task had each turn in it.
//! 3. `source.rs`: what makes the choices of a run. `pct.rs`: by priorities. `prefix.rs`: makes the first of them, and
//!    records the turns.
//! 4. `panics.rs`: what failed, by the panic hook. `shrink.rs`: the shortest schedule that fails.
//! 5. `failure.rs`: the text of a failure. `environment.rs`: what the environment asks for.
//! 6. `assertions.rs`, `sequencer.rs`: the helpers. `timer/settle.rs`: the one that has to ask the loop.

#![forbid(unsafe_code)]

mod assertions;
mod environment;
mod explorer;
mod failure;
mod panics;
mod pct;
mod prefix;
mod report;
mod schedule;
mod search;
mod sequencer;
mod shrink;
mod source;
mod trace;
mod trial;

pub use assertions::{AssertReady, AssertYields, assert_ready, assert_yields};
pub use explorer::{Explorer, explore};
pub use report::Report;
pub use schedule::Schedule;
pub use sequencer::{At, Block, Sequencer};

pub use crate::timer::{Settle, settle};
