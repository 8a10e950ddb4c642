//! Every wake is followed by a poll that sees what was written before it, in order and in time.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use super::{
    AtomicUsize, Ordering, Parked, bounded, bounded_twice, executor, executor_over, homebound,
    model, thread, waiting,
};
use crate::executor::job_thread::set_runs_jobs;
use crate::executor::observe::{Cause, Observe, Seen};
use crate::executor::yield_now;

/// *Cooperative scheduling*: polls never overlap and happen only at home. Every wake, at home or by another thread, is
/// followed by a poll that sees what was written before it.
///
/// Three preemptions: one between a write and its wake, one between the look and the turn, one for the other thread. Each
/// task must see both writers, so no wake can stand in for another.
#[test]
fn cooperative_scheduling() {
    model(bounded_twice(3, 4), || {
        let executor = executor();
        let written = [0, 1].map(|_| Arc::new(AtomicUsize::new(0)));
        let tasks = written
            .clone()
            .map(|written| waiting(&executor, move || written.load(Ordering::Relaxed) == 0b11));
        let [(one, first, _), (two, second, _)] = tasks;
        let away = {
            let (written, first, second) = (written.clone(), first.clone(), second.clone());
            thread::spawn(move || {
                written[0].fetch_add(0b01, Ordering::Relaxed);
                first.wake();
                written[1].fetch_add(0b01, Ordering::Relaxed);
                second.wake();
            })
        };
        executor.block_on(async {
            written[1].fetch_add(0b10, Ordering::Relaxed);
            second.wake();
            yield_now().await;
            written[0].fetch_add(0b10, Ordering::Relaxed);
            first.wake();
            one.await.unwrap();
            two.await.unwrap();
        });
        away.join().unwrap();
    });
}

/// *Missed yield*: two tasks yield all the time. A task that another thread wakes, at any step, has its turn within the
/// promised number of turns: `event_interval` to the next look, then the tasks that are queued before it.
///
/// Four preemptions: two for the wake and the note that it was made, two for home.
#[test]
fn missed_yield() {
    const INTERVAL: usize = 2;
    const AHEAD: usize = 2;
    model(bounded(4), || {
        let interval = NonZeroU32::new(INTERVAL as u32).unwrap();
        let executor = executor_over(Parked::default(), interval);
        let written = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&written);
        let had_its_turn = Rc::new(Cell::new(false));
        let has_it = Rc::clone(&had_its_turn);
        let (woken, waker, _) = waiting(&executor, move || {
            has_it.set(seen.load(Ordering::Relaxed) == 1);
            has_it.get()
        });
        let landed = Arc::new(AtomicUsize::new(0));
        let turns = Rc::new(Cell::new(0));
        // The turn that the woken task takes at the latest.
        let promised = Rc::new(Cell::new(usize::MAX));
        for _ in 0..AHEAD {
            let (turns, promised) = (Rc::clone(&turns), Rc::clone(&promised));
            let (landed, had_its_turn) = (Arc::clone(&landed), Rc::clone(&had_its_turn));
            let busy = async move {
                for _ in 0..INTERVAL + AHEAD + 2 {
                    turns.set(turns.get() + 1);
                    if promised.get() == usize::MAX && landed.load(Ordering::Acquire) == 1 {
                        promised.set(turns.get() + INTERVAL + AHEAD);
                    }
                    assert!(
                        had_its_turn.get() || turns.get() < promised.get(),
                        "missed the yields"
                    );
                    yield_now().await;
                }
            };
            executor.spawn(homebound(busy).0).detach();
        }
        let away = thread::spawn(move || {
            written.store(1, Ordering::Relaxed);
            waker.wake();
            landed.store(1, Ordering::Release);
        });
        executor.block_on(woken).unwrap();
        away.join().unwrap();
    });
}

/// Only the wake can make the store visible to the poll.
///
/// Four preemptions: two for each of the two wakes.
#[test]
fn wake_against_poll() {
    model(bounded(4), || {
        let executor = executor();
        let step = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&step);
        let (handle, waker, _) = waiting(&executor, move || seen.load(Ordering::Relaxed) == 2);
        let away = thread::spawn(move || {
            step.store(1, Ordering::Relaxed);
            waker.wake_by_ref();
            step.store(2, Ordering::Relaxed);
            waker.wake();
        });
        executor.block_on(handle).unwrap();
        away.join().unwrap();
    });
}

