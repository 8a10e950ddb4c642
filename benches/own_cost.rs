//! The executor's own cost: the columns of `bin/ratios.rs` and `bin/insight.rs`.

#![forbid(unsafe_code)]

use crate::cpu::median_cpu_time;
use crate::side_by_side::Column;
use crate::system::System;
use crate::workloads::{PingPong, SpawnJoin, SpawnOne, Workload, YieldMany};

/// What [`own_cost`] gives a number for.
pub const COLUMNS: [Column; 4] = [
    Column::compared("spawn_one: spawn and await, one at a time, ns"),
    Column::compared("spawn_join: spawn 10,000, then await all, ns"),
    Column::compared("yield_many: 1000 tasks yield in turn, ns"),
    Column::compared("ping_pong: two tasks wake each other, ns"),
];

/// Measured runs of a workload in one process.
const RUNS: usize = 9;

/// Nanoseconds of CPU time an operation, of each workload in the order of [`COLUMNS`].
pub fn own_cost<S: System>(system: &mut S) -> Vec<f64> {
    vec![
        median::<S, SpawnOne>(system),
        median::<S, SpawnJoin>(system),
        median::<S, YieldMany>(system),
        median::<S, PingPong>(system),
    ]
}

/// Nanoseconds an operation of the median run.
fn median<S: System, W: Workload>(system: &mut S) -> f64 {
    let median = median_cpu_time::<RUNS>(|| {
        let done = system.run(|spawner| W::run(spawner, W::OPERATIONS));
        assert_eq!(done, W::OPERATIONS, "{} left work of {} undone", S::NAME, W::NAME);
    });
    median.as_nanos() as f64 / W::OPERATIONS as f64
}
