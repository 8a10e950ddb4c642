//! [`ObserveJobs`]: is told of each blocking job by the thread that runs it.

#![forbid(unsafe_code)]

use std::panic::Location;

pub(crate) trait ObserveJobs: Send + Sync {
    /// A job that was spawned there begins to run. Gives a number for [`ends`](Self::ends).
    fn begins(&self, site: &'static Location<'static>) -> usize;

    /// The job that was given this number has returned or panicked.
    fn ends(&self, number: usize);
}