/// Three preemptions: one between a store and its wake, one each for the other wake and the park that follows. What the
/// thread that loses POSTED wrote must reach the poll too.
#[test]
fn two_wakes_against_poll() {
    model(bounded_twice(3, 5), || {
        let executor = executor();
        let steps = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let seen = steps.clone();
        let all = move || seen.iter().all(|step| step.load(Ordering::Relaxed) == 1);
        let (handle, waker, _) = waiting(&executor, all);
        let away = steps.map(|step| {
            let waker = waker.clone();
            thread::spawn(move || {
                step.store(1, Ordering::Relaxed);
                waker.wake();
            })
        });
        drop(waker);
        executor.block_on(handle).unwrap();
        for thread in away {
            thread.join().unwrap();
        }
    });
}

/// Notes what woke a task from another thread.
struct Told(Rc<RefCell<Vec<Cause>>>);

impl Observe for Told {
    fn woken(&self, _: &Seen, by: Cause) {
        if matches!(by, Cause::Job | Cause::Thread) {
            self.0.borrow_mut().push(by);
        }
    }
}

/// One thread wakes a task twice, and runs a blocking job for one of the two wakes. The task may end, and retire, before the
/// second. Gives what is told in the end, which depends on the interleaving.
fn told_of_wakes(is_job: [bool; 2]) -> Vec<Cause> {
    let executor = executor();
    let told = Rc::default();
    executor.observe(Box::new(Told(Rc::clone(&told))));
    let step = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&step);
    let (handle, waker, _) = waiting(&executor, move || seen.load(Ordering::Relaxed) == 2);
    let away = thread::spawn(move || {
        for (is_job, done) in is_job.into_iter().zip([1, 2]) {
            set_runs_jobs(is_job);
            step.store(done, Ordering::Relaxed);
            waker.wake_by_ref();
        }
    });
    executor.block_on(handle).unwrap();
    drop(executor);
    away.join().unwrap();
    told.take()
}

/// The wake that follows that of a job is not told as the job's.
///
/// Three preemptions: one within each wake, one for home between its looks.
#[test]
fn wake_by_a_job_before_another() {
    model(bounded_twice(3, 5), || {
        let told = told_of_wakes([true, false]);
        assert!(matches!(told[..], [Cause::Job] | [Cause::Job, Cause::Thread]), "{told:?}");
    });
}

/// Of wakes that are taken in together, the job's is told.
///
/// Three preemptions, as above.
#[test]
fn wake_by_a_job_after_another() {
    model(bounded_twice(3, 5), || {
        let told = told_of_wakes([false, true]);
        let is_right =
            matches!(told[..], [Cause::Thread | Cause::Job] | [Cause::Thread, Cause::Job]);
        assert!(is_right, "{told:?}");
    });
}

/// Two threads push at once. No push is lost, and the pushes of one thread are taken in their order.
///
/// Two preemptions: one within each push.
#[test]
fn wakes_of_three_tasks() {
    model(bounded_twice(2, 3), || {
        let executor = executor();
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks = [1, 2, 3].map(|number| {
            let order = Rc::clone(&order);
            let polls = Cell::new(0);
            waiting(&executor, move || {
                polls.set(polls.get() + 1);
                let woken = polls.get() == 2;
                order.borrow_mut().extend(woken.then_some(number));
                woken
            })
        });
        let [(one, first, _), (two, second, _), (three, third, _)] = tasks;
        let both = thread::spawn(move || {
            first.wake();
            second.wake();
        });
        let other = thread::spawn(move || third.wake());
        executor.block_on(async {
            one.await.unwrap();
            two.await.unwrap();
            three.await.unwrap();
        });
        let at = |number| order.borrow().iter().position(|&woken| woken == number);
        assert!(at(1) < at(2), "the inbox turned the pushes round");
        both.join().unwrap();
        other.join().unwrap();
    });
}
