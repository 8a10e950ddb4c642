//! The pool for blocking jobs: its threads, which come and go, against submits, aborts, handles and the close.
//!
//! A model has no clock: a thread with a keep-alive finds it over as soon as it sleeps, and one without sleeps until it is
//! called.

#![forbid(unsafe_code)]

use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{AtomicUsize, Ordering, UNBOUNDED, bounded, bounded_twice, executor, model, thread};
use crate::common::tokens::Tokens;
use crate::executor::{JoinError, yield_now};
use crate::offload::modelled::job_to_submit;
use crate::offload::modelled::{Shared, Worker};
use crate::offload::{
    BlockingHandle, Limiter, Limits, Pool, check_cancelled, reserve, spawn_blocking,
};

/// A pool of one thread. `stays`: the thread does not end before the pool does.
fn pool(stays: bool) -> Rc<Pool> {
    pool_within(Limits {
        max_threads: 1,
        keep_alive: if stays { Duration::MAX } else { Duration::from_secs(1) },
        ..Limits::default()
    })
}

fn pool_within(limits: Limits) -> Rc<Pool> {
    fn start(shared: &Arc<Shared>, seat: usize) -> io::Result<()> {
        let worker = Worker::new(shared, seat);
        drop(thread::spawn(move || worker.work()));
        Ok(())
    }
    Pool::with_start(limits, Tokens::without_loop(), start)
}

/// `spawn_blocking` inside the runtime of `pool`.
#[track_caller]
fn spawn<T: Send + 'static>(
    pool: &Rc<Pool>,
    f: impl FnOnce() -> T + Send + 'static,
) -> BlockingHandle<T> {
    let _inside = pool.enter();
    spawn_blocking(f)
}

/// Closes the pool, and waits until its threads have ended.
fn shut_down(pool: &Pool) {
    let still_running = pool.shut_down_with_notice(None, None, |_| {});
    assert!(still_running.is_empty());
    assert_eq!(pool.threads(), 0);
}

/// The result of a job of which it is known that it has ended.
fn result<T>(job: BlockingHandle<T>) -> Result<T, JoinError> {
    match pin!(job).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the job has not ended"),
    }
}

/// Counts its drops.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counter() -> (Counts, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    (Counts(Arc::clone(&drops)), drops)
}

/// A job comes while the thread that ran the one before gives up waiting. Either that thread takes it, or a new one does.
///
/// Two preemptions: one between the thread's look at the line and its end, one in the submit.
#[test]
fn submit_against_worker_exit() {
    model(bounded_twice(2, 3), || {
        let pool = pool(false);
        let first = spawn(&pool, || 1);
        let second = spawn(&pool, || 2);
        let executor = executor();
        assert_eq!(executor.block_on(second).unwrap(), 2);
        let third = spawn(&pool, || 3);
        assert_eq!(executor.block_on(third).unwrap(), 3);
        assert_eq!(result(first).unwrap(), 1);
        shut_down(&pool);
    });
}

/// A job comes while the only thread, which would stay, falls asleep: the call is not lost.
///
/// Three preemptions: two around the thread's last look, one in the submit.
#[test]
fn submit_against_sleep() {
    model(bounded_twice(3, 4), || {
        let pool = pool(true);
        let executor = executor();
        for number in 1..=2 {
            assert_eq!(executor.block_on(spawn(&pool, move || number)).unwrap(), number);
        }
        shut_down(&pool);
    });
}

/// The pool closes while its thread takes the jobs. Each handle has a result then, each closure is gone, and a job that
/// has not begun never runs.
///
/// Unbounded: two threads.
#[test]
fn close_against_start() {
    model(UNBOUNDED, || {
        let pool = pool(true);
        let (drops, ran) = (counter(), Arc::new(AtomicUsize::new(0)));
        let jobs = [0, 1].map(|_| {
            let (counts, ran) = (Counts(Arc::clone(&drops.1)), Arc::clone(&ran));
            spawn(&pool, move || {
                ran.fetch_add(1, Ordering::Relaxed);
                drop(counts);
            })
        });
        shut_down(&pool);
        assert_eq!(drops.1.load(Ordering::Relaxed), 2);
        let results = jobs.map(result);
        assert!(
            results.iter().flat_map(|result| result.as_ref().err()).all(JoinError::is_shutdown)
        );
        let ended = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(ran.load(Ordering::Relaxed), ended);
    });
}

/// Another thread puts a job in line while the pool closes: as a limiter's does, or an awaiter's. The job ends in any case,
/// by its thread or with an error.
///
/// Unbounded: of its three threads, each takes the lock two or three times.
#[test]
fn submit_against_close() {
    model(UNBOUNDED, || {
        let pool = pool(true);
        let (handle, submit) = job_to_submit(&pool, || 7);
        let away = thread::spawn(submit);
        shut_down(&pool);
        away.join().unwrap();
        match result(handle) {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_shutdown()),
        }
    });
}

