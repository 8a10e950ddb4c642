//! [`Crew`]: the line of jobs, what each thread does, and how many threads are needed.
//!
//! A pool could start a thread for each job that finds none free. But between "none is free" and the start, a thread may
//! become free; and a thread that gives up waiting may leave just as a job comes. And if it woke a thread for each job, most
//! threads would find that a thread that was awake anyway has taken the job: in a burst, waking costs more than the jobs.
//! So the line and the threads are one state, under one lock, and one rule decides. A thread *looks* when it is awake and
//! has no job: it was started, or called, or has ended a job, and takes the lock next to look at the line.
//!
//! * **Enough**: `line <= looking`, or no thread is asleep and there are `max_threads`, whenever the lock is free.
//!
//! So each job in line has a thread of its own on its way, and a job that blocks holds up no other while there may be more
//! threads. A submit puts its job in line and, if that breaks the rule, calls the thread that fell asleep last (its cache is
//! warm, and the others, which are not needed, can end), or else starts one. Only a thread that sees an empty line falls
//! asleep, and only one that is asleep ends for want of work. So no job is lost between a thread that leaves and a submit:
//! the second of them to take the lock sees what the first did. (When the system refuses a thread, the job waits for the
//! threads that exist.)
//!
//! No user code runs under the lock.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::job::Job;
use super::limits::Limits;
use crate::common::running_job::RunningJob;
use crate::common::spin::Spin;
use crate::executor::primitives::Condvar;

/// The line of jobs, and the threads.
#[derive(Default)]
pub(super) struct Crew {
    /// Some of them may have ended by an abort; a thread that takes one of these finds nothing to run.
    line: VecDeque<Arc<dyn Job>>,
    /// How many in the line have ended, at most.
    abandoned: usize,
    looking: usize,
    /// The seats of the threads that are asleep, in the order in which they fell asleep.
    asleep: Vec<usize>,
    threads: usize,
    /// Indexed by the number in the thread's name.
    seats: Vec<Seat>,
    is_closed: bool,
    /// `None` if threads are not to spin, and while one does: one is enough.
    spin: Option<Spin>,
    is_spinning: bool,
    /// How many jobs the pool may have; `None`: as many as come.
    capacity: Option<usize>,
    /// Jobs that have not ended, and rooms for jobs. Counted if there is a capacity.
    places: usize,
    /// The tasks that wait for a place, by ascending keys. While there are any, no place is free.
    waits: BTreeMap<u64, Waker>,
    next_key: u64,
}

/// What becomes of a task that asks for room.
#[must_use]
pub(super) enum Ask {
    /// It has room, and its waker back.
    Given { unused: Waker },
    /// It waits; its waker from before, if another is kept now.
    Waits { key: u64, before: Option<Waker> },
}

/// The place of a thread.
struct Seat {
    does: Does,
    /// Where the thread sleeps.
    call: Arc<Condvar>,
}

enum Does {
    /// There is no thread.
    Vacant,
    Looks,
    Sleeps,
    Runs {
        job: Arc<dyn Job>,
        since: Instant,
    },
}

/// What a job that has come into the line needs, when the lock is free again.
#[must_use]
pub(super) enum Need {
    Nothing,
    /// This thread is to be notified.
    Call(Arc<Condvar>),
    /// A thread for this seat.
    Thread(usize),
}

/// What a pool has at one moment.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Jobs that wait for a thread.
    pub(crate) queued: usize,
    pub(crate) running: usize,
    /// Busy or idle.
    pub(crate) threads: usize,
}

/// What a pool has when it closes.
pub(super) struct AtClose {
    pub(super) queued: VecDeque<Arc<dyn Job>>,
    pub(super) running: Vec<Arc<dyn Job>>,
    pub(super) asleep: Vec<Arc<Condvar>>,
    /// Tasks that wait for room, to be woken.
    pub(super) waits: BTreeMap<u64, Waker>,
}

/// How many jobs that have ended the line may keep, beside as many as there are others.
pub(super) const FEW: usize = 32;

impl Crew {
    pub(super) fn new(capacity: Option<usize>, spin: Spin) -> Self {
        Crew { capacity, spin: Some(spin).filter(Spin::is_on), ..Crew::default() }
    }

    /// The thread, which looks, has found nothing, and may spin with this before it falls asleep. It looks on meanwhile. A
    /// closed pool has no spin for it: no job comes to end it.
    pub(super) fn take_spin(&mut self) -> Option<Spin> {
        if self.is_closed {
            return None;
        }
        let spin = self.spin.take();
        self.is_spinning |= spin.is_some();
        spin
    }

    pub(super) fn put_spin_back(&mut self, spin: Spin) {
        self.spin = Some(spin);
        self.is_spinning = false;
    }

    pub(super) fn is_spinning(&self) -> bool {
        self.is_spinning
    }

    /// Takes a place for a job. A closed pool has room for all, as it refuses them by itself.
    pub(super) fn take_place(&mut self) -> bool {
        let is_full = self.capacity.is_some_and(|capacity| self.places >= capacity);
        if self.is_closed {
            return true;
        }
        self.places += usize::from(!is_full);
        !is_full
    }

    /// A place is free. It goes to the first task that waits; gives its waker.
    pub(super) fn leave(&mut self) -> Option<Waker> {
        if self.capacity.is_none() || self.is_closed {
            return None;
        }
        let first = self.waits.pop_first();
        if first.is_none() {
            self.places -= 1;
        }
        first.map(|(_, waker)| waker)
    }

