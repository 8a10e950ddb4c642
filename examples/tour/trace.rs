//! The trace: what the running tasks said, and when.
//!
//! A task says a line at the moment it runs, from whatever thread it is on; nothing is written down
//! in advance. One scene is played at a time, so one trace serves them all.

#![forbid(unsafe_code)]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// One line, and when it was said; `None` when only its place in the order is known.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: Option<Instant>,
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn now(text: String) -> Line {
        Line { at: Some(Instant::now()), text }
    }
}

/// Says a line, with the arguments of [`format!`].
macro_rules! say {
    ($($arguments:tt)*) => { $crate::trace::push(format!($($arguments)*)) };
}
pub(crate) use say;

pub(crate) fn push(text: String) {
    lines().push(Line::now(text));
}

/// The lines said since the last call.
pub(crate) fn take() -> Vec<Line> {
    std::mem::take(&mut *lines())
}

fn lines() -> MutexGuard<'static, Vec<Line>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
