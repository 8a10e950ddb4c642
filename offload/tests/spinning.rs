//! A thread that looks out for jobs for longer than any test lasts: what has to end its spin does. (On one core none spins, but
//! one that lingers may.)

#![forbid(unsafe_code)]

use std::time::Instant;

use super::*;

const LONG: Duration = Duration::from_secs(3600);

fn pool_that_spins(max_threads: usize) -> Rc<Pool> {
    let limits = Limits { max_threads, adaptive_wait: LONG, ..Limits::default() };
    Pool::new(limits, Tokens::without_loop())
}

#[test]
fn a_job_ends_the_spin() {
    let pool = pool_that_spins(1);
    for number in 0..100 {
        assert_eq!(wait(spawn(&pool, move || number)).unwrap(), number);
    }
}

#[test]
fn a_thread_spins_whenever_it_has_no_work() {
    if thread::available_parallelism().map_or(1, usize::from) == 1 {
        return;
    }
    let pool = pool_that_spins(1);
    let until = Instant::now() + LIMIT;
    for _ in 0..3 {
        let (job, begun, gate) = spawn_gated(&pool);
        receive(&begun);
        assert!(!pool.shared().lock().is_spinning());
        drop(gate);
        wait(job).unwrap();
        while !pool.shared().lock().is_spinning() {
            assert!(Instant::now() < until, "it never spins");
            thread::yield_now();
        }
    }
}

#[test]
fn without_an_adaptive_wait_a_thread_lingers_before_it_sleeps() {
    let pool = Pool::new(Limits { linger: LONG, ..Limits::default() }, Tokens::without_loop());
    let until = Instant::now() + LIMIT;
    for number in 0..3 {
        assert_eq!(wait(spawn(&pool, move || number)).unwrap(), number);
        while !pool.shared().lock().is_spinning() {
            assert!(Instant::now() < until, "it does not linger");
            thread::yield_now();
        }
    }
    shut_down(&pool);
    assert!(!Limits::default().linger.is_zero());
}

#[test]
fn the_close_ends_the_spin() {
    let pool = pool_that_spins(2);
    wait(spawn(&pool, || ())).unwrap();
    shut_down(&pool);
}

#[test]
fn a_job_that_ends_after_the_close_begins_no_spin() {
    let pool = pool_that_spins(1);
    let (job, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    assert_eq!(pool.shut_down(Some(Duration::ZERO)).len(), 1);
    drop(gate);
    wait(job).unwrap();
    assert!(pool.shrinks_to(0, LIMIT)); // another close would end a spin
}

#[test]
fn one_spins_and_the_others_sleep() {
    let pool = pool_that_spins(3);
    for _ in 0..20 {
        let gated: Vec<_> = (0..3).map(|_| spawn_gated(&pool)).collect();
        for (_, begun, _) in &gated {
            receive(begun);
        }
        for (job, _, gate) in gated {
            drop(gate);
            wait(job).unwrap();
        }
    }
    assert_eq!(pool.threads(), 3);
}
