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
//! 3. `limiter.rs`: [`Limiter`], at most so many jobs of a kind. `pool.rs`: how the pool shuts down.
//! 4. `shared_job.rs`: what a job and its handle share: the closure, then the result, and the awaiter's waker.
//!    `handle.rs`: [`BlockingHandle`], the future that gives the result.
//! 5. `submit.rs`: how a function becomes a job. `room.rs`: [`reserve`], waiting for room in the queue. `spawn.rs`: what a
//!    program calls. `scope.rs`: [`block_in_scope`], beside the pool.

#![forbid(unsafe_code)]

mod cancel;
mod crew;
mod handle;
mod job;
mod limiter;
mod limits;
mod pool;
mod room;
mod scope;
mod shared;
mod shared_job;
mod spawn;
mod submit;
#[cfg(all(test, not(loom)))]
mod tests;
mod worker;

#[cfg(feature = "net")]
use std::panic::Location;

pub use cancel::check_cancelled;
pub use handle::BlockingHandle;
pub use limiter::Limiter;
pub(crate) use limits::Limits;
pub(crate) use pool::{Counter, Pool};
pub use room::{QueueFull, Reserve, Room, reserve};
pub use scope::block_in_scope;
pub use spawn::{spawn_blocking, try_spawn_blocking};

#[cfg(feature = "net")]
use crate::common::scoped;

/// [`reserve`], for a future of `function` that was made at `site`, which a panic outside of a runtime names.
#[cfg(feature = "net")]
pub(crate) fn reserve_for(function: &str, site: &'static Location<'static>) -> Reserve {
    Reserve::new(scoped::needed_for(function, site, &pool::CURRENT))
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
        let job = super::submit::new_job(pool, std::panic::Location::caller(), f, None);
        let (handle, shared) = (job.clone(), std::sync::Arc::clone(pool.shared()));
        (super::BlockingHandle::new(handle), move || shared.admit(job))
    }
}
