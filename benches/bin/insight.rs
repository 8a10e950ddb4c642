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
use taketurns_benches::own_cost::{COLUMNS, own_cost};
use taketurns_benches::side_by_side::{self, Error, Measure};
use taketurns_benches::systems::Taketurns;

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

fn main() -> ExitCode {
    side_by_side::main(&COLUMNS, ROUNDS, &ENTRANTS)
}

fn measure(builder: Builder) -> Result<Vec<f64>, Error> {
    Ok(own_cost(&mut Taketurns::from(builder.build()?)))
}
