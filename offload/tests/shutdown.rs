//! What becomes of each job when the pool ends.

#![forbid(unsafe_code)]

use std::panic::Location;
use std::time::Instant;

use super::super::pool::CURRENT;
use super::*;
use crate::common::running_job::RunningJob;
use crate::common::scoped;

/// Does something where a captured value is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn jobs_in_line_are_dropped_and_running_ones_waited_for() {
    for deadline in [Some(LIMIT), Some(Duration::MAX), None] {
        let pool = pool(1);
        let (begins, begun) = unbounded();
        let (gate, opened) = unbounded::<()>();
        let running = spawn(&pool, move || {
            begins.send(()).unwrap();
            let _ = opened.recv();
            "to its end"
        });
        receive(&begun);
        // Only dropping the closure in line opens the gate of the job that runs.
        let queued = spawn(&pool, move || drop(gate));
        assert!(pool.shut_down(deadline).is_empty());
        assert_eq!(pool.threads(), 0);
        assert!(running.is_finished());
        assert_eq!(wait(running).unwrap(), "to its end");
        let error = wait(queued).unwrap_err();
        assert!(error.is_shutdown());
        assert_eq!(said_by(&error), "blocking job was dropped: its runtime shut down first");
    }
}

#[test]
fn a_thread_that_gets_to_the_line_during_the_close_runs_nothing() {
    let pool = pool(1);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let inside = pool.enter();
    let mut gate = Some(gate);
    // While the close drops this one, the thread looks for the next.
    let pause = OnDrop(move || {
        drop(gate.take());
        assert!(scoped::current(&CURRENT).unwrap().shrinks_to(0, LIMIT));
    });
    let first = spawn_blocking(move || drop(pause));
    let last = spawn_blocking(|| panic!("it runs"));
    shut_down(&pool);
    drop(inside);
    wait(running).unwrap();
    assert!(wait(first).unwrap_err().is_shutdown());
    assert!(wait(last).unwrap_err().is_shutdown());
}

#[test]
fn the_name_of_a_thread_cannot_break_the_line_of_its_job() {
    let job = RunningJob::new("a\nb\u{1b}".into(), Location::caller(), Instant::now());
    let text = job.to_string();
    assert!(text.contains(r", on thread a\nb\u{1b}, running for "), "{text}");
}

#[test]
fn the_deadline_ends_the_wait_and_names_the_jobs_that_still_run() {
    let pool = pool(2);
    let (ended, begun, ended_gate) = spawn_gated(&pool);
    receive(&begun);
    let (begins, begun) = unbounded();
    let (gate, opened) = unbounded::<()>();
    let job = move || {
        begins.send(()).unwrap();
        let _ = opened.recv();
    };
    let began = Instant::now();
    let line = line!() + 1;
    let still_runs = spawn(&pool, job);
    receive(&begun);
    drop(ended_gate);
    wait(ended).unwrap();

    let report = pool.shut_down(Some(Duration::ZERO));
    let [job] = &report[..] else { panic!("one job still runs: {report:?}") };
    assert!(began <= job.since() && job.since() <= Instant::now());
    let text = job.to_string();
    let (named, time) = text.split_once(", running for ").unwrap();
    let site = format!("{}:{line}:22", file!());
    assert_eq!(named, format!("a blocking job spawned at {site}, on thread taketurns-blocking-1"));
    assert!(time.ends_with('s'), "{time}");
    assert!(still_runs.is_running());

    drop(gate);
    wait(still_runs).unwrap();
    shut_down(&pool);
}

#[test]
fn a_long_wait_is_told_of_once_by_job_thread_and_time_left() {
    let soon = Duration::from_millis(1);
    let limit = Some(LIMIT + soon);
    let huge = Some(Duration::MAX);
    let no_limit = "without limit";
    for (deadline, left) in [(limit, "at most 20s more"), (None, no_limit), (huge, no_limit)] {
        let pool = pool(1);
        let (job, begun, gate) = spawn_gated(&pool);
        receive(&begun);
        let mut told = Vec::new();
        // The wait goes on until what is told opens the gate.
        let unfinished = pool.shut_down_with_notice(deadline, Some(soon), |text| {
            told.push(text);
            drop(gate);
        });
        assert!(unfinished.is_empty());
        wait(job).unwrap();
        let [text] = &told[..] else { panic!("once: {told:?}") };
        let begins = format!(
            "a runtime that ends waits for its blocking jobs ({left}): a blocking job spawned at "
        );
        assert!(text.starts_with(&begins), "{text}");
        assert!(text.contains(", on thread taketurns-blocking-0, running for "), "{text}");
    }
}

#[test]
fn a_short_wait_is_not_told_of() {
    let pool = pool(1);
    wait(spawn(&pool, || ())).unwrap();
    pool.shut_down_with_notice(Some(LIMIT), Some(LIMIT / 2), |text| panic!("{text}"));
    // Nor one that could not be longer than what is short.
    let pool = self::pool(1);
    let (_job, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let unfinished =
        pool.shut_down_with_notice(Some(Duration::ZERO), Some(Duration::ZERO), |text| {
            panic!("{text}")
        });
    assert_eq!(unfinished.len(), 1);
    drop(gate);
}

#[test]
fn a_closed_pool_refuses_jobs() {
    let pool = pool(1);
    wait(spawn(&pool, || ())).unwrap();
    shut_down(&pool);
    let captured = Arc::new(());
    let held = Arc::clone(&captured);
    let refused = spawn(&pool, move || drop(held));
    assert_eq!(Arc::strong_count(&captured), 1);
    assert!(wait(refused).unwrap_err().is_shutdown());
    assert_eq!(pool.threads(), 0);
}

#[test]
fn destructors_that_panic_do_not_end_the_shutdown() {
    let pool = pool(1);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let carried = Grenade;
    let first = spawn(&pool, move || drop(carried));
    let second = spawn(&pool, move || drop(gate));
    shut_down(&pool);
    wait(running).unwrap();
    assert!(wait(first).unwrap_err().is_shutdown());
    assert!(wait(second).unwrap_err().is_shutdown());
}

#[test]
fn a_pool_dropped_without_shutdown_ends_what_is_in_line() {
    let pool = pool(1);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let queued = spawn(&pool, || ());
    drop(pool);
    assert!(wait(queued).unwrap_err().is_shutdown());
    drop(gate);
    wait(running).unwrap();
}
