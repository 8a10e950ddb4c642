//! The lessons, in the order in which the tour plays them. Each is a file of its own.

#![forbid(unsafe_code)]

mod l01;
mod l02;
mod l07;
mod l09;
mod l15;
mod l16;
mod l20;
mod l21;
mod l22;
mod l33;
mod l34;
mod site;

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
    l01::LESSON,
    l02::LESSON,
    l07::LESSON,
    l09::LESSON,
    l15::LESSON,
    l16::LESSON,
    l20::LESSON,
    l21::LESSON,
    l22::LESSON,
    l33::LESSON,
    l34::LESSON,
];
