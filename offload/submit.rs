//! How a function becomes a job, from the place where it is spawned into the line.

#![forbid(unsafe_code)]

use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::handle::BlockingHandle;
use super::job::Job;
use super::limiter::Limiter;
use super::pool::Pool;
use super::shared_job::SharedJob;
use crate::executor::{JoinError, Subject};

/// Spawns `f`, or gives it back if the queue is full.
pub(super) fn try_submit<F, T>(
    pool: &Rc<Pool>,
    site: &'static Location<'static>,
    f: F,
    limiter: Option<&Limiter>,
) -> Result<BlockingHandle<T>, F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match pool.shared().has_room() {
        true => Ok(put_in(pool, site, f, limiter)),
        false => Err(f),
    }
}

/// As [`try_submit`]. If the queue is full, `f` is dropped, and the handle gives the error.
pub(super) fn submit<F, T>(
    pool: &Rc<Pool>,
    site: &'static Location<'static>,
    f: F,
    limiter: Option<&Limiter>,
) -> BlockingHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    try_submit(pool, site, f, limiter).unwrap_or_else(|f| {
        let job = new_job(pool, site, f, None);
        job.refuse(JoinError::queue_full(Subject::Job(site)));
        BlockingHandle::new(job)
    })
}

/// Spawns `f`, for which a place in the pool has been taken.
pub(super) fn put_in<F, T>(
    pool: &Rc<Pool>,
    site: &'static Location<'static>,
    f: F,
    limiter: Option<&Limiter>,
) -> BlockingHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let job = new_job(pool, site, f, limiter);
    let submitted = Arc::clone(&job) as Arc<dyn Job>;
    match limiter {
        Some(limiter) if !pool.is_closed() => {
            if limiter.submit(submitted, pool.shared()) {
                pool.remember(limiter);
            }
        }
        _ => pool.shared().admit(submitted),
    }
    BlockingHandle::new(job)
}

pub(super) fn new_job<F, T>(
    pool: &Pool,
    site: &'static Location<'static>,
    f: F,
    limiter: Option<&Limiter>,
) -> Arc<SharedJob<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let shared = Arc::clone(pool.shared());
    Arc::new(SharedJob::new(Box::new(f), site, pool.take_hold(), shared, limiter.cloned()))
}
