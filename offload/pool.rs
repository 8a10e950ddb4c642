//! [`Pool`]: the pool as its runtime has it, and how it shuts down.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::crew::{AtClose, Counts};
use super::limiter::{Limit, Limiter};
use super::limits::Limits;
use super::shared::{Shared, Start, TellPanic};
use super::worker::start_thread;
use crate::common::job_context::JobContext;
use crate::common::observe_jobs::ObserveJobs;
use crate::common::running_job::RunningJob;
use crate::common::scoped::{self, Entered, Scoped};
use crate::common::tokens::{Token, Tokens};
use crate::executor::primitives::wait_timeout;
use crate::executor::silence;

thread_local! {
    /// The pool of the runtime this thread is inside of.
    pub(super) static CURRENT: Scoped<Pool> = const { scoped::empty() };
}

/// A debug build prints a notice of a wait for blocking jobs that is longer than this.
const NOTICE_AFTER: Duration = Duration::from_secs(1);

/// A deadline as far away as this reads as none.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How many limiters a pool keeps before it looks which of them are gone.
const FEW_LIMITERS: usize = 16;

/// The pool of one runtime, as its own thread has it (`!Send`): no job can shut it down.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    /// Each job in flight holds a virtual clock.
    holds: Arc<Tokens>,
    /// The limiters for which a job of this pool has waited, by their addresses.
    limiters: RefCell<BTreeMap<usize, Weak<Limit>>>,
    /// How many there are when those that are gone are taken out next.
    limiters_kept: Cell<usize>,
}

impl Pool {
    /// A pool without threads: the first job starts the first.
    ///
    /// # Panics
    ///
    /// Panics when `max_threads` is 0.
    pub(crate) fn new(limits: Limits, holds: Arc<Tokens>) -> Rc<Self> {
        Self::with_start(limits, holds, start_thread)
    }

    /// A pool whose threads are started by this function.
    pub(crate) fn with_start(limits: Limits, holds: Arc<Tokens>, start: Start) -> Rc<Self> {
        let shared = Shared::new(limits, start);
        let limiters_kept = Cell::new(FEW_LIMITERS);
        Rc::new(Pool { shared, holds, limiters: RefCell::default(), limiters_kept })
    }

    /// Sets what jobs call, on any thread, with a panic that no handle receives. Until then such panics are printed.
    pub(crate) fn set_tell_panic(&self, tell_panic: TellPanic) {
        let set = self.shared.tell_panic.set(tell_panic);
        assert!(set.is_ok(), "it is set once");
    }

    /// Sets what jobs find by [`job_context`](crate::common::job_context). To be called before the first job.
    pub(crate) fn set_context(&self, context: JobContext) {
        let set = self.shared.context.set(context);
        assert!(set.is_ok(), "it is set once");
    }

    /// From the next job on, `observer` is told of each. To be called once.
    pub(crate) fn observe(&self, observer: Arc<dyn ObserveJobs>) {
        let set = self.shared.observer.set(observer);
        assert!(set.is_ok(), "it is set once");
    }

