//! The lessons, in the order in which the tour plays them. Each is a file of its own.

#![forbid(unsafe_code)]

mod awaited_task;
mod blocking_handler;
mod concurrent_waits;
mod lost_task;
mod nested_run;
mod offloaded_handler;
mod replayed_schedule;
mod site;
mod starvation;
mod time_limit;
mod virtual_time;
mod yielding;

use std::future::Future;
use std::io;

use crate::stage::Stage;
use crate::twin::Script;

/// As `block_on`, for a scene that loses tasks on purpose: a debug build would name each on stderr.
fn block_on_and_lose<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(taketurns::Builder::new().on_lost(|_| {}).build()?.block_on(future))
}

/// One thing that goes wrong in cooperative code, or what puts it right.
pub(crate) struct Lesson {
    pub(crate) number: u32,
    pub(crate) title: &'static str,
    /// Where the source documents say it, with the heading in English.
    pub(crate) passage: &'static str,
    /// The files of this crate that make it so.
    pub(crate) sources: &'static [&'static str],
    pub(crate) twin: Script,
    pub(crate) play: fn(&mut Stage) -> io::Result<()>,
}

/// All lessons.
pub(crate) static LESSONS: &[Lesson] = &[
    lost_task::LESSON,
    awaited_task::LESSON,
    concurrent_waits::LESSON,
    time_limit::LESSON,
    starvation::LESSON,
    yielding::LESSON,
    blocking_handler::LESSON,
    offloaded_handler::LESSON,
    nested_run::LESSON,
    virtual_time::LESSON,
    replayed_schedule::LESSON,
];
