//! [`Worker`]: what one thread of the pool does.

#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::cancel::Runs;
use super::crew::Crew;
use super::job::{Ended, Job};
use super::shared::Shared;
use crate::common::job_context;
use crate::executor::job_thread::set_runs_jobs;
use crate::executor::primitives::{Condvar, MutexGuard, wait_timeout};

/// Takes jobs from the line, until it is empty for a while or the pool closes.
pub(crate) struct Worker {
    seat: usize,
    shared: Arc<Shared>,
    call: Arc<Condvar>,
}

/// Starts a thread of the system that works.
pub(super) fn start_thread(shared: &Arc<Shared>, seat: usize) -> io::Result<()> {
    let limits = &shared.limits;
    let builder = thread::Builder::new().name(limits.thread_name(seat));
    let builder = match limits.stack_size {
        Some(bytes) => builder.stack_size(bytes),
        None => builder,
    };
    let worker = Worker::new(shared, seat);
    builder.spawn(move || worker.work()).map(drop)
}

/// How often a thread lets others go first, and looks again, in the middle of a burst.
const YIELDS: u32 = if cfg!(all(loom, test)) { 0 } else { 7 };

impl Worker {
    pub(crate) fn new(shared: &Arc<Shared>, seat: usize) -> Self {
        Worker { seat, shared: Arc::clone(shared), call: shared.lock().call(seat) }
    }

    pub(crate) fn work(&self) {
        set_runs_jobs(true);
        let _context = self.shared.context.get().cloned().map(job_context::enter);
        loop {
            let mut ran = 0;
            while let Some(job) = self.look(ran) {
                let mut next = Some(job);
                while let Some(job) = next {
                    next = self.run(&job);
                    ran += 1;
                }
            }
            if !self.sleep() {
                return;
            }
        }
    }

    /// Takes a job, if there is one. The thread has run `ran` jobs since it slept.
    ///
    /// In a burst of short jobs the line is empty again and again, if only for a microsecond. A thread that fell asleep each
    /// time would have to be called for the next job, and that costs the submitting thread more than its submit. So it lets
    /// other threads have the core, and looks again; not if its job was a single one and no other thread is awake.
    ///
    /// At last one thread lingers for longer, without the lock: it spins if the pool has an adaptive wait, and
    /// else yields. A loop that awaits one job after another finds it there. Two wakes a job, with a core that falls asleep and
    /// is woken for each, take both threads more CPU time than that.
    fn look(&self, ran: u32) -> Option<Arc<dyn Job>> {
        let mut crew = self.shared.lock();
        for _ in 0..YIELDS {
            let job = crew.take(self.seat, Instant::now());
            if job.is_some() {
                return job;
            }
            if ran <= 1 && crew.awake() == 1 {
                break;
            }
            drop(crew);
            thread::yield_now();
            crew = self.shared.lock();
        }
        let job = crew.take(self.seat, Instant::now());
        if job.is_some() {
            return job;
        }
        self.shared.spin(crew).take(self.seat, Instant::now())
    }

    /// Runs one job. Gives the next one, if one waits: to end a job and to take the next is one step.
    ///
    /// The output is stored in that step too, in which the thread begins to count as free. So a shutdown that waited for the
    /// thread finds the output; and an awaiter that has the output, woken or by a poll of its own, finds the thread free: if it
    /// spawns another job, this thread takes it, and no other has to start.
    ///
    /// The next job begins when the awaiter has been woken and the permit has been handed on. So a waker of another executor that
    /// blocks holds it up, although the exit report counts the job as running by then.
    fn run(&self, job: &Arc<dyn Job>) -> Option<Arc<dyn Job>> {
        let _runs = Runs::new(Arc::clone(job));
        let mut next = None;
        job.run(&mut |store| {
            let now = Instant::now();
            let mut crew = self.shared.lock();
            let ended = store();
            if ended == Ended::NotYet {
                return;
            }
            crew.end_job(self.seat);
            next = crew.take(self.seat, now);
            let waits = if ended == Ended::Now { crew.leave() } else { None };
            drop(crew);
            self.shared.wake(waits);
        });
        next
    }

    /// Sleeps until it is called, at most for the keep-alive, unless a job has come. `false`: the thread ends, and no longer
    /// counts.
    fn sleep(&self) -> bool {
        let mut crew = self.shared.lock();
        if crew.is_closed() {
            return self.leave(crew);
        }
        if !crew.fall_asleep(self.seat) {
            return true;
        }
        // A time beyond what the clock can express is none.
        let until = Instant::now().checked_add(self.shared.limits.keep_alive);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timed_out;
            (crew, timed_out) = wait_timeout(&self.call, self.shared.mutex(), crew, left);
            if !crew.is_asleep(self.seat) {
                return true;
            }
            if timed_out || crew.is_closed() {
                return self.leave(crew);
            }
        }
    }

    fn leave(&self, mut crew: MutexGuard<'_, Crew>) -> bool {
        crew.vacate(self.seat);
        drop(crew);
        self.shared.ended.notify_all();
        false
    }
}
