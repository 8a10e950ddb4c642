//! [`ExitReport`]: what a runtime still had when it ended.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::Location;

use crate::executor::Info;

/// What was lost when a runtime ended: tasks in the order of spawning, and blocking jobs that did not
/// end in time.
///
/// Its `Display` is a line for each, under a heading, but not more than 50 lines of a kind.
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
    stuck: Vec<StuckJob>,
}

impl ExitReport {
    pub(super) fn new(lost: Vec<Info>, stuck: Vec<StuckJob>) -> Self {
        Self { lost, stuck }
    }

    /// Tasks that had not ended.
    #[must_use]
    pub fn lost(&self) -> &[Info] {
        &self.lost
    }

    /// Blocking jobs that still ran at the deadline. Their threads run on.
    #[must_use]
    pub fn stuck(&self) -> &[StuckJob] {
        &self.stuck
    }
}

impl fmt::Display for ExitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Lost { tasks: &self.lost, how: "" })?;
        for job in self.stuck.iter().take(LISTED) {
            write!(f, "\nstill running: {job}")?;
        }
        write_more(self.stuck.len(), f)
    }
}

/// How many were lost, then the first of them.
pub(super) struct Lost<'a> {
    pub(super) tasks: &'a [Info],
    /// For the heading, behind "lost".
    pub(super) how: &'static str,
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

/// Says how many of `all` are not among the first [`LISTED`].
pub(super) fn write_more(all: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match all.saturating_sub(LISTED) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}

/// A blocking job that did not end before its runtime did.
#[derive(Clone, Debug)]
pub struct StuckJob {
    pub(super) thread: String,
    pub(super) site: &'static Location<'static>,
}

impl StuckJob {
    /// The name of its thread.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// Where `spawn_blocking` was called.
    #[must_use]
    pub fn site(&self) -> &'static Location<'static> {
        self.site
    }
}

impl fmt::Display for StuckJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a blocking job spawned at {}, on thread {}", self.site, self.thread)
    }
}
