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

use taketurns_benches::for_each_system;
use taketurns_benches::own_cost::{COLUMNS, own_cost};
use taketurns_benches::side_by_side::{self, Error, Measure};
use taketurns_benches::system::System;

const ROUNDS: usize = 41;

fn main() -> ExitCode {
    let mut entrants = Vec::new();
    for_each_system!(|S| entrants.push((S::NAME, measure::<S> as Measure)));
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System>() -> Result<Vec<f64>, Error> {
    Ok(own_cost(&mut S::new()?))
}
