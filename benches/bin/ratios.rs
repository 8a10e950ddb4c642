//! `cargo run --profile bench -p taketurns-benches --features peers --bin ratios`: the executor's own cost,
//! beside every peer.
//!
//! **Measured**: nanoseconds of CPU time an operation of the workloads of `workloads.rs`, on one thread. Every
//! system gets the same function, and has its timers and its reactor on and nothing in them. A process makes
//! one run of each workload that is not measured, then several that are, of which it tells the median;
//! `core.rs` says what is inside of a run. Each system in a process of its own, in turn, many rounds.
//!
//! **Read with it**: the order in which each system polls, at the head of its file in `systems/`. Two rows are
//! not quite alike: glommio polls a task inside of `spawn_local`, so a task that is ready at once never meets
//! its queue (spawn_one, spawn_join); monoio has no yield, and here spawns an empty task to let the others run
//! (yield_many).
//!
//! **Not claimed**: what `core.rs` does not claim.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use taketurns_benches::cpu::median_cpu_time;
use taketurns_benches::for_each_system;
use taketurns_benches::side_by_side::{self, Column, Error, Measure};
use taketurns_benches::system::System;
use taketurns_benches::workloads::{PingPong, SpawnJoin, SpawnOne, Workload, YieldMany};

const COLUMNS: [Column; 4] = [
    Column::compared("spawn_one: spawn and await, one at a time, ns"),
    Column::compared("spawn_join: spawn 10,000, then await all, ns"),
    Column::compared("yield_many: 1000 tasks yield in turn, ns"),
    Column::compared("ping_pong: two tasks wake each other, ns"),
];
const ROUNDS: usize = 41;

/// Measured runs of a workload in one process.
const RUNS: usize = 9;

fn main() -> ExitCode {
    let mut entrants = Vec::new();
    for_each_system!(|S| entrants.push((S::NAME, measure::<S> as Measure)));
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System>() -> Result<Vec<f64>, Error> {
    let mut system = S::new()?;
    Ok(vec![
        median::<S, SpawnOne>(&mut system),
        median::<S, SpawnJoin>(&mut system),
        median::<S, YieldMany>(&mut system),
        median::<S, PingPong>(&mut system),
    ])
}

/// Nanoseconds an operation of the median run.
fn median<S: System, W: Workload>(system: &mut S) -> f64 {
    let median = median_cpu_time::<RUNS>(|| {
        let done = system.run(|spawner| W::run(spawner, W::OPERATIONS));
        assert_eq!(done, W::OPERATIONS, "{} left work of {} undone", S::NAME, W::NAME);
    });
    median.as_nanos() as f64 / W::OPERATIONS as f64
}
