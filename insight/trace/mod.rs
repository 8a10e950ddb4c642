//! The timeline: the last events of a loop, and pictures of them.
//!
//! A report says what went wrong, but not how it came about: which task woke which, what a task waited behind, where the time
//! went. A log of each turn would say it, and be far too slow. So the loop writes its steps into a ring of 16 bytes an event,
//! by plain stores, and the rest is done when a picture is wanted.
//!
//! # Layout
//!
//! 1. `ring.rs`: written by one thread, copied by any. `packed.rs`: an event in 16 bytes.
//! 2. `recorder.rs`: what the loop calls, and what is written then. `asides.rs`: what other threads note.
//! 3. `trace.rs`: [`Trace`], its events as plain data.
//! 4. `lanes.rs`: a lane for each task, and its turns. `findings.rs`: what is wrong in them.
//! 5. `text.rs` and `columns.rs`: drawn in the terminal. `html.rs` and `page/`: as a page. `perfetto.rs`: for Perfetto.

#![forbid(unsafe_code)]

mod asides;
#[cfg(all(test, not(loom)))]
mod behind_tests;
mod columns;
mod findings;
mod html;
mod lanes;
mod packed;
mod perfetto;
#[cfg(all(test, not(loom)))]
mod picture_tests;
mod recorder;
pub(crate) mod ring;
#[cfg(all(test, not(loom)))]
mod taken_tests;
mod text;
#[expect(clippy::module_inception, reason = "a trace is the main type of its folder")]
mod trace;
#[cfg(all(test, not(loom)))]
mod trace_tests;

pub(crate) use recorder::{Clock, Recorder, Recording};
pub use trace::{Event, Trace, What};
