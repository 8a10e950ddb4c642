//! [`Limiter`]: at most so many jobs of one kind at once.
//!
//! A job could take a permit of a semaphore before its work. But a job that blocks for its permit keeps a thread from the other
//! jobs: a hundred jobs for a disk that serves two would fill the pool. So a job beyond the limit waits in a line of the
//! limiter's own, without a thread. When a job ends, its permit goes to the first in that line, which then comes into the line
//! of its pool.
//!
//! A job that waits here may be aborted, or its pool may close. So the step that gives it the permit asks it whether it is
//! still there ([`Job::grant`]); from then on the job gives the permit back, however it ends. A limiter knows its jobs, and
//! the jobs know it: the circle is open again when the job has ended.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::sync::{Arc, PoisonError, Weak};

use super::crew::FEW;
use super::job::Job;
use super::shared::Shared;
use crate::executor::primitives::{Mutex, MutexGuard, thread_cell};

/// At most `n` of its jobs run at once, on the pool's threads: for a kind of work of which more at once does harm, such as
/// requests to one disk or one database. The jobs beyond `n` wait without a thread, first come, first served.
///
/// A clone is the same limiter. It may be sent to other threads, and used in several runtimes: they share its limit. A job has
/// its place until it has really ended: when its handle is dropped or aborted, it may go on for a while.
///
/// Jobs that wait for the limiter count for [`Builder::max_queued_jobs`](crate::Builder::max_queued_jobs) like others.
///
/// ```
/// use taketurns::offload::Limiter;
///
/// let disk = Limiter::new(2);
/// taketurns::block_on(async {
///     let reads: Vec<_> = (0..10).map(|block| disk.spawn_blocking(move || block * 512)).collect();
///     for (block, read) in reads.into_iter().enumerate() {
///         assert_eq!(read.await.unwrap(), block * 512);
///     }
/// });
/// ```
#[derive(Clone)]
pub struct Limiter {
    shared: Arc<Limit>,
}

pub(super) struct Limit {
    most: usize,
    state: Mutex<State>,
}

struct State {
    /// Permits that no job has. If there are any, no job waits.
    free: usize,
    /// Some of them may have ended by an abort.
    line: VecDeque<Waiting>,
    /// How many in the line have ended, at most.
    abandoned: usize,
}

struct Waiting {
    job: Arc<dyn Job>,
    pool: Arc<Shared>,
}

impl Limiter {
    /// A limiter of `n` jobs at once.
    ///
    /// # Panics
    ///
    /// When `n` is 0: its jobs would wait for ever.
    #[track_caller]
    #[must_use]
    pub fn new(n: usize) -> Self {
        assert!(
            n > 0,
            "a `Limiter` must allow at least 1 job: with 0, its jobs would wait for ever"
        );
        let state = State { free: n, line: VecDeque::new(), abandoned: 0 };
        Limiter { shared: Arc::new(Limit { most: n, state: Mutex::new(state) }) }
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn weak(&self) -> Weak<Limit> {
        Arc::downgrade(&self.shared)
    }

    pub(super) fn upgrade(weak: &Weak<Limit>) -> Option<Self> {
        weak.upgrade().map(|shared| Limiter { shared })
    }

    /// Sends a job to its pool, or has it wait here: `true`.
    pub(super) fn submit(&self, job: Arc<dyn Job>, pool: &Arc<Shared>) -> bool {
        let mut state = self.lock();
        if state.free == 0 {
            state.line.push_back(Waiting { job, pool: Arc::clone(pool) });
            return true;
        }
        state.free -= 1;
        drop(state);
        let is_there = job.grant();
        debug_assert!(is_there, "its handle is not made yet");
        pool.admit(job);
        false
    }

    /// A job that had a permit has ended.
    ///
    /// The next job may be refused by its pool, and give its permit back inside this call, and so on down the line. So the
    /// calls inside leave that to the outermost one: the stack does not grow.
    pub(super) fn release(&self) {
        if let Some(mut later) = replace(None) {
            later.push(self.clone());
            replace(Some(later));
            return;
        }
        replace(Some(Vec::new()));
        let mut next = Some(self.clone());
        while let Some(limiter) = next {
            limiter.hand_on();
            let mut later = replace(None).expect("put in place above");
            next = later.pop();
            replace(Some(later));
        }
        replace(None);
    }

    /// Gives a permit to the first job that waits, or keeps it.
    fn hand_on(&self) {
        loop {
            let mut state = self.lock();
            let Some(Waiting { job, pool }) = state.line.pop_front() else {
                state.free += 1;
                return;
            };
            drop(state);
            if job.grant() {
                return pool.admit(job);
            }
        }
    }

    /// A job has ended in the line.
    pub(super) fn abandon_one(&self) {
        let mut state = self.lock();
        state.abandoned += 1;
        if state.abandoned > FEW + state.line.len() / 2 {
            state.abandoned = 0;
            let (ended, line) =
                state.line.drain(..).partition::<VecDeque<_>, _>(|waiting| waiting.job.has_ended());
            state.line = line;
            drop(state);
            drop(ended);
        }
    }

    /// Takes the jobs of this pool out of the line.
    pub(super) fn take_those_of(&self, pool: &Arc<Shared>) -> Vec<Arc<dyn Job>> {
        let mut state = self.lock();
        let line = mem::take(&mut state.line);
        let (those, line) = line
            .into_iter()
            .partition::<VecDeque<_>, _>(|waiting| Arc::ptr_eq(&waiting.pool, pool));
        state.line = line;
        drop(state);
        those.into_iter().map(|waiting| waiting.job).collect()
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limiter").field(&self.shared.most).finish()
    }
}

thread_cell! {
    /// The permits that are to be handed on after the one that is being handed on now; `None` while none is.
    static RELEASES: ManuallyDrop<Option<Vec<Limiter>>> = ManuallyDrop::new(None);
}

/// Puts `later` in place, and gives what was there.
fn replace(later: Option<Vec<Limiter>>) -> Option<Vec<Limiter>> {
    RELEASES.with(|place| ManuallyDrop::into_inner(place.replace(ManuallyDrop::new(later))))
}
