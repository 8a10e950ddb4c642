//! The debug mode, which `TAKETURNS_DEBUG=1` in the environment turns on: reports that a program can ask for one by one, all at
//! once, and without a change to the program.
//!
//! A method of the builder would be found by those who look for it already. A program that misbehaves is run again as it is, so
//! the switch is where the run begins. It is read once in a process.

#![forbid(unsafe_code)]

use std::env;
use std::sync::OnceLock;

use crate::executor::silence;

const VARIABLE: &str = "TAKETURNS_DEBUG";

/// Whether the mode is on.
pub(crate) fn is_on() -> bool {
    static IS_ON: OnceLock<bool> = OnceLock::new();
    *IS_ON.get_or_init(|| {
        let value = env::var_os(VARIABLE).unwrap_or_default();
        let is_known = ["", "0", "1"].iter().any(|known| value == *known);
        if !is_known {
            print(&format!("{VARIABLE} is {value:?}, which is not understood: 1 turns the debug mode on, 0 or nothing leaves it off"));
        }
        value == "1"
    })
}

/// Prints a line if the mode is on.
pub(crate) fn say(text: impl FnOnce() -> String) {
    if is_on() {
        print(&text());
    }
}

/// A stderr that nobody reads stops nothing.
fn print(line: &str) {
    silence(|| eprintln!("taketurns: {line}"));
}
