//! `cargo run --profile bench -p taketurns-benches --features peers --bin remote`: what it costs to reach a loop from
//! another thread.
//!
//! **Measured**, in time on the wall: the latency of a wake of a loop that has been idle for 20 us, and for 1 ms (medians of
//! some hundred wakes, by a thread that never sleeps, so each side has a core); a question to a thread that waits for it,
//! and its answer by a oneshot channel of futures, which is two switches between threads; and each of 1,000,000 tasks that
//! a thread sends to a loop that runs them meanwhile, also in CPU time of both threads. The process runs each of the last
//! two some times, after a run that does not count, and tells the median; each system in a process of its own, in turn,
//! many rounds.
//!
//! **Read with it**: the longer a core has been idle the longer it takes to begin, and on a virtual machine the host has a
//! part in that. On two cores, another program's load is in these numbers more than in any other table.
//!
//! **Not claimed**: that a system without a number could not be reached some other way. tokio's LocalSet and LocalRuntime,
//! smol's LocalExecutor, LocalPool, compio and glommio take no tasks from other threads, only wakes. monoio takes wakes with a
//! feature that is not turned on here, since it makes its other wakes dearer.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use taketurns_benches::cpu::{median_of, process_cpu_time, wall_time};
use taketurns_benches::for_each_woken_when_idle;
use taketurns_benches::sending::{Reachable, sent_by_a_thread};
use taketurns_benches::side_by_side::{self, Asked, Column, Error, Measure};
use taketurns_benches::system::System;
use taketurns_benches::systems::{SmolExecutor, Taketurns, TokioCurrentThread};
use taketurns_benches::waking::{answered_by_a_thread, woken_when_idle};

const TOKIO: &[&str] = &["tokio_current_thread"];
const PEERS: &[&str] = &[
    "tokio_current_thread",
    "tokio_LocalSet",
    "tokio_LocalRuntime",
    "smol_LocalExecutor",
    "futures_LocalPool",
    "compio",
    "glommio",
];

const COLUMNS: [Column; 5] = [
    Column::compared("a wake of a loop that was idle for 20 us, ns"),
    Column::compared("a wake of a loop that was idle for 1 ms, ns"),
    Column::compared("asked of a thread, and answered by a oneshot, ns")
        .asked(Asked::TimesOf(&[(PEERS, 1.0 / 1.05)])),
    Column::compared("1,000,000 tasks sent by another thread: each, ns")
        .asked(Asked::TimesOf(&[(TOKIO, 2.0)])),
    Column::compared("1,000,000 tasks sent by another thread: each, ns of CPU time of both"),
];
const ROUNDS: usize = 21;

/// Measured runs of a workload in one process.
const RUNS: usize = 3;

const WAKES: u64 = 500;
const QUESTIONS: u64 = 1000;
const TASKS: u64 = 1_000_000;

fn main() -> ExitCode {
    let mut entrants: Vec<(&str, Measure)> = Vec::new();
    for_each_woken_when_idle!(|S| entrants.push((S::NAME, || wakes(&mut S::new()?))));
    let reachable: [(&str, Measure); 3] = [
        (Taketurns::NAME, measure::<Taketurns>),
        (TokioCurrentThread::NAME, measure::<TokioCurrentThread>),
        (SmolExecutor::NAME, measure::<SmolExecutor>),
    ];
    entrants.retain(|(name, _)| reachable.iter().all(|(other, _)| other != name));
    side_by_side::main(&COLUMNS, ROUNDS, &[&reachable[..], &entrants].concat())
}

fn measure<S: System<Spawner: Reachable>>() -> Result<Vec<f64>, Error> {
    let on = &mut S::new()?;
    let mut numbers = wakes(on)?;
    let mut send = || {
        let arrived = on.run(|spawner| sent_by_a_thread(spawner, TASKS));
        assert_eq!(arrived, TASKS, "{} lost tasks", S::NAME);
    };
    numbers[3] = each(TASKS, median_of::<RUNS>(|| wall_time(&mut send)));
    numbers[4] = each(TASKS, median_of::<RUNS>(|| process_cpu_time(&mut send)));
    Ok(numbers)
}

/// The first three columns; the others have no number.
fn wakes<S: System>(on: &mut S) -> Result<Vec<f64>, Error> {
    let mut latency = |idle| {
        let mut latencies = on.run(|spawner| woken_when_idle(spawner, WAKES, idle));
        latencies.sort();
        latencies[latencies.len() / 2].as_nanos() as f64
    };
    let latencies = [Duration::from_micros(20), Duration::from_millis(1)].map(&mut latency);
    let answers = median_of::<RUNS>(|| {
        wall_time(|| {
            let answered = on.run(|spawner| answered_by_a_thread(spawner, QUESTIONS));
            assert_eq!(answered, QUESTIONS, "{} lost an answer", S::NAME);
        })
    });
    Ok([&latencies[..], &[each(QUESTIONS, answers), f64::NAN, f64::NAN]].concat())
}

fn each(operations: u64, all: Duration) -> f64 {
    all.as_nanos() as f64 / operations as f64
}
