//! [`Pool`]: when a thread starts, when it ends, and how all of it shuts down.
//!
//! One rule decides both, under one lock, where *in flight* is a job in line (an aborted one too,
//! until a thread meets it) or running:
//!
//! * **Enough**: `threads >= min(in_flight, max_threads)` whenever the lock is free.
//!
//! A submit adds a job and, if that breaks the rule, a thread; a thread with nothing to do leaves
//! only if the rule holds without it. So no job is lost between a thread that gives up waiting and
//! a submit: whichever takes the lock second sees what the first did. Nor does a thread start
//! while a free one is about to take the job, since a thread is free exactly when it has no job in
//! flight. (When the system refuses a thread, the job waits for those that exist.)
//!
//! The jobs travel by a channel; the lock guards the numbers only, and no code of others runs
//! under it.

#![forbid(unsafe_code)]

use std::cell::{Ref, RefCell};
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::{Condvar, Mutex};

use super::job::{Job, Report};
use super::worker::Worker;
use crate::common::discard::discard;
use crate::common::running_job::RunningJob;
use crate::common::scoped::{self, Entered, Scoped};
use crate::common::tokens::{Token, Tokens};
use crate::executor::{JoinError, Who, report, silence};

thread_local! {
    /// The pool of the runtime this thread is inside of.
    pub(super) static CURRENT: Scoped<Pool> = const { scoped::empty() };
}

/// A wait for blocking jobs that is longer than this is told of, in a debug build.
const NOTICE_AFTER: Duration = Duration::from_secs(1);

/// A deadline as far as that is none, for whoever reads of it.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How far a pool grows, and how soon it shrinks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// At least 1. By default 64: as many as a disk or a resolver makes use of, and a number of
    /// stacks that a small tool can afford. (tokio allows 512, and a burst starts them all.)
    pub(crate) max_threads: usize,
    /// How long a thread waits for another job before it ends. By default 10 seconds: a server's
    /// next request comes sooner, and a tool that is done for now gives its threads back.
    pub(crate) keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_threads: 64, keep_alive: Duration::from_secs(10) }
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
    report: RefCell<Report>,
    /// How a thread starts; tests put others here.
    start: fn(String, Worker) -> io::Result<()>,
}

/// A job in line, or running.
pub(super) struct Ticket {
    pub(super) job: Arc<dyn Job>,
    /// Given back last, after the wake.
    pub(super) hold: Token,
}

/// What the pool and its threads share.
pub(super) struct Shared {
    /// The far end of the line.
    pub(super) line: Receiver<Ticket>,
    pub(super) state: Mutex<State>,
    /// A thread ended.
    pub(super) ended: Condvar,
}

/// The numbers of the rule, and what each thread does, for the report.
#[derive(Default)]
pub(super) struct State {
    in_flight: usize,
    threads: usize,
    /// Indexed by the number in the thread's name.
    seats: Vec<Seat>,
    closed: bool,
}

#[derive(Clone, Copy)]
enum Seat {
    Vacant,
    Idle,
    Running(&'static Location<'static>),
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

    pub(super) fn with_start(
        limits: Limits,
        holds: Arc<Tokens>,
        start: fn(String, Worker) -> io::Result<()>,
    ) -> Rc<Self> {
        assert!(limits.max_threads > 0, "`max_blocking_threads` must be at least 1");
        let (near, far) = unbounded();
        let shared = Shared { line: far, state: Mutex::default(), ended: Condvar::new() };
        let line = RefCell::new(Some(near));
        let report =
            RefCell::new(Arc::new(|error: JoinError| report(None, error.into())) as Report);
        Rc::new(Pool { limits, line, holds, shared: Arc::new(shared), report, start })
    }

    /// Has jobs spawned from now on tell `report` of the panics that no handle receives, on any thread. Until then
    /// they are printed.
    pub(crate) fn report_to(&self, report: Report) {
        self.report.replace(report);
    }

