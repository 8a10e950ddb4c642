//! `cargo run --profile bench -p taketurns-benches --bin insight`: what it costs the loop to be seen.
//!
//! **Measured**: nanoseconds of CPU time an operation, as `ratios.rs` does it, of a runtime with nothing switched on,
//! and of one for each thing that can be. Each in a process of its own, in turn.
//!
//! **Not claimed**: the cost of reading. That is another thread's, but for a dump, of which `dump.rs` tells.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use taketurns::Builder;
use taketurns_benches::cpu::median_cpu_time;
use taketurns_benches::side_by_side::{self, Column, Error, Measure};
use taketurns_benches::system::System;
use taketurns_benches::systems::Taketurns;
use taketurns_benches::workloads::{PingPong, SpawnJoin, SpawnOne, Workload, YieldMany};

const COLUMNS: [Column; 4] = [
    Column::compared("spawn_one: spawn and await, one at a time, ns"),
    Column::compared("spawn_join: spawn 10,000, then await all, ns"),
    Column::compared("yield_many: 1000 tasks yield in turn, ns"),
    Column::compared("ping_pong: two tasks wake each other, ns"),
];
const ENTRANTS: [(&str, Measure); 6] = [
    ("taketurns", || measure(Builder::new())),
    ("with stall_threshold", || {
        measure(Builder::new().stall_threshold(Duration::from_millis(100)))
    }),
    ("with report_deadlocks", || measure(Builder::new().report_deadlocks(true))),
    ("with task_slab", || measure(Builder::new().task_slab(true))),
    ("with histograms", || measure(Builder::new().histograms(true))),
    ("with trace", || measure(Builder::new().trace(TRACED))),
];

/// Events that the timeline keeps: a megabyte of them.
const TRACED: usize = 65_536;
const ROUNDS: usize = 21;

/// Measured runs of a workload in one process.
const RUNS: usize = 9;

fn main() -> ExitCode {
    side_by_side::main(&COLUMNS, ROUNDS, &ENTRANTS)
}

fn measure(builder: Builder) -> Result<Vec<f64>, Error> {
    let mut system = Taketurns::from(builder.build()?);
    Ok(vec![
        median::<SpawnOne>(&mut system),
        median::<SpawnJoin>(&mut system),
        median::<YieldMany>(&mut system),
        median::<PingPong>(&mut system),
    ])
}

/// Nanoseconds an operation of the median run.
fn median<W: Workload>(system: &mut Taketurns) -> f64 {
    let median = median_cpu_time::<RUNS>(|| {
        let done = system.run(|spawner| W::run(spawner, W::OPERATIONS));
        assert_eq!(done, W::OPERATIONS, "work of {} was left undone", W::NAME);
    });
    median.as_nanos() as f64 / W::OPERATIONS as f64
}