    /// A task asks for a place; `key`: it has asked before.
    pub(super) fn ask_for_room(&mut self, key: Option<u64>, waker: Waker) -> Ask {
        let Some(key) = key else {
            if self.take_place() {
                return Ask::Given { unused: waker };
            }
            let key = self.next_key;
            self.next_key += 1;
            self.waits.insert(key, waker);
            return Ask::Waits { key, before: None };
        };
        match self.waits.get_mut(&key) {
            Some(kept) => Ask::Waits { key, before: Some(mem::replace(kept, waker)) },
            None => Ask::Given { unused: waker },
        }
    }

    /// A task that has asked waits no longer. `None`: it has been given a place.
    pub(super) fn ask_no_more(&mut self, key: u64) -> Option<Waker> {
        self.waits.remove(&key)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// How many jobs are in line, how many run, and how many threads there are.
    pub(super) fn counts(&self) -> Counts {
        let runs = |seat: &&Seat| matches!(seat.does, Does::Runs { .. });
        Counts {
            queued: self.line.len().saturating_sub(self.abandoned),
            running: self.seats.iter().filter(runs).count(),
            threads: self.threads,
        }
    }

    /// How many threads do not sleep.
    pub(super) fn awake(&self) -> usize {
        self.threads - self.asleep.len()
    }

    /// A job comes.
    pub(super) fn admit(&mut self, job: Arc<dyn Job>, max_threads: usize) -> Need {
        self.line.push_back(job);
        if self.line.len() <= self.looking {
            return Need::Nothing;
        }
        if let Some(seat) = self.asleep.pop() {
            self.looking += 1;
            self.seats[seat].does = Does::Looks;
            return Need::Call(Arc::clone(&self.seats[seat].call));
        }
        if self.threads == max_threads {
            return Need::Nothing;
        }
        self.threads += 1;
        self.looking += 1;
        let vacant = self.seats.iter().position(|seat| matches!(seat.does, Does::Vacant));
        let seat = vacant.unwrap_or_else(|| {
            self.seats.push(Seat { does: Does::Vacant, call: Arc::new(Condvar::new()) });
            self.seats.len() - 1
        });
        self.seats[seat].does = Does::Looks;
        Need::Thread(seat)
    }

    /// Where the thread of this seat sleeps.
    pub(super) fn call(&self, seat: usize) -> Arc<Condvar> {
        Arc::clone(&self.seats[seat].call)
    }

    /// The thread, which looks, takes the first job in line. From `now` on it runs that.
    pub(super) fn take(&mut self, seat: usize, now: Instant) -> Option<Arc<dyn Job>> {
        let job = self.line.pop_front()?;
        self.looking -= 1;
        self.seats[seat].does = Does::Runs { job: Arc::clone(&job), since: now };
        Some(job)
    }

    /// The thread has run its job. It has another reference on the job, so nothing is dropped here.
    pub(super) fn end_job(&mut self, seat: usize) {
        self.looking += 1;
        self.seats[seat].does = Does::Looks;
    }

    /// The thread, which looks, falls asleep if the line is empty.
    pub(super) fn fall_asleep(&mut self, seat: usize) -> bool {
        if !self.line.is_empty() {
            return false;
        }
        self.looking -= 1;
        self.asleep.push(seat);
        self.seats[seat].does = Does::Sleeps;
        true
    }

    /// Whether the thread has not been called since it fell asleep.
    pub(super) fn is_asleep(&self, seat: usize) -> bool {
        matches!(self.seats[seat].does, Does::Sleeps)
    }

    /// The thread ends, or did not start.
    pub(super) fn vacate(&mut self, seat: usize) {
        match mem::replace(&mut self.seats[seat].does, Does::Vacant) {
            Does::Sleeps => self.asleep.retain(|&asleep| asleep != seat),
            Does::Looks => self.looking -= 1,
            Does::Vacant | Does::Runs { .. } => unreachable!("only a thread without a job ends"),
        }
        self.threads -= 1;
    }

    /// A job has ended in the line. Gives the jobs that have, if there are many, to be dropped when the lock is free.
    pub(super) fn abandon_one(&mut self) -> VecDeque<Arc<dyn Job>> {
        self.abandoned += 1;
        if self.abandoned <= FEW + self.line.len() / 2 {
            return VecDeque::new();
        }
        self.abandoned = 0;
        let (ended, line) = self.line.drain(..).partition(|job| job.has_ended());
        self.line = line;
        ended
    }

    /// No thread is left, and none can be started: gives the jobs that are in line.
    pub(super) fn give_up_line(&mut self) -> VecDeque<Arc<dyn Job>> {
        mem::take(&mut self.line)
    }

    /// No job comes, or is taken, from now on.
    pub(super) fn close(&mut self) -> AtClose {
        self.is_closed = true;
        let runs = |seat: &Seat| match &seat.does {
            Does::Runs { job, .. } => Some(Arc::clone(job)),
            Does::Vacant | Does::Looks | Does::Sleeps => None,
        };
        AtClose {
            queued: mem::take(&mut self.line),
            running: self.seats.iter().filter_map(runs).collect(),
            asleep: self.asleep.iter().map(|&seat| Arc::clone(&self.seats[seat].call)).collect(),
            waits: mem::take(&mut self.waits),
        }
    }

    /// The jobs that run now.
    pub(super) fn running(&self, limits: &Limits) -> Vec<RunningJob> {
        let runs = |(seat, at): (usize, &Seat)| match &at.does {
            Does::Runs { job, since } => {
                Some(RunningJob::new(limits.thread_name(seat), job.site(), *since))
            }
            Does::Vacant | Does::Looks | Does::Sleeps => None,
        };
        self.seats.iter().enumerate().filter_map(runs).collect()
    }
}
