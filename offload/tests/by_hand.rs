//! The moments that matter, one by one: here a "started" thread is put aside, and the test runs it
//! on its own thread.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;
use std::sync::Arc;

use super::super::job::{Ended, Job};
use super::super::pool::CURRENT;
use super::super::shared::{Shared, Start};
use super::super::shared_job::{Progress, SharedJob};
use super::super::worker::Worker;
use super::*;
use crate::common::scoped;

thread_local! {
    static STARTED: RefCell<Vec<Worker>> = const { RefCell::new(Vec::new()) };
    static SEEN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A pool whose idle threads end at once.
fn pool_by_hand(start: Start) -> Rc<Pool> {
    Pool::with_start(
        Limits { max_threads: 4, keep_alive: Duration::ZERO, ..Limits::default() },
        Tokens::without_loop(),
        start,
    )
}

fn put_aside(shared: &Arc<Shared>, seat: usize) -> io::Result<()> {
    let worker = Worker::new(shared, seat);
    STARTED.with_borrow_mut(|started| started.insert(0, worker));
    Ok(())
}

fn take_worker() -> Worker {
    STARTED.with_borrow_mut(|started| started.pop().expect("no thread was started"))
}

#[test]
fn a_thread_leaves_when_the_others_have_taken_the_jobs() {
    let pool = pool_by_hand(put_aside);
    let jobs = [spawn(&pool, || "ran"), spawn(&pool, || "ran")];
    let (one, two) = (take_worker(), take_worker());
    one.work(); // takes both
    assert_eq!(jobs.map(|job| wait(job).unwrap()), ["ran"; 2]);
    assert_eq!(pool.threads(), 1);
    two.work();
    assert_eq!(pool.threads(), 0);
}

/// Each job in line has a thread on its way, so one that blocks holds up no other.
#[test]
fn a_thread_is_started_for_each_job_until_the_threads_have_come() {
    let pool = pool_by_hand(put_aside);
    let _jobs: Vec<_> = (0..6).map(|_| spawn(&pool, || ())).collect();
    assert_eq!(pool.threads(), 4, "the limit");
    let workers: Vec<_> = (0..4).map(|_| take_worker()).collect();
    workers[0].work(); // all six
    let _next: Vec<_> = (0..3).map(|_| spawn(&pool, || ())).collect();
    assert_eq!(pool.threads(), 3, "those on their way are enough");
    let _fourth = spawn(&pool, || ());
    assert_eq!(pool.threads(), 4);
}

#[test]
fn jobs_aborted_in_line_do_not_fill_it() {
    let pool = pool_by_hand(put_aside);
    let kept = spawn(&pool, || "ran");
    let weak: Vec<_> = (0..200)
        .map(|_| {
            let job = spawn(&pool, || "never");
            job.abort();
            Arc::downgrade(job.job())
        })
        .collect();
    let left = weak.iter().filter(|job| job.strong_count() > 0).count();
    assert!(left <= 64, "{left} of 200 are still in the line");
    (0..4).for_each(|_| take_worker().work());
    assert_eq!(wait(kept).unwrap(), "ran");
}

#[test]
fn one_may_be_aborted_in_a_long_line() {
    let pool = pool_by_hand(put_aside);
    let mut jobs: Vec<_> = (0..100).map(|number| spawn(&pool, move || number)).collect();
    jobs[50].abort();
    (0..4).for_each(|_| take_worker().work());
    assert!(wait(jobs.remove(50)).unwrap_err().is_cancelled());
    assert!(jobs.into_iter().map(|job| wait(job).unwrap()).eq((0..100).filter(|&it| it != 50)));
}

#[test]
fn a_thread_is_free_again_before_it_wakes_the_waiter() {
    /// Spawns the next job, as a task would, had it been polled by now.
    struct Next;
    impl Wake for Next {
        fn wake(self: Arc<Self>) {
            drop(spawn_blocking(|| ()));
            SEEN.set(scoped::current(&CURRENT).map(|pool| pool.threads()));
        }
    }
    let pool = pool_by_hand(put_aside);
    let _inside = pool.enter();
    let mut job = pin!(spawn_blocking(|| ()));
    let waker = Waker::from(Arc::new(Next));
    assert!(job.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    take_worker().work();
    assert_eq!(SEEN.get(), Some(1));
}

#[test]
fn a_detached_job_is_in_flight_until_its_output_is_dropped() {
    struct Output;
    impl Drop for Output {
        fn drop(&mut self) {
            let pool = scoped::current(&CURRENT).unwrap();
            SEEN.set(Some(pool.shut_down(Some(Duration::ZERO)).len()));
        }
    }
    let pool = pool_by_hand(put_aside);
    let _inside = pool.enter();
    drop(spawn_blocking(|| Output));
    take_worker().work();
    assert_eq!(SEEN.get(), Some(1));
    assert_eq!(pool.threads(), 0);
}

/// Otherwise an awaiter that polls in between spawns its next job while the thread still counts as busy, and another thread
/// is started for that.
#[test]
fn the_output_is_stored_in_the_step_that_frees_the_thread() {
    let pool = pool_by_hand(put_aside);
    let (hold, shared) = (pool.take_hold(), Arc::clone(pool.shared()));
    let job = SharedJob::new(Box::new(|| 5), Location::caller(), hold, shared, None);
    let mut steps = 0;
    job.run(&mut |store| {
        steps += 1;
        assert_eq!(job.progress(), Progress::Running, "nothing is stored before");
        assert_eq!(store(), Ended::Now);
        assert_eq!(job.progress(), Progress::Finished);
    });
    assert_eq!(steps, 1);
}