    pub(super) fn report(&self) -> Report {
        Arc::clone(&self.report.borrow())
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
            Err(error) => discard(job.reject(error)),
        }
    }

    fn admit(
        &self,
        site: &'static Location<'static>,
    ) -> Result<Ref<'_, Sender<Ticket>>, JoinError> {
        let Ok(line) = Ref::filter_map(self.line.borrow(), Option::as_ref) else {
            return Err(JoinError::shutdown(Who::Job(site)));
        };
        let needed = self.shared.state.lock().admit(self.limits.max_threads);
        if let Some(seat) = needed {
            self.start(seat).map_err(|error| JoinError::not_started(Who::Job(site), error))?;
        }
        Ok(line)
    }

    fn start(&self, seat: usize) -> io::Result<()> {
        let worker = Worker::new(seat, self.limits.keep_alive, Arc::clone(&self.shared));
        let Err(error) = (self.start)(thread_name(seat), worker) else {
            return Ok(());
        };
        let mut state = self.shared.state.lock();
        state.vacate(seat);
        if state.threads > 0 {
            return Ok(());
        }
        state.in_flight -= 1;
        Err(error)
    }

    /// Refuses jobs from now on, ends those in line with `is_shutdown`, and waits at most
    /// `deadline` (`None`: without limit) for those that run. Idle threads end at once.
    ///
    /// Every thread has ended, unless the deadline came first. One that is busy then ends after its
    /// job.
    /// In a debug build a wait of more than a second is told of, so that it is not taken for a hang.
    pub(crate) fn shutdown(&self, deadline: Option<Duration>) -> Vec<RunningJob> {
        let notice = cfg!(debug_assertions).then_some(NOTICE_AFTER);
        self.shutdown_with_notice(deadline, notice, |text| silence(|| eprintln!("{text}")))
    }

    /// As [`shutdown`](Self::shutdown); what it waits for after so long is told.
    pub(super) fn shutdown_with_notice(
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

    /// Waits until every thread has ended, or this moment has come. Gives the jobs that still run.
    fn wait_for_threads(&self, until: Option<Instant>) -> Vec<RunningJob> {
        let mut state = self.shared.state.lock();
        while state.threads > 0 {
            let Some(until) = until else {
                self.shared.ended.wait(&mut state);
                continue;
            };
            if self.shared.ended.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.running()
    }

    fn close(&self) {
        self.shared.state.lock().closed = true;
        drop(self.line.take()); // the threads see the line end
        for ticket in self.shared.line.try_iter() {
            ticket.job.shut();
        }
    }

    /// How many threads there are, busy or idle.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.shared.state.lock().threads
    }

    /// Waits until so many threads are left; false if that takes longer than `limit`.
    #[cfg(test)]
    pub(super) fn shrinks_to(&self, threads: usize, limit: Duration) -> bool {
        let mut state = self.shared.state.lock();
        let more = |state: &mut State| state.threads != threads;
        !self.shared.ended.wait_while_for(&mut state, more, limit).timed_out()
    }
}

impl Drop for Pool {
    /// A pool nobody shut down leaves nothing in line, and waits for nothing.
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    /// A job comes; returns the seat of the thread to start for it.
    fn admit(&mut self, max_threads: usize) -> Option<usize> {
        self.in_flight += 1;
        if self.in_flight <= self.threads || self.threads == max_threads {
            return None;
        }
        self.threads += 1;
        let vacant = self.seats.iter().position(|seat| matches!(seat, Seat::Vacant));
        let seat = vacant.unwrap_or_else(|| {
            self.seats.push(Seat::Vacant);
            self.seats.len() - 1
        });
        self.seats[seat] = Seat::Idle;
        Some(seat)
    }

    /// A thread took a job. False: the pool is closed, and the job must not run.
    #[must_use]
    pub(super) fn begin(&mut self, seat: usize, site: &'static Location<'static>) -> bool {
        if !self.closed {
            self.seats[seat] = Seat::Running(site);
        }
        !self.closed
    }

    /// The thread is free again.
    pub(super) fn finish(&mut self, seat: usize) {
        self.seats[seat] = Seat::Idle;
        self.in_flight -= 1;
    }

    /// The others are enough for the jobs in flight.
    pub(super) fn is_spare(&self) -> bool {
        self.in_flight < self.threads
    }

    /// The thread ends.
    pub(super) fn vacate(&mut self, seat: usize) {
        self.seats[seat] = Seat::Vacant;
        self.threads -= 1;
    }

    fn running(&self) -> Vec<RunningJob> {
        let busy = self.seats.iter().enumerate().filter_map(|(seat, state)| match *state {
            Seat::Running(site) => Some(RunningJob { thread: thread_name(seat), site }),
            Seat::Vacant | Seat::Idle => None,
        });
        busy.collect()
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

fn thread_name(seat: usize) -> String {
    format!("taketurns-blocking-{seat}")
}

pub(super) fn start_thread(name: String, worker: Worker) -> io::Result<()> {
    thread::Builder::new().name(name).spawn(move || worker.work()).map(drop)
}
