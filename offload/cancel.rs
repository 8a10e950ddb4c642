//! [`check_cancelled`]: how a job that runs learns that it is asked to end.
//!
//! A thread cannot be stopped from outside: it may hold a lock, or be in the middle of a write. So an abort only asks a job
//! that runs, and the job asks back where it can end cleanly. It could be handed a token for that, but then every function
//! below it would have to hand the token on. So the job that a thread runs is in a thread-local.

#![forbid(unsafe_code)]

use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::job::Job;
use crate::common::Cancelled;
use crate::executor::primitives::thread_cell;

thread_cell! {
    /// The job that this thread runs.
    static RUNS: ManuallyDrop<Option<Arc<dyn Job>>> = ManuallyDrop::new(None);
}

/// Puts `job` in place, and gives the one that was there.
fn replace(job: Option<Arc<dyn Job>>) -> Option<Arc<dyn Job>> {
    RUNS.with(|place| ManuallyDrop::into_inner(place.replace(ManuallyDrop::new(job))))
}

/// The thread runs `job` until this is dropped.
pub(super) struct Runs(());

impl Runs {
    pub(super) fn new(job: Arc<dyn Job>) -> Self {
        let before = replace(Some(job));
        debug_assert!(before.is_none(), "a thread runs one job at a time");
        Self(())
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        drop(replace(None));
    }
}

/// In a blocking job: whether the job is asked to end. Outside of one it is `Ok`.
///
/// A job is asked by [`abort`](super::BlockingHandle::abort) of its handle, by the drop of an
/// [`abort_on_drop`](super::BlockingHandle::abort_on_drop) guard, and by the end of its runtime. A time limit or a scope around the
/// await only drops the handle, which detaches the job: write `spawn_blocking(f).abort_on_drop()`. The request stays: each
/// later call gives it too. What the job returns then is still its output.
///
/// A long job calls this between its steps. A call costs a lock that hardly any other thread takes, some 20 ns.
///
/// # Errors
///
/// [`Cancelled`], which says by what, when the job is asked to end.
///
/// ```
/// use taketurns::cancel::Cancelled;
/// use taketurns::offload::check_cancelled;
///
/// fn count_to(end: u64) -> Result<u64, Cancelled> {
///     let mut sum = 0;
///     for number in 1..=end {
///         check_cancelled()?;
///         sum += number;
///     }
///     Ok(sum)
/// }
///
/// taketurns::block_on(async {
///     assert_eq!(taketurns::spawn_blocking(|| count_to(10)).await.unwrap(), Ok(55));
///     let endless = taketurns::spawn_blocking(|| count_to(u64::MAX));
///     while !endless.is_running() {
///         taketurns::yield_now().await;
///     }
///     endless.abort();
///     let ended = endless.await.unwrap().unwrap_err();
///     assert_eq!(ended.reason().as_str(), "its handle was aborted");
/// });
/// ```
pub fn check_cancelled() -> Result<(), Cancelled> {
    let job = replace(None);
    let asked = job.as_ref().and_then(|job| job.asked());
    replace(job);
    match asked {
        Some(why) => Err(Cancelled::new(why.into())),
        None => Ok(()),
    }
}