/// The handle aborts the job while a thread takes it. It runs to its end, or not at all; and if it runs, it is asked to end
/// from some moment on.
///
/// Four preemptions: two threads, with two steps each that matter.
#[test]
fn cancel_against_start() {
    model(bounded(4), || {
        let pool = pool(true);
        let (counts, drops) = counter();
        let ran = Arc::new(AtomicUsize::new(0));
        let runs = Arc::clone(&ran);
        let job = spawn(&pool, move || {
            let _counts = counts;
            runs.fetch_add(1, Ordering::Relaxed);
            let (before, after) = (check_cancelled().is_err(), check_cancelled().is_err());
            assert!(after || !before, "a request stays");
        });
        job.abort();
        let outcome = executor().block_on(job);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        match outcome {
            Ok(()) => assert_eq!(ran.load(Ordering::Relaxed), 1),
            Err(error) => {
                assert!(error.is_cancelled());
                assert_eq!(ran.load(Ordering::Relaxed), 0);
            }
        }
        shut_down(&pool);
    });
}

/// The handle is dropped while the job completes. Its output is dropped once, before the pool's end returns.
///
/// Unbounded: two threads.
#[test]
fn complete_against_handle_drop() {
    model(UNBOUNDED, || {
        let pool = pool(true);
        let (output, drops) = counter();
        drop(spawn(&pool, move || output));
        shut_down(&pool);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

/// An awaiter that polls by itself finds the thread of the job that has ended free, so the next job starts no other.
///
/// Three preemptions: two for the thread's steps, one between the poll and the submit.
#[test]
fn next_submit_against_completion() {
    model(bounded_twice(3, 4), || {
        let pool =
            pool_within(Limits { max_threads: 2, keep_alive: Duration::MAX, ..Limits::default() });
        let executor = executor();
        for number in 1..=2 {
            assert_eq!(executor.block_on(spawn(&pool, move || number)).unwrap(), number);
        }
        assert_eq!(pool.threads(), 1);
        shut_down(&pool);
    });
}

/// A job ends, and gives its place to the first task that waits, while that task leaves. The second has it then.
///
/// Three preemptions: two for the thread's steps, one in the drop.
#[test]
fn room_against_drop_of_its_waiter() {
    model(bounded_twice(3, 5), || {
        let pool = pool_within(Limits {
            max_threads: 1,
            max_queued: Some(0),
            keep_alive: Duration::MAX,
            ..Limits::default()
        });
        let inside = pool.enter();
        let job = spawn_blocking(|| 1);
        let mut first = reserve();
        // If the job has ended by now, the room is given back at once.
        drop(pin!(&mut first).poll(&mut Context::from_waker(Waker::noop())));
        let executor = executor();
        let second = reserve();
        let leaves = async move {
            yield_now().await; // the second waits by now
            drop(first);
        };
        executor.spawn(leaves).detach();
        let next = executor.block_on(second).spawn_blocking(|| 2);
        assert_eq!(executor.block_on(next).unwrap(), 2);
        assert_eq!(result(job).unwrap(), 1);
        drop(inside);
        shut_down(&pool);
    });
}

/// A job of a limiter ends, and hands its permit on, while a second waits, and is aborted, and a third comes.
///
/// Three preemptions: two for the thread's steps, one in the abort or the submit.
#[test]
fn permit_against_abort_of_its_waiter() {
    model(bounded_twice(3, 4), || {
        let pool = pool(true);
        let limiter = Limiter::new(1);
        let inside = pool.enter();
        let first = limiter.spawn_blocking(|| 1);
        let second = limiter.spawn_blocking(|| 2);
        second.abort();
        let third = limiter.spawn_blocking(|| 3);
        assert_eq!(executor().block_on(third).unwrap(), 3);
        assert_eq!(result(first).unwrap(), 1);
        match result(second) {
            Ok(output) => assert_eq!(output, 2),
            Err(error) => assert!(error.is_cancelled()),
        }
        drop(inside);
        shut_down(&pool);
    });
}

/// A job comes before, while and after the thread, which has ended its first, spins; and the pool closes as it spins again.
///
/// Two preemptions: one in the spin, one in the submit.
#[test]
fn adaptive_wait_against_submit() {
    model(bounded_twice(2, 3), || {
        let pool = pool_within(Limits {
            max_threads: 1,
            keep_alive: Duration::MAX,
            adaptive_wait: Duration::from_secs(1),
            ..Limits::default()
        });
        let executor = executor();
        for number in 1..=2 {
            assert_eq!(executor.block_on(spawn(&pool, move || number)).unwrap(), number);
        }
        assert_eq!(pool.threads(), 1);
        shut_down(&pool);
    });
}

/// The pool closes before, while and after its thread, which has ended a job, begins to spin. It would spin without a limit.
///
/// Unbounded: two threads.
#[test]
fn close_against_spin() {
    model(UNBOUNDED, || {
        let pool = pool_within(Limits {
            max_threads: 1,
            keep_alive: Duration::MAX,
            adaptive_wait: Duration::MAX,
            ..Limits::default()
        });
        drop(spawn(&pool, || ()));
        shut_down(&pool);
    });
}
