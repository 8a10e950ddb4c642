//! When a thread starts, and when it ends.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;

use super::super::shared::Shared;
use super::super::worker::start_thread;
use super::*;

#[test]
fn there_is_no_thread_before_the_first_job() {
    assert_eq!(pool(1).threads(), 0);
}

#[test]
fn it_grows_to_the_limit_and_not_beyond() {
    let pool = pool(3);
    let mut running = Vec::new();
    for threads in 1..=3 {
        let (job, begun, gate) = spawn_gated(&pool);
        receive(&begun);
        assert_eq!(pool.threads(), threads);
        running.push((job, gate));
    }
    let (fourth, begun, gate) = spawn_gated(&pool);
    assert_eq!(pool.threads(), 3);
    assert!(!fourth.is_running() && begun.try_recv().is_err());

    let (second, its_gate) = running.remove(1);
    drop(its_gate);
    wait(second).unwrap();
    receive(&begun);
    assert!(fourth.is_running());
    assert_eq!(pool.threads(), 3);
    drop(gate);
    wait(fourth).unwrap();
}

#[test]
fn the_next_job_comes_to_the_thread_that_is_free() {
    let pool = pool(8);
    let first = wait(spawn(&pool, || thread::current().id())).unwrap();
    for _ in 0..200 {
        assert_eq!(wait(spawn(&pool, || thread::current().id())).unwrap(), first);
    }
    assert_eq!(pool.threads(), 1);
}

#[test]
fn two_free_threads_are_enough_for_two_jobs() {
    let pool = pool(8);
    for _ in 0..100 {
        let (one, one_begun, one_gate) = spawn_gated(&pool);
        let (two, two_begun, two_gate) = spawn_gated(&pool);
        receive(&one_begun);
        receive(&two_begun);
        drop((one_gate, two_gate));
        wait(one).unwrap();
        wait(two).unwrap();
    }
    assert_eq!(pool.threads(), 2);
}

#[test]
fn every_one_of_20_000_jobs_runs_once() {
    let pool = pool(64);
    let (ran, runs) = unbounded();
    let jobs: Vec<_> = (0..20_000)
        .map(|job| {
            let ran = ran.clone();
            spawn(&pool, move || {
                ran.send(job).unwrap();
                job
            })
        })
        .collect();
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(wait(job).unwrap(), number);
    }
    let mut runs: Vec<usize> = runs.try_iter().collect();
    runs.sort_unstable();
    assert!(runs.into_iter().eq(0..20_000));
    assert!(pool.threads() <= 64);
}

#[test]
fn an_idle_thread_ends_after_its_keep_alive() {
    let pool = Pool::new(
        Limits { max_threads: 4, keep_alive: Duration::ZERO, ..Limits::default() },
        Tokens::without_loop(),
    );
    for _ in 0..3 {
        let name = wait(spawn(&pool, || thread::current().name().map(str::to_owned))).unwrap();
        assert_eq!(name.as_deref(), Some("taketurns-blocking-0")); // the number is free again
        assert!(pool.shrinks_to(0, LIMIT));
    }
}

/// Threads that give up waiting at any moment, against submits that count on them.
#[test]
fn no_job_is_lost_to_a_thread_that_is_about_to_end() {
    for max_threads in [1, 2] {
        let pool = Pool::new(
            Limits { max_threads, keep_alive: Duration::ZERO, ..Limits::default() },
            Tokens::without_loop(),
        );
        for round in 0..500 {
            let one = spawn(&pool, move || round);
            let two = spawn(&pool, move || round);
            assert_eq!(wait(one).unwrap(), round);
            assert_eq!(wait(two).unwrap(), round);
        }
        assert!(pool.shrinks_to(0, LIMIT));
    }
}

#[test]
fn a_job_for_which_no_thread_can_start_gets_the_reason() {
    thread_local! {
        static REFUSALS: Cell<usize> = const { Cell::new(2) };
    }
    fn refuse_twice(shared: &Arc<Shared>, seat: usize) -> io::Result<()> {
        match REFUSALS.get() {
            0 => return start_thread(shared, seat),
            left => REFUSALS.set(left - 1),
        }
        Err(io::Error::other("limit reached"))
    }
    let limits = Limits { max_threads: 4, keep_alive: Duration::ZERO, ..Limits::default() };
    let pool = Pool::with_start(limits, Tokens::without_loop(), refuse_twice);
    for _ in 0..2 {
        let captured = Arc::new(());
        let held = Arc::clone(&captured);
        let job = spawn(&pool, move || drop(held));
        assert_eq!(Arc::strong_count(&captured), 1);
        let error = wait(job).unwrap_err();
        assert!(error.is_not_started());
        assert_eq!(said_by(&error), "blocking job found no thread to run on: limit reached");
    }
    // Nothing is left of the two: the thread that starts at last runs its job, and ends.
    assert_eq!(wait(spawn(&pool, || "ran")).unwrap(), "ran");
    assert!(pool.shrinks_to(0, LIMIT));
}

#[test]
fn a_job_waits_for_the_threads_there_are_when_no_more_can_start() {
    fn one(shared: &Arc<Shared>, seat: usize) -> io::Result<()> {
        if seat == 0 {
            return start_thread(shared, seat);
        }
        Err(io::Error::other("limit reached"))
    }
    let pool = Pool::with_start(Limits::default(), Tokens::without_loop(), one);
    let (first, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let second = spawn(&pool, || thread::current().name().map(str::to_owned));
    assert_eq!(pool.threads(), 1);
    drop(gate);
    wait(first).unwrap();
    assert_eq!(wait(second).unwrap().as_deref(), Some("taketurns-blocking-0"));
}

#[test]
#[should_panic(expected = "`max_blocking_threads` must be at least 1")]
fn a_pool_without_threads_is_refused() {
    pool(0);
}