    /// Counts the jobs and threads, for any thread.
    pub(crate) fn counter(&self) -> Counter {
        Counter(Arc::downgrade(&self.shared))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A job of this pool waits for `limiter`.
    pub(super) fn remember(&self, limiter: &Limiter) {
        let weak = limiter.weak();
        let mut limiters = self.limiters.borrow_mut();
        limiters.insert(weak.as_ptr().addr(), weak);
        // Looked through only when the number has doubled since, so that a job pays for one or two of them.
        if limiters.len() >= self.limiters_kept.get() {
            limiters.retain(|_, limiter| limiter.strong_count() > 0);
            self.limiters_kept.set(FEW_LIMITERS.max(2 * limiters.len()));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared.lock().is_closed()
    }

    pub(super) fn take_hold(&self) -> Token {
        self.holds.take()
    }

    /// Makes this the pool of `spawn_blocking` on this thread, until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered<Pool> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Refuses jobs from now on, ends the jobs in line with an error that `is_shutdown`, asks the jobs that run to end, and
    /// waits for them, at most until `deadline` (`None`: without limit). Gives the jobs that still run then; their threads end
    /// after them. Other threads end as soon as they look.
    ///
    /// A debug build prints a notice of a wait of more than a second, so that it is not taken for a hang.
    pub(crate) fn shut_down(&self, deadline: Option<Duration>) -> Vec<RunningJob> {
        let notice = cfg!(debug_assertions).then_some(NOTICE_AFTER);
        self.shut_down_with_notice(deadline, notice, |text| silence(|| eprintln!("{text}")))
    }

    /// As [`shut_down`](Self::shut_down). If it still waits after the time `notice`, it calls `tell` with what it waits
    /// for.
    pub(crate) fn shut_down_with_notice(
        &self,
        deadline: Option<Duration>,
        notice: Option<Duration>,
        tell: impl FnOnce(String),
    ) -> Vec<RunningJob> {
        let begin = Instant::now();
        self.close();
        let until = deadline.and_then(|deadline| begin.checked_add(deadline));
        let notice = notice.filter(|&after| deadline.is_none_or(|deadline| after < deadline));
        if let Some(after) = notice {
            let jobs = self.wait_for_threads(Some(begin + after));
            if !jobs.is_empty() {
                tell(waiting_for(&jobs, deadline.map(|deadline| deadline - after)));
            }
        }
        self.wait_for_threads(until)
    }

    /// Waits until every thread has ended, or until `until` (`None`: without limit). Gives the jobs that still run.
    fn wait_for_threads(&self, until: Option<Instant>) -> Vec<RunningJob> {
        let shared = &*self.shared;
        let mut crew = shared.lock();
        while crew.threads() > 0 {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timed_out;
            (crew, timed_out) = wait_timeout(&shared.ended, shared.mutex(), crew, left);
            if timed_out {
                break;
            }
        }
        crew.running(&shared.limits)
    }

    /// Ends the jobs in line, and asks those that run to end.
    fn close(&self) {
        let mut crew = self.shared.lock();
        let AtClose { queued, running, asleep, waits } = crew.close();
        self.shared.call_spinner(&crew);
        drop(crew);
        asleep.iter().for_each(|thread| thread.notify_one());
        running.iter().chain(&queued).for_each(|job| job.shut_down());
        for limiter in self.limiters.take().values().filter_map(Limiter::upgrade) {
            limiter.take_those_of(&self.shared).iter().for_each(|job| job.shut_down());
        }
        waits.into_iter().for_each(|(_, waker)| self.shared.wake(Some(waker)));
    }

    /// How many threads there are, busy or idle.
    #[cfg(test)]
    pub(crate) fn threads(&self) -> usize {
        self.shared.lock().threads()
    }

    /// Waits until so many threads are left; false if that takes longer than `limit`.
    #[cfg(all(test, not(loom)))]
    pub(super) fn shrinks_to(&self, threads: usize, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut crew = self.shared.lock();
        while crew.threads() != threads && Instant::now() < until {
            let left = Some(until.saturating_duration_since(Instant::now()));
            crew = wait_timeout(&self.shared.ended, self.shared.mutex(), crew, left).0;
        }
        crew.threads() == threads
    }
}

/// Counts the jobs and threads of a pool.
pub(crate) struct Counter(Weak<Shared>);

impl Counter {
    /// All zero once the pool is gone.
    pub(crate) fn counts(&self) -> Counts {
        self.0.upgrade().map(|shared| shared.lock().counts()).unwrap_or_default()
    }
}

impl Drop for Pool {
    /// A pool that was not shut down leaves no job in line, and does not wait for jobs that run.
    fn drop(&mut self) {
        self.close();
    }
}

/// One line that says what the end of a runtime waits for, and for how long it still will.
fn waiting_for(jobs: &[RunningJob], left: Option<Duration>) -> String {
    let limit = match left {
        Some(left) if left < A_YEAR => format!("at most {left:?} more"),
        _ => "without limit".to_owned(),
    };
    let jobs: Vec<String> = jobs.iter().map(ToString::to_string).collect();
    format!("a runtime that ends waits for its blocking jobs ({limit}): {}", jobs.join("; "))
}
