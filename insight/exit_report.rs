//! [`ExitReport`]: what a runtime still had when it ended.

#![forbid(unsafe_code)]

use std::fmt;

use crate::common::running_job::RunningJob;
use crate::executor::Info;

/// What was lost when a runtime ended: tasks, in the order of spawning, and blocking jobs that did not end in time.
///
/// The `Display` is a heading and a line for each, but not more than 50 lines of a kind.
///
/// ```
/// let runtime = taketurns::Runtime::new()?;
/// runtime.block_on(async {
///     taketurns::task::Builder::new().name("forgotten").spawn(std::future::pending::<()>()).detach();
/// });
/// let report = runtime.shutdown();
/// let [lost] = report.lost() else { panic!("one task was lost: {report}") };
/// assert_eq!((lost.name(), lost.polls()), (Some("forgotten"), 1));
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct ExitReport {
    lost: Vec<Info>,
    still_running: Vec<RunningJob>,
}

impl ExitReport {
    pub(crate) fn new(lost: Vec<Info>, still_running: Vec<RunningJob>) -> Self {
        Self { lost, still_running }
    }

    /// Tasks that had not ended.
    #[must_use]
    pub fn lost(&self) -> &[Info] {
        &self.lost
    }

    /// Blocking jobs that still ran at the deadline. Their threads run on.
    #[must_use]
    pub fn still_running(&self) -> &[RunningJob] {
        &self.still_running
    }
}

impl fmt::Display for ExitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Lost { tasks: &self.lost, how: "" })?;
        write!(f, "{}", StillRunning(&self.still_running))
    }
}

/// A line for each of the first blocking jobs that did not end in time.
pub(crate) struct StillRunning<'a>(pub(crate) &'a [RunningJob]);

impl fmt::Display for StillRunning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for job in self.0.iter().take(LISTED) {
            write!(f, "\nstill running: {job}")?;
        }
        write_more(self.0.len(), f)
    }
}

/// How many tasks were lost, then a line for each of the first.
pub(crate) struct Lost<'a> {
    pub(crate) tasks: &'a [Info],
    /// Follows "lost" in the heading.
    pub(crate) how: &'a str,
}

impl fmt::Display for Lost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tasks, how } = self;
        match tasks.len() {
            0 => write!(f, "no task was lost{how}")?,
            1 => write!(f, "1 task was lost{how}:")?,
            many => write!(f, "{many} tasks were lost{how}:")?,
        }
        for task in tasks.iter().take(LISTED) {
            write!(f, "\n  {task}")?;
        }
        write_more(tasks.len(), f)
    }
}

/// How many lines of a kind a report shows.
pub(super) const LISTED: usize = 50;

/// Writes how many of `all` are not among the first [`LISTED`].
pub(super) fn write_more(all: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match all.saturating_sub(LISTED) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}
