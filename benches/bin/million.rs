//! `cargo run --release -p taketurns-benches --bin million`: spawns 1,000,000 tasks, then awaits them all.
//!
//! **Measured**: wall-clock nanoseconds a task of the workload `spawn_join`, the one Criterion measures with
//! 10,000 tasks, here with so many that no cache and no free list holds them. The first run of a process
//! pays the operating system for its pages; the runs after it, of which this shows the median, pay for as
//! many as the allocator gave back in between. Each system in a process of its own, several times in turn,
//! medians of all.
//!
//! **Not claimed**: what `core.rs` does not claim either. The tasks do nothing, and all of them being there
//! at once is this workload's doing: a server that spawns and ends them one by one is nearer to `spawn_one`.
//! How much a page costs is the machine's, and in the first column the larger part.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Instant;

use taketurns_benches::side_by_side::{self, Column, Figure};
use taketurns_benches::system::{Sleeps, System};
use taketurns_benches::workloads::{SpawnJoin, Workload};

const TASKS: u64 = 1_000_000;

/// Runs in one process after the first.
const AGAIN: usize = 5;

fn main() -> ExitCode {
    side_by_side::main::<Million, 2>()
}

struct Million;

impl Figure<2> for Million {
    const COLUMNS: [Column; 2] = [
        Column { heading: "ns a task, first run", ratio: true, asked: None },
        Column { heading: "ns a task, later runs", ratio: true, asked: None },
    ];
    const ROUNDS: usize = 5;

    fn measure<S: System<Spawner: Sleeps>>() -> [f64; 2] {
        let mut system = S::new();
        let first = run(&mut system);
        let mut again = [(); AGAIN].map(|()| run(&mut system));
        again.sort_by(f64::total_cmp);
        [first, again[AGAIN / 2]]
    }
}

/// Nanoseconds a task.
fn run<S: System>(system: &mut S) -> f64 {
    let start = Instant::now();
    let completed = system.run(|spawner| SpawnJoin::run(spawner, TASKS));
    let elapsed = start.elapsed();
    assert_eq!(completed, TASKS, "{} left tasks undone", S::NAME);
    elapsed.as_nanos() as f64 / TASKS as f64
}
