//! `cargo run --release -p taketurns-benches --features peers --bin timers`: what a timer costs.
//!
//! **Measured**: nanoseconds of CPU time an operation of the workloads of `sleeping.rs`: to arm a sleep of 10
//! to 60 s and drop it; to spawn, put to sleep for 0 to 0.9 ms, and wake one of 10,000 tasks; to put an armed
//! sleep off; to arm one of the first 1,000,000; to arm one beside 1,000,000 others. The first three are
//! medians of some runs in a process; each system in a process of its own, in turn. Arming reads the clock, at
//! least once on each system: the first number is that read by std, and the third the cost to arm and drop as
//! a multiple of it.
//!
//! **Not claimed**: that all sleeps are as exact. tokio's and monoio's end at the next ms, those here at the
//! next 66 us, those of the others at the deadline itself; and the more end together, the less each costs to
//! wake. What is armed and dropped before anything else is armed never comes as far as the wheel here; the
//! last two are of those that do. Nothing is said of timers that other threads arm, which tokio and smol pay
//! for and this crate does not have. What cannot be measured has no number: compio cannot put a sleep off, a
//! glommio task has no room for a million wakers; LocalPool of futures has no timers.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use taketurns_benches::cpu::median_cpu_time;
use taketurns_benches::for_each_that_sleeps;
use taketurns_benches::side_by_side::{self, Asked, Column, Error, Measure};
use taketurns_benches::sleeping::{cancel, crowd, fire, put_off};
use taketurns_benches::system::{Sleeps, System};

const COLUMNS: [Column; 7] = [
    Column::told("a reading of the clock, ns"),
    Column::compared("arm a sleep and drop it, ns").asked(Asked::TokioTimes(2.0)),
    Column::told("the same, in readings of the clock").asked(Asked::AtMost(1.6)),
    Column::compared("spawn, put to sleep for 0 to 0.9 ms and wake a task, ns")
        .asked(Asked::TokioTimes(2.0)),
    Column::compared("put an armed sleep off, ns").asked(Asked::TokioTimes(2.0)),
    Column::compared("arm one of the first 1,000,000, ns"),
    Column::compared("arm one beside 1,000,000 others, ns").asked(Asked::TokioTimes(1.67)),
];
const ROUNDS: usize = 11;

/// Operations of one run that is timed as a whole.
const TIMES: u64 = 100_000;
const TASKS: u64 = 10_000;
const RUNS: usize = 15;

const CROWD: u64 = 1_000_000;
const AGAIN: u64 = 100_000;

fn main() -> ExitCode {
    let mut entrants = Vec::new();
    for_each_that_sleeps!(|S| entrants.push((S::NAME, measure::<S> as Measure)));
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System<Spawner: Sleeps>>() -> Result<Vec<f64>, Error> {
    let mut system = S::new()?;
    let clock = median(TIMES, read_the_clock);
    let cancel = median(TIMES, || {
        assert_eq!(system.run(|_| cancel::<S::Spawner>(TIMES)), TIMES, "{}", S::NAME);
    });
    let fire = median(TASKS, || {
        assert_eq!(system.run(|spawner| fire(spawner, TASKS)), TASKS, "{}", S::NAME);
    });
    let mut done = 0;
    let put_off = median(TIMES, || done = system.run(|_| put_off::<S::Spawner>(TIMES)));
    let put_off = if done == TIMES { put_off } else { f64::NAN };
    let mut crowded = [f64::NAN; 2];
    if S::Spawner::CROWDS {
        let (first, anew) = system.run(|_| crowd::<S::Spawner>(CROWD, AGAIN));
        crowded = [(first, CROWD), (anew, AGAIN)]
            .map(|(used, sleeps)| used.as_nanos() as f64 / sleeps as f64);
    }
    let [first, anew] = crowded;
    Ok(vec![clock, cancel, cancel / clock, fire, put_off, first, anew])
}

/// What every arming on every system does.
fn read_the_clock() {
    for _ in 0..TIMES {
        black_box(Instant::now());
    }
}

/// Nanoseconds an operation of the median run.
fn median(operations: u64, run: impl FnMut()) -> f64 {
    median_cpu_time::<RUNS>(run).as_nanos() as f64 / operations as f64
}
