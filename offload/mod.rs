//! Blocking work, beside the loop: [`spawn_blocking`] and its thread pool.
//!
//! A call that blocks (a file, a name lookup, a library that knows no async, a long computation) could be made in a task.
//! But it stops every task of a single-threaded executor for as long as it lasts. So it goes to another thread, and the
//! task awaits it like anything else:
//!
//! ```
//! use std::thread;
//! use std::time::Duration;
//!
//! taketurns::block_on(async {
//!     let slow = taketurns::spawn_blocking(|| {
//!         thread::sleep(Duration::from_millis(5));
//!         "done"
//!     });
//!     taketurns::yield_now().await; // the loop goes on meanwhile
//!     assert_eq!(slow.await.unwrap(), "done");
//! });
//! ```
//!
//! A job costs two thread switches, 5 to 25 microseconds; shorter work is better done in place.
//!
//! A new thread for each job would do the same without a pool. But a thread costs more to start than most jobs take, and
//! a burst of jobs would start thousands. So threads are kept for a while, and there is a limit.
//!
//! # Layout
//!
//! 1. `job.rs`: a job as the pool sees it. `limits.rs`: what can be set of a pool.
//! 2. `crew.rs`: the line of jobs, and the rule by which a thread starts, sleeps and ends. `shared.rs`: how a job comes
//!    into the line. `worker.rs`: what a thread does. `cancel.rs`: [`check_cancelled`].
//! 3. `pool.rs`: how the pool shuts down.
//! 4. `shared_job.rs`: what a job and its handle share: the closure, then the result, and the awaiter's waker.
//!    `handle.rs`: [`BlockingHandle`], the future that gives the result.

#![forbid(unsafe_code)]

mod cancel;
mod crew;
mod handle;
mod job;
mod limits;
mod pool;
mod shared;
mod shared_job;
#[cfg(test)]
mod tests;
mod worker;

use std::panic::Location;
use std::sync::Arc;

pub use cancel::check_cancelled;
pub use handle::BlockingHandle;
pub(crate) use limits::Limits;
pub(crate) use pool::Pool;

use crate::common::scoped;
use shared_job::SharedJob;

/// Runs `f` on a thread of the runtime's pool; await the handle for what it returns.
///
/// The job starts at once if the pool has a free thread or may start one, and waits in line otherwise. It runs to its end
/// whether or not its handle is awaited.
///
/// The pool has a [limit](crate::Builder::max_blocking_threads), so a job must not wait for a job behind it in the line.
/// Inside a job there is no runtime, so `spawn` and the like find none. But [`Handle::current`](crate::Handle::current) is a
/// handle of the job's loop.
///
/// # Cancellation
///
/// A job that has begun is not stopped. [`abort`](BlockingHandle::abort) asks it to end, and so does the end of the runtime;
/// the job hears of it by [`check_cancelled`]. The end of the runtime waits for it, at most for
/// [`Builder::blocking_deadline`](crate::Builder::blocking_deadline), 5 s by default. Then its thread is left alone, and
/// the [`ExitReport`](crate::ExitReport) names the job.
///
/// # Panics
///
/// Outside of a runtime. A panic of `f` does not panic here: it is the [`JoinError`](crate::JoinError) of the handle. If
/// the handle is not awaited, the runtime is told of the panic ([`Unhandled`](crate::task::Unhandled)).
///
/// While a runtime ends, its tasks' destructors may still call this. Once its pool is closed, the closure is dropped and the
/// handle gives an error that [is_shutdown](crate::JoinError::is_shutdown).
///
/// ```
/// # taketurns::block_on(async {
/// let sum = taketurns::spawn_blocking(|| (1..=1_000_u64).sum::<u64>());
/// assert_eq!(sum.await.unwrap(), 500_500);
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> BlockingHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let Some(pool) = scoped::current(&pool::CURRENT) else {
        panic!(
            "`spawn_blocking` needs a runtime: call it inside `taketurns::block_on` or a task. (An argument of \
             `block_on` is made before the run begins: write `block_on(async {{ .. }})` around it. Inside a blocking \
             job there is none: call the function itself, or have a `Handle` send a task that spawns it.)"
        );
    };
    submit(&pool, Location::caller(), f)
}

/// [`spawn_blocking`] for a future of `function` that was made at `site`, which a panic outside of a runtime names.
#[cfg(feature = "net")]
pub(crate) fn spawn_blocking_for<F, T>(
    function: &str,
    site: &'static Location<'static>,
    f: F,
) -> BlockingHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    submit(&scoped::needed_for(function, site, &pool::CURRENT), site, f)
}

fn submit<F, T>(pool: &Pool, site: &'static Location<'static>, f: F) -> BlockingHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let job = new_job(pool, site, f);
    pool.shared().admit(Arc::clone(&job) as Arc<dyn job::Job>);
    BlockingHandle::new(job)
}

fn new_job<F, T>(pool: &Pool, site: &'static Location<'static>, f: F) -> Arc<SharedJob<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let shared = Arc::clone(pool.shared());
    Arc::new(SharedJob::new(Box::new(f), site, pool.take_hold(), shared))
}

/// For the models.
#[cfg(test)]
pub(crate) mod modelled {
    pub(crate) use super::shared::Shared;
    pub(crate) use super::worker::Worker;

    /// A job, and what puts it in line on any thread.
    pub(crate) fn job_to_submit<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        pool: &super::Pool,
        f: F,
    ) -> (super::BlockingHandle<T>, impl FnOnce() + Send + use<T, F>) {
        let job = super::new_job(pool, std::panic::Location::caller(), f);
        let (handle, shared) = (job.clone(), std::sync::Arc::clone(pool.shared()));
        (super::BlockingHandle::new(handle), move || shared.admit(job))
    }
}
