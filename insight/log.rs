//! [`Log`]: how many reports of a kind there were, and the last of them, for a thread that asks later.
//!
//! A report goes to the program at once, by a function or on stderr. But a program that is asked from outside has often sent
//! its stderr where the user who asks cannot find it. So with the feature `inspect` the last of them are kept.

#![forbid(unsafe_code)]

use std::fmt::Display;

use crate::executor::primitives::Gauge;

/// Written by one thread, read by any.
#[derive(Default)]
pub(crate) struct Log {
    count: Gauge,
    #[cfg(feature = "inspect")]
    last: kept::Last,
}

impl Log {
    pub(crate) fn add(&self, report: &dyn Display, remedy: Option<&'static str>) {
        self.count.add(1);
        #[cfg(feature = "inspect")]
        self.last.add(report.to_string(), remedy);
        #[cfg(not(feature = "inspect"))]
        let _ = (report, remedy);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    /// The last reports, the newest first.
    #[cfg(feature = "inspect")]
    pub(crate) fn last(&self) -> Vec<Logged> {
        self.last.read()
    }
}

/// A report, as it is told later.
#[cfg(feature = "inspect")]
pub(crate) struct Logged {
    pub(crate) ago: std::time::Duration,
    pub(crate) text: String,
    /// What the program can do about it.
    pub(crate) remedy: Option<&'static str>,
}

#[cfg(feature = "inspect")]
mod kept {
    use std::collections::VecDeque;
    use std::sync::PoisonError;
    use std::time::Instant;

    use super::Logged;
    use crate::executor::info::beginning;
    use crate::executor::primitives::{Mutex, MutexGuard};

    /// How many are kept.
    const KEPT: usize = 50;

    /// How many bytes of each.
    const LONGEST: usize = 16 * 1024;

    /// The newest is the last.
    #[derive(Default)]
    pub(super) struct Last(Mutex<VecDeque<Report>>);

    struct Report {
        at: Instant,
        text: String,
        remedy: Option<&'static str>,
    }

    impl Last {
        /// Nothing panics under the lock.
        fn lock(&self) -> MutexGuard<'_, VecDeque<Report>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn add(&self, text: String, remedy: Option<&'static str>) {
            let is_long = text.len() > LONGEST;
            let text = if is_long { beginning(&text, LONGEST).into_owned() } else { text };
            let mut last = self.lock();
            let oldest = if last.len() == KEPT { last.pop_front() } else { None };
            last.push_back(Report { at: Instant::now(), text, remedy });
            drop(last);
            drop(oldest);
        }

        pub(super) fn read(&self) -> Vec<Logged> {
            let logged = |report: &Report| {
                let Report { at, text, remedy } = report;
                Logged { ago: at.elapsed(), text: text.clone(), remedy: *remedy }
            };
            self.lock().iter().rev().map(logged).collect()
        }
    }
}
