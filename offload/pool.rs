//! [`Pool`]: the line of jobs, and how all of it shuts down.
//!
//! When a thread starts, and when it ends, is the rule of [`Crew`](super::crew::Crew).

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::cell::{Ref, RefCell};
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use parking_lot::{Condvar, Mutex};

#[cfg(test)]
use super::crew::Crew;
use super::crew::{Shared, Ticket};
use super::job::{Job, TellPanic};
use super::worker::Worker;
use crate::common::discard::discard;
use crate::common::job_context::JobContext;
use crate::common::running_job::RunningJob;
use crate::common::scoped::{self, Entered, Scoped};
use crate::common::tokens::Tokens;
use crate::executor::{JoinError, Subject, report, silence};

thread_local! {
    /// The pool of the runtime this thread is inside of.
    pub(super) static CURRENT: Scoped<Pool> = const { scoped::empty() };
}

/// A debug build prints a notice of a wait for blocking jobs that is longer than this.
const NOTICE_AFTER: Duration = Duration::from_secs(1);

/// A deadline as far away as this reads as none.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How far a pool grows, and how soon it shrinks.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// At least 1. By default 64: as many as a disk or a resolver makes use of, and a number of
    /// stacks that a small tool can afford. (tokio allows 512, and a burst starts them all.)
    pub(crate) max_threads: usize,
    /// How long a thread waits for another job before it ends. By default 10 seconds: a server's next request comes
    /// sooner, and a tool that has no more blocking work for now gives its threads back.
    pub(crate) keep_alive: Duration,
    /// What a thread's name begins with. (Linux shows the first 15 bytes of a name.)
    pub(crate) thread_name: Cow<'static, str>,
    /// In bytes; `None`: as std has it.
    pub(crate) stack_size: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_threads: 64,
            keep_alive: Duration::from_secs(10),
            thread_name: Cow::Borrowed("taketurns-blocking"),
            stack_size: None,
        }
    }
}

/// The threads of one runtime, and the line of jobs before them.
///
/// It stays on the runtime's thread (`!Send`): no job can submit to it or shut it down.
pub(crate) struct Pool {
    limits: Limits,
    /// The near end of the line; `None` once the pool is closed.
    line: RefCell<Option<Sender<Ticket>>>,
    /// Each job in flight holds a virtual clock.
    holds: Arc<Tokens>,
    shared: Arc<Shared>,
    tell_panic: RefCell<TellPanic>,
    /// How a thread starts. Tests put other functions here.
    start: Start,
}

/// Starts a thread that works.
pub(super) type Start = fn(Thread, Worker) -> io::Result<()>;

/// How a thread is to be.
pub(super) struct Thread {
    pub(super) name: String,
    pub(super) stack_size: Option<usize>,
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

    pub(super) fn with_start(limits: Limits, holds: Arc<Tokens>, start: Start) -> Rc<Self> {
        assert!(limits.max_threads > 0, "`max_blocking_threads` must be at least 1");
        let (near, far) = unbounded();
        let shared = Shared {
            line: far,
            crew: Mutex::default(),
            ended: Condvar::new(),
            context: OnceLock::new(),
        };
        let print: TellPanic = Arc::new(|error| report(None, error.into()));
        Rc::new(Pool {
            limits,
            line: RefCell::new(Some(near)),
            holds,
            shared: Arc::new(shared),
            tell_panic: RefCell::new(print),
            start,
        })
    }

    /// Sets what jobs spawned from now on call, on any thread, with a panic that no handle receives. Until then such
    /// panics are printed.
    pub(crate) fn set_tell_panic(&self, tell_panic: TellPanic) {
        self.tell_panic.replace(tell_panic);
    }

    /// Sets what jobs find by [`job_context`](crate::common::job_context). To be called before the first job.
    pub(crate) fn set_context(&self, context: JobContext) {
        let _ = self.shared.context.set(context);
    }

    pub(super) fn tell_panic(&self) -> TellPanic {
        Arc::clone(&self.tell_panic.borrow())
    }

