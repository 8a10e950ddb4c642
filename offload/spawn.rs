//! [`spawn_blocking`] and its kin: how a program hands work to the pool.

#![forbid(unsafe_code)]

use std::panic::Location;
use std::rc::Rc;

use super::handle::BlockingHandle;
use super::limiter::Limiter;
use super::pool::{self, Pool};
use super::room::{QueueFull, Room};
use super::submit::{submit, try_submit};
use crate::common::scoped;

/// Runs `f` on a thread of the runtime's pool; await the handle for what it returns.
///
/// The job starts at once if the pool has a free thread or may start one, and waits in line otherwise. It runs to its end
/// whether or not its handle is awaited.
///
/// How many jobs may wait can be limited ([`Builder::max_queued_jobs`](crate::Builder::max_queued_jobs)): then await
/// [`offload::reserve`](crate::offload::reserve) first, as a job beyond the limit is dropped, and its handle gives an error that
/// [is_queue_full](crate::JoinError::is_queue_full).
///
/// The pool has a [limit](crate::Builder::max_blocking_threads), so a job must not wait for a job behind it in the line.
/// Inside a job there is no runtime, so `spawn` and the like find none. But [`Handle::current`](crate::Handle::current) is a
/// handle of the job's loop.
///
/// # Cancellation
///
/// A job that has begun is not stopped. [`abort`](BlockingHandle::abort) asks it to end, and so does the end of the runtime;
/// the job hears of it by [`check_cancelled`](super::check_cancelled). The end of the runtime waits for it, at most for
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
    submit(&pool, Location::caller(), f, None)
}

/// As [`spawn_blocking`], unless the pool has as many jobs as it may have
/// ([`Builder::max_queued_jobs`](crate::Builder::max_queued_jobs)). [`reserve`](super::reserve) waits for room instead.
///
/// # Errors
///
/// [`QueueFull`], which has `f`.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// use taketurns::offload::{QueueFull, try_spawn_blocking};
///
/// # taketurns::block_on(async {
/// match try_spawn_blocking(|| 6 * 7) {
///     Ok(job) => assert_eq!(job.await.unwrap(), 42),
///     Err(QueueFull(f)) => println!("too busy; here, it would be {}", f()),
/// }
/// # });
/// ```
#[track_caller]
pub fn try_spawn_blocking<F, T>(f: F) -> Result<BlockingHandle<T>, QueueFull<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    try_submit(&needed("offload::try_spawn_blocking"), Location::caller(), f, None)
        .map_err(QueueFull)
}

impl Limiter {
    /// As [`spawn_blocking`], for a job of this limiter. It is queued until fewer than `n` of the
    /// limiter's jobs run and a thread takes it. A job beyond [`Builder::max_queued_jobs`](crate::Builder::max_queued_jobs) is
    /// dropped, and its handle gives an error that [is_queue_full](crate::JoinError::is_queue_full).
    ///
    /// A job must not wait for a job behind it, of the pool or of this limiter: with one permit, that would never end.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        submit(&needed("Limiter::spawn_blocking"), Location::caller(), f, Some(self))
    }

    /// As [`try_spawn_blocking`], for a job of this limiter. Where it only has to wait for the limiter, it does.
    ///
    /// # Errors
    ///
    /// [`QueueFull`], which has `f`.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn try_spawn_blocking<F, T>(&self, f: F) -> Result<BlockingHandle<T>, QueueFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let pool = needed("Limiter::try_spawn_blocking");
        try_submit(&pool, Location::caller(), f, Some(self)).map_err(QueueFull)
    }

    /// As [`Room::spawn_blocking`], for a job of this limiter. If the runtime's end has closed the pool meanwhile, the handle
    /// gives an error that [is_shutdown](crate::JoinError::is_shutdown).
    #[track_caller]
    pub fn spawn_blocking_in<F, T>(&self, room: Room, f: F) -> BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        room.put_in(Location::caller(), f, Some(self))
    }
}

#[track_caller]
fn needed(function: &str) -> Rc<Pool> {
    match scoped::current(&pool::CURRENT) {
        Some(pool) => pool,
        None => scoped::outside(function),
    }
}
