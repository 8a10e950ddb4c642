//! A child process: this program once more, which plays a part instead of the tour.
//!
//! Some things are seen only from outside of a program: what is lost at its end, and that its crash is its own.

#![forbid(unsafe_code)]

use std::env;
use std::io;
use std::process::{self, Command, Output, Stdio};
use std::thread;

use crate::BOUND;
use crate::lessons::PARTS;

/// Tells a child its part.
const NAME: &str = "TAKETURNS_TOUR_PART";

/// What a child plays, by name. It prints what happens.
pub(crate) type Part = (&'static str, fn());

/// Runs a child that plays `part`, to its end.
///
/// # Errors
///
/// Why it cannot be started.
pub(crate) fn run(part: &str) -> io::Result<Output> {
    let mut child = Command::new(env::current_exe()?);
    child.env(NAME, part).stdin(Stdio::null()).stderr(Stdio::inherit()).output()
}

/// The part of this process, if it is a child.
pub(crate) fn part() -> Option<Part> {
    let given = env::var(NAME).ok()?;
    PARTS.iter().copied().find(|(name, _)| *name == given)
}

/// Plays a part, and ends the process if it does not end.
pub(crate) fn play((name, play): Part) {
    thread::spawn(move || {
        thread::sleep(BOUND);
        eprintln!("tour: the part {name} did not end within {BOUND:?}");
        process::exit(1);
    });
    play();
}
