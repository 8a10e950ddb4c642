//! The moments that matter, one by one: here a "started" thread is put aside, and the test runs it
//! on its own thread.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;
use std::sync::Arc;

use crossbeam_channel::RecvTimeoutError;

use super::super::job::{Job, Progress, SharedJob};
use super::super::pool::{CURRENT, Start, Thread};
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

fn put_aside(_: Thread, worker: Worker) -> io::Result<()> {
    STARTED.with_borrow_mut(|started| started.push(worker));
    Ok(())
}

fn take_worker() -> Worker {
    STARTED.with_borrow_mut(|started| started.pop().expect("no thread was started"))
}

/// The job is not in the line yet when its thread starts, and may not be when it stops waiting.
#[test]
fn a_thread_stays_while_the_job_it_was_started_for_is_on_its_way() {
    fn time_out(thread: Thread, worker: Worker) -> io::Result<()> {
        assert!(!worker.leaves(RecvTimeoutError::Timeout));
        put_aside(thread, worker)
    }
    let pool = pool_by_hand(time_out);
    let job = spawn(&pool, || "it ran");
    take_worker().work();
    assert_eq!(wait(job).unwrap(), "it ran");
    assert_eq!(pool.threads(), 0);
}

#[test]
fn a_thread_leaves_when_the_others_are_enough() {
    let pool = pool_by_hand(put_aside);
    let _jobs = [spawn(&pool, || ()), spawn(&pool, || ())];
    let (one, two) = (take_worker(), take_worker());
    one.work();
    assert_eq!(pool.threads(), 1);
    assert!(two.leaves(RecvTimeoutError::Timeout));
    assert_eq!(pool.threads(), 0);
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
    let job = SharedJob::new(Box::new(|| 5), Location::caller(), Arc::new(|_| {}));
    let steps = Cell::new(0);
    job.run(&|store| {
        steps.set(steps.get() + 1);
        assert_eq!(job.progress(), Progress::Running, "nothing is stored before");
        assert!(store());
        assert_eq!(job.progress(), Progress::Finished);
    });
    assert_eq!(steps.get(), 1);
}