    /// Makes this the pool of `spawn_blocking` on this thread, until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered<Pool> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Puts a job in line, or ends it with an error if it can never run.
    pub(super) fn submit(&self, job: Arc<dyn Job>) {
        match self.admit(job.site()) {
            Ok(line) => {
                let ticket = Ticket { job, hold: self.holds.take() };
                assert!(line.send(ticket).is_ok(), "`shared` has the other end");
            }
            Err(error) => discard(job.refuse(error)),
        }
    }

    fn admit(
        &self,
        site: &'static Location<'static>,
    ) -> Result<Ref<'_, Sender<Ticket>>, JoinError> {
        let Ok(line) = Ref::filter_map(self.line.borrow(), Option::as_ref) else {
            return Err(JoinError::shutdown(Subject::Job(site)));
        };
        let needed = self.shared.crew.lock().admit(self.limits.max_threads);
        if let Some(seat) = needed {
            self.start(seat).map_err(|error| JoinError::not_started(Subject::Job(site), error))?;
        }
        Ok(line)
    }

    fn thread_name(&self, seat: usize) -> String {
        format!("{}-{seat}", self.limits.thread_name)
    }

    fn start(&self, seat: usize) -> io::Result<()> {
        let worker = Worker::new(seat, self.limits.keep_alive, Arc::clone(&self.shared));
        let thread = Thread { name: self.thread_name(seat), stack_size: self.limits.stack_size };
        let Err(error) = (self.start)(thread, worker) else {
            return Ok(());
        };
        let mut crew = self.shared.crew.lock();
        crew.vacate(seat);
        if crew.threads > 0 {
            return Ok(());
        }
        crew.in_flight -= 1;
        Err(error)
    }

    /// Refuses jobs from now on, ends the jobs in line with an error that `is_shutdown`, asks the jobs that run to end, and
    /// waits for them, at most until `deadline` (`None`: without limit). Gives the jobs that still run then; their threads end
    /// after them. Every other thread has ended.
    ///
    /// A debug build prints a notice of a wait of more than a second, so that it is not taken for a hang.
    pub(crate) fn shut_down(&self, deadline: Option<Duration>) -> Vec<RunningJob> {
        let notice = cfg!(debug_assertions).then_some(NOTICE_AFTER);
        self.shut_down_with_notice(deadline, notice, |text| silence(|| eprintln!("{text}")))
    }

    /// As [`shut_down`](Self::shut_down). If it still waits after the time `notice`, it calls `tell` with what it waits
    /// for.
    pub(super) fn shut_down_with_notice(
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
        let mut crew = self.shared.crew.lock();
        while crew.threads > 0 {
            let Some(until) = until else {
                self.shared.ended.wait(&mut crew);
                continue;
            };
            if self.shared.ended.wait_until(&mut crew, until).timed_out() {
                break;
            }
        }
        crew.running(|seat| self.thread_name(seat))
    }

    /// Ends the jobs in line, and asks those that run to end.
    fn close(&self) {
        let mut crew = self.shared.crew.lock();
        crew.is_closed = true;
        let running = crew.running_jobs();
        drop(crew);
        drop(self.line.take()); // the threads see that the line has ended
        running.iter().for_each(|job| job.shut_down());
        for ticket in self.shared.line.try_iter() {
            ticket.job.shut_down();
        }
    }

    /// How many threads there are, busy or idle.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.shared.crew.lock().threads
    }

    /// Waits until so many threads are left; false if that takes longer than `limit`.
    #[cfg(test)]
    pub(super) fn shrinks_to(&self, threads: usize, limit: Duration) -> bool {
        let mut crew = self.shared.crew.lock();
        let more = |crew: &mut Crew| crew.threads != threads;
        !self.shared.ended.wait_while_for(&mut crew, more, limit).timed_out()
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

pub(super) fn start_thread(thread: Thread, worker: Worker) -> io::Result<()> {
    let builder = thread::Builder::new().name(thread.name);
    let builder = match thread.stack_size {
        Some(bytes) => builder.stack_size(bytes),
        None => builder,
    };
    builder.spawn(move || worker.work()).map(drop)
}
