//! [`reserve`]: waiting for room in a pool that may have so many jobs and no more.
//!
//! A line without a limit takes in whatever comes: when jobs come faster than the threads run them, it grows until memory
//! ends, and each job waits longer than the one before. With a limit, the code that makes the jobs has to wait. It could try
//! again and again. But then a task that tries at the wrong moment could wait for ever, while others find room. So the tasks
//! that wait have a line of their own, and room that comes free is handed to the first.
//!
//! A place is taken when a job is spawned or a [`Room`] given, and given back when the job ends or the `Room` is dropped.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::crew::Ask;
use super::handle::BlockingHandle;
use super::limiter::Limiter;
use super::pool::{self, Pool};
use super::submit::put_in;
use crate::common::awaited::Awaited;
use crate::common::scoped;
use crate::common::waits::{self, Key};
use crate::executor::{budget, contain};

/// Waits for room in the pool for blocking work. Without [`Builder::max_queued_jobs`](crate::Builder::max_queued_jobs) there
/// always is.
///
/// Tasks that wait are given room in the order in which they began to. While one waits,
/// [`try_spawn_blocking`](super::try_spawn_blocking) finds the queue full.
///
/// # Cancellation
///
/// A task that no longer waits leaves the line; room that it was given already goes to the next.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// use taketurns::offload;
///
/// let runtime = taketurns::Builder::new().max_blocking_threads(1).max_queued_jobs(1).build()?;
/// runtime.block_on(async {
///     let mut sums = Vec::new();
///     for number in 0..10_u32 {
///         // At most two jobs are in the pool: one that runs, and one that waits.
///         let room = offload::reserve().await;
///         sums.push(room.spawn_blocking(move || number + 1));
///     }
///     assert_eq!(sums.pop().unwrap().await.unwrap(), 10);
/// });
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn reserve() -> Reserve {
    match scoped::current(&pool::CURRENT) {
        Some(pool) => Reserve::new(pool),
        None => scoped::outside("offload::reserve"),
    }
}

/// The future of [`reserve`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Reserve {
    pool: Rc<Pool>,
    /// Its place in the line of those that wait.
    key: Option<u64>,
    is_done: bool,
}

impl Reserve {
    pub(super) fn new(pool: Rc<Pool>) -> Self {
        Self { pool, key: None, is_done: false }
    }

    fn wait_key(&self, key: u64) -> Key {
        Key::in_line(&**self.pool.shared(), key)
    }
}

impl Future for Reserve {
    type Output = Room;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Room> {
        ready!(budget::poll_ready(cx));
        assert!(!self.is_done, "`offload::reserve` polled after it gave its room: await it once");
        if self.pool.shared().has_limit() {
            let waker = cx.waker().clone(); // while nothing is locked
            let asked = self.pool.shared().lock().ask_for_room(self.key, waker);
            match asked {
                Ask::Given { unused } => {
                    contain(|| drop(unused));
                    let before = self.key.take();
                    before.into_iter().for_each(|key| waits::over(self.wait_key(key)));
                }
                Ask::Waits { key, before } => {
                    contain(|| drop(before));
                    self.key = Some(key);
                    let wait = "room in the queue of the pool for blocking jobs";
                    waits::note(self.wait_key(key), || Awaited::somewhere(wait));
                    return Poll::Pending;
                }
            }
        }
        self.is_done = true;
        budget::spend();
        Poll::Ready(Room { pool: Rc::clone(&self.pool), is_spent: false })
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        waits::over(self.wait_key(key));
        let shared = self.pool.shared();
        let waiting = shared.lock().ask_no_more(key);
        match waiting {
            Some(waker) => contain(|| drop(waker)),
            None => shared.leave(), // it was given room that it has not taken
        }
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("waits", &self.key.is_some()).finish()
    }
}

/// Room for one job in the pool for blocking work, from [`reserve`]. Dropped unused, it goes to the next task that waits.
#[must_use = "room that is dropped goes to the next task that waits: spawn a job in it"]
pub struct Room {
    pool: Rc<Pool>,
    is_spent: bool,
}

impl Room {
    /// As [`spawn_blocking`](super::spawn_blocking), in this room: the queue is not full.
    ///
    /// If the runtime's end has closed the pool meanwhile, the handle gives an error that
    /// [is_shutdown](crate::JoinError::is_shutdown).
    #[track_caller]
    pub fn spawn_blocking<F, T>(self, f: F) -> BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.put_in(Location::caller(), f, None)
    }

    /// [`spawn_blocking`](Self::spawn_blocking), as a future of this crate or a limiter does.
    pub(crate) fn put_in<F, T>(
        mut self,
        site: &'static Location<'static>,
        f: F,
        limiter: Option<&Limiter>,
    ) -> BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.is_spent = true;
        put_in(&self.pool, site, f, limiter)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if !self.is_spent {
            self.pool.shared().leave();
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

/// The pool for blocking work has as many jobs as it may have. The function that was not spawned comes back.
///
/// [`reserve`] waits for room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueFull<F>(pub F);

impl<F> fmt::Debug for QueueFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFull").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for QueueFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue for blocking jobs is full: await `offload::reserve()` for room")
    }
}

impl<F> std::error::Error for QueueFull<F> {}
