//! [`Shared`]: what a pool, its threads and its jobs share, and how a job comes into the line from any thread.

#![forbid(unsafe_code)]

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Waker;

use super::crew::{Crew, Need};
use super::job::Job;
use super::limits::Limits;
use crate::common::job_context::JobContext;
use crate::common::observe_jobs::ObserveJobs;
use crate::common::spin::Spin;
use crate::executor::primitives::{AtomicIsize, Condvar, Mutex, MutexGuard, ordering};
use crate::executor::{JoinError, Subject, report};

/// Called with a panic that no handle receives, on the thread where it happens.
pub(crate) type TellPanic = Arc<dyn Fn(JoinError) + Send + Sync>;

/// Starts a thread that takes jobs from this seat on.
pub(crate) type Start = fn(&Arc<Shared>, seat: usize) -> io::Result<()>;

pub(crate) struct Shared {
    pub(super) limits: Limits,
    /// Tests put other functions here.
    start: Start,
    crew: Mutex<Crew>,
    /// Not 0: the thread that spins has something to do. Written under the lock; read without it, since a spinner that took
    /// the lock in a loop would keep it from the others.
    arrived: AtomicIsize,
    /// A thread has ended.
    pub(super) ended: Condvar,
    pub(super) tell_panic: OnceLock<TellPanic>,
    /// Is told of the jobs, if they are observed.
    pub(super) observer: OnceLock<Arc<dyn ObserveJobs>>,
    /// What jobs find by [`job_context`](crate::common::job_context).
    pub(super) context: OnceLock<JobContext>,
}

impl Shared {
    /// # Panics
    ///
    /// Panics when `max_threads` is 0.
    pub(super) fn new(limits: Limits, start: Start) -> Arc<Self> {
        assert!(limits.max_threads > 0, "`max_blocking_threads` must be at least 1");
        let capacity = limits.max_queued.map(|queued| limits.max_threads.saturating_add(queued));
        let spin = Some(Spin::new(limits.adaptive_wait)).filter(Spin::is_on);
        let spin = spin.unwrap_or_else(|| Spin::yielding(limits.linger));
        Arc::new(Shared {
            start,
            crew: Mutex::new(Crew::new(capacity, spin)),
            arrived: AtomicIsize::new(0),
            ended: Condvar::new(),
            tell_panic: OnceLock::new(),
            observer: OnceLock::new(),
            context: OnceLock::new(),
            limits,
        })
    }

    /// Nothing panics under the lock, so it is never poisoned.
    pub(super) fn lock(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mutex(&self) -> &Mutex<Crew> {
        &self.crew
    }

    /// Tells of a panic that no handle receives.
    pub(super) fn tell_panic(&self, error: JoinError) {
        match self.tell_panic.get() {
            Some(tell) => tell(error),
            None => report(None, error.into()),
        }
    }

    /// Whether a job may find the queue full.
    pub(super) fn has_limit(&self) -> bool {
        self.limits.max_queued.is_some()
    }

    /// Takes a place in the pool, if there is one.
    pub(super) fn has_room(&self) -> bool {
        !self.has_limit() || self.lock().take_place()
    }

    /// Gives a place in the pool back: the first task that waits for one has it.
    pub(super) fn leave(&self) {
        if self.has_limit() {
            let waits = self.lock().leave();
            self.wake(waits);
        }
    }

    /// Puts a job in line, or ends it with an error if it can never run.
    pub(super) fn admit(self: &Arc<Self>, job: Arc<dyn Job>) {
        let mut crew = self.lock();
        if crew.is_closed() {
            drop(crew);
            let error = JoinError::shutdown(Subject::Job(job.site()));
            job.refuse(error);
            return;
        }
        let need = crew.admit(job, self.limits.max_threads);
        self.call_spinner(&crew);
        drop(crew);
        match need {
            Need::Nothing => {}
            Need::Call(thread) => thread.notify_one(),
            Need::Thread(seat) => self.start(seat),
        }
    }

    /// Ends the spin of the thread that spins, if one does.
    pub(super) fn call_spinner(&self, crew: &Crew) {
        if crew.is_spinning() {
            // Ordering: a hint; the thread takes the lock next, and sees there what has arrived.
            self.arrived.fetch_or(1, ordering!(job_arrived: Relaxed));
        }
    }

    /// Spins until there is something for this thread, which looks, if it may. Takes the lock again.
    pub(super) fn spin<'a>(&'a self, mut crew: MutexGuard<'a, Crew>) -> MutexGuard<'a, Crew> {
        let Some(mut spin) = crew.take_spin() else {
            return crew;
        };
        // Ordering: written under the lock alone; the lock orders the writes.
        self.arrived.fetch_and(0, ordering!(spin_begins: Relaxed));
        drop(crew);
        // Ordering: a hint, as in `call_spinner`.
        spin.wait_until(|| self.arrived.load(ordering!(job_awaited: Relaxed)) != 0);
        let mut crew = self.lock();
        crew.put_spin_back(spin);
        crew
    }

    /// Starts a thread. If the system refuses it, and no other is left, the jobs in line end with the reason.
    fn start(self: &Arc<Self>, seat: usize) {
        let Err(error) = (self.start)(self, seat) else {
            return;
        };
        let mut crew = self.lock();
        crew.vacate(seat);
        self.ended.notify_all();
        if crew.threads() > 0 {
            return;
        }
        let jobs = crew.give_up_line();
        drop(crew);
        for job in jobs {
            let error = io::Error::new(error.kind(), error.to_string());
            if job.refuse(JoinError::not_started(Subject::Job(job.site()), error)) {
                self.leave();
            }
        }
    }

    /// A job has ended in the line.
    pub(super) fn abandon_one(&self) {
        let mut crew = self.lock();
        let ended = crew.abandon_one();
        let waits = crew.leave();
        drop(crew);
        drop(ended);
        self.wake(waits);
    }

    /// Wakes a task, if there is one. A panic of its waker is told.
    pub(super) fn wake(&self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.contain(Subject::NoTask, || waker.wake());
        }
    }

    /// Runs user code, whose panic is told.
    pub(super) fn contain(&self, subject: Subject, user_code: impl FnOnce()) {
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(user_code)) {
            self.tell_panic(JoinError::panicked(subject, payload));
        }
    }
}
