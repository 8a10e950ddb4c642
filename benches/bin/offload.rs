//! `cargo run --profile bench -p taketurns-benches --bin offload`: what it costs to have another thread do it, beside the
//! thread pools of tokio and of smol (the crate blocking).
//!
//! **Measured**: the workloads of `offloading/`, in time on the wall, since the point is what two threads do at the same
//! time; and for the jobs at once the CPU time of the whole process too, which says less about the machine's other load. A
//! process makes one run of each workload that is not measured, then several that are, of which it tells the median; each
//! system in a process of its own, in turn, many rounds. The first row of jobs at once is the exception: it is one run, before
//! which the pool has no more than one thread.
//!
//! **Read with it**: each pool is as it comes: ours may have 64 threads, tokio's 512 and blocking's 500, and a part of what
//! a burst of jobs costs there is that it starts them all. In the row with an adaptive wait ours spins for 50 us, loop and
//! pool, and the others are as they were. A job that another thread submits goes by the loop here, and by
//! neither of the others' loops. A job of 10 us is so many steps of a computation, not a time.
//!
//! **Not claimed**: that these are the costs under other load than this. Jobs that wait for a disk want as many threads as
//! there are disks to wait for, and are not measured. A round trip is two switches between threads, which is the kernel's
//! part, and a virtual machine's that lets a waiting core sleep.

#![forbid(unsafe_code)]

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use taketurns_benches::cpu::{median_cpu_time, median_wall_and_process, wall_time};
use taketurns_benches::offloading::{
    Offloads, at_once, by_four_threads, computing_at_once, one_at_a_time, work,
};
use taketurns_benches::side_by_side::{self, Asked, Column, Error, Measure};
use taketurns_benches::system::System;
use taketurns_benches::systems::{
    SmolLocalExecutor, Taketurns, TaketurnsAdaptive, TokioCurrentThread,
};

const TOKIO: &[&str] = &["tokio_current_thread"];
const BLOCKING: &[&str] = &["blocking_on_smol"];

const COLUMNS: [Column; 8] = [
    Column::compared("one at a time: a round trip, ns").asked(Asked::TimesOf(&[(TOKIO, 1.0)])),
    Column::compared("the same, with an adaptive wait").asked(Asked::TimesOf(&[(TOKIO, 4.0)])),
    Column::compared("20,000 jobs at once, only one thread yet: each, ns"),
    Column::compared("20,000 jobs at once: each, ns")
        .asked(Asked::TimesOf(&[(TOKIO, 1.0 / 0.2), (BLOCKING, 1.0 / 0.3)])),
    Column::compared("the same, ns of CPU time of all threads"),
    Column::compared("20,000 jobs submitted by 4 other threads: each, ns"),
    Column::told("the computation of the next row, in place, ns"),
    Column::compared("2000 jobs at once that compute 10 us: each, ns"),
];
const ROUNDS: usize = 21;

/// Measured runs of a workload in one process.
const RUNS: usize = 5;

const JOBS: u64 = 20_000;
const TRIPS: u64 = 1000;
const COMPUTING: u64 = 2000;
/// Of a computation of about 10 us.
const STEPS: u64 = 10_000;

fn main() -> ExitCode {
    let entrants: [(&str, Measure); 3] = [
        ("taketurns", ours),
        ("tokio_current_thread", measure::<TokioCurrentThread>),
        ("blocking_on_smol", measure::<SmolLocalExecutor>),
    ];
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn ours() -> Result<Vec<f64>, Error> {
    let adaptive = trip(&mut TaketurnsAdaptive::new()?);
    let mut numbers = measure::<Taketurns>()?;
    numbers[1] = adaptive;
    Ok(numbers)
}

fn measure<S: System<Spawner: Offloads>>() -> Result<Vec<f64>, Error> {
    let on = &mut S::new()?;
    let trip = trip(on);
    let first = wall_time(|| run(on, JOBS, |spawner| at_once(spawner, JOBS)));
    let [batch, used] = medians(on, JOBS, |spawner| at_once(spawner, JOBS));
    let [submitted, _] = medians(on, JOBS, |spawner| by_four_threads(spawner, JOBS));
    let in_place = median_cpu_time::<RUNS>(|| work(STEPS)).as_nanos() as f64;
    let computing = |spawner| computing_at_once(spawner, COMPUTING, STEPS);
    let [computed, _] = medians(on, COMPUTING, computing);
    Ok(vec![trip, trip, each(JOBS, first), batch, used, submitted, in_place, computed])
}

fn trip<S: System<Spawner: Offloads>>(on: &mut S) -> f64 {
    medians(on, TRIPS, |spawner| one_at_a_time(spawner, TRIPS))[0]
}

/// Nanoseconds of each job in the median run: on the wall, and of CPU time of all threads.
fn medians<S: System, W: Future<Output = u64> + 'static>(
    on: &mut S,
    jobs: u64,
    workload: impl Fn(S::Spawner) -> W,
) -> [f64; 2] {
    median_wall_and_process::<RUNS>(|| run(on, jobs, &workload)).map(|time| each(jobs, time))
}

fn run<S: System, W: Future<Output = u64> + 'static>(
    on: &mut S,
    jobs: u64,
    workload: impl FnOnce(S::Spawner) -> W,
) {
    assert_eq!(on.run(workload), jobs, "{} left jobs undone", S::NAME);
}

fn each(jobs: u64, all: Duration) -> f64 {
    all.as_nanos() as f64 / jobs as f64
}
