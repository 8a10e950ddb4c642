//! [`Report`]: what an exploration has seen.

#![forbid(unsafe_code)]

use std::fmt;

/// What an exploration has seen. All of it passed: it panics at the first run that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many schedules were run. The plain run with which [`Schedule::Pct`](super::Schedule::Pct) begins is not counted.
    pub schedules: u64,
    /// Whether these are all schedules that the body has. Only [`Explorer::exhaust`](super::Explorer::exhaust) can tell.
    pub complete: bool,
}

/// One line: `all 6 schedules passed`, or `6 schedules passed, and there may be more`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.schedules, self.complete) {
            (1, true) => f.write_str("the only schedule passed"),
            (schedules, true) => write!(f, "all {schedules} schedules passed"),
            (1, false) => f.write_str("1 schedule passed, and there may be more"),
            (schedules, false) => write!(f, "{schedules} schedules passed, and there may be more"),
        }
    }
}
