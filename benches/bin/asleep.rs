//! `cargo run --release -p taketurns-benches --features peers --bin asleep`: what 1,000,000 sleeping tasks keep
//! in memory.
//!
//! **Measured**: resident bytes a task, as in `memory.rs`. A task is a sleep of hours, and has been polled
//! once: its timer is armed. Counted is also what the timers keep apart from the tasks.
//!
//! **Not claimed**: what `memory.rs` does not claim either. LocalPool of futures has no timers.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use taketurns_benches::for_each_that_sleeps;
use taketurns_benches::resident::growth;
use taketurns_benches::side_by_side::{self, Asked, Column, Error, Measure};
use taketurns_benches::system::{Sleeps, System};

const COLUMNS: [Column; 1] =
    [Column::compared("a sleeping task, bytes beside its handle").asked(Asked::TokioTimes(2.2))];
const ROUNDS: usize = 5;
const TASKS: usize = 1_000_000;

/// How long they sleep: none of them wakes before the end.
const HOURS: Duration = Duration::from_secs(10_000);

fn main() -> ExitCode {
    let mut entrants = Vec::new();
    for_each_that_sleeps!(|S| entrants.push((S::NAME, measure::<S> as Measure)));
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System<Spawner: Sleeps>>() -> Result<Vec<f64>, Error> {
    let growth = S::new()?
        .run(|spawner| async move { growth(&spawner, TASKS, || spawner.spawn_sleep(HOURS)).await });
    Ok(vec![growth as f64 / TASKS as f64])
}
