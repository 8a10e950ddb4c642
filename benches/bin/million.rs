//! `cargo run --release -p taketurns-benches --features peers --bin million`: spawns 1,000,000 tasks,
//! then awaits them all.
//!
//! **Measured**: nanoseconds of CPU time a task of the workload `spawn_join`, which `ratios.rs` measures with
//! 10,000 tasks, here with so many that no cache and no free list holds them. The first run of a process
//! pays the operating system for its pages; the runs after it, of which this shows the median, pay for as
//! many as the allocator gave back in between. Each system in a process of its own, several times in turn.
//!
//! **Not claimed**: what `core.rs` does not claim either. The tasks do nothing, and all of them being there
//! at once is this workload's doing: a server that spawns and ends them one by one is nearer to `spawn_one`.
//! How much a page costs is the machine's, and in the first column the larger part.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use taketurns_benches::cpu::cpu_time;
use taketurns_benches::for_each_system;
use taketurns_benches::side_by_side::{self, Column, Error, Measure};
use taketurns_benches::system::System;
use taketurns_benches::workloads::{SpawnJoin, Workload};

const COLUMNS: [Column; 2] = [
    Column::compared(
        "spawn 1,000,000 tasks, then await all: the first run of a process, ns a task",
    ),
    Column::compared("the same, the runs after it, ns a task"),
];
const ROUNDS: usize = 5;
const TASKS: u64 = 1_000_000;

/// Runs in one process after the first.
const AGAIN: usize = 5;

fn main() -> ExitCode {
    let mut entrants = Vec::new();
    for_each_system!(|S| entrants.push((S::NAME, measure::<S> as Measure)));
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System>() -> Result<Vec<f64>, Error> {
    let mut system = S::new()?;
    let first = run(&mut system);
    let mut again = [(); AGAIN].map(|()| run(&mut system));
    again.sort_by(f64::total_cmp);
    Ok(vec![first, again[AGAIN / 2]])
}

/// Nanoseconds a task.
fn run<S: System>(system: &mut S) -> f64 {
    let used = cpu_time(|| {
        let completed = system.run(|spawner| SpawnJoin::run(spawner, TASKS));
        assert_eq!(completed, TASKS, "{} left tasks undone", S::NAME);
    });
    used.as_nanos() as f64 / TASKS as f64
}
