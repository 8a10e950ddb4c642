//! `cargo run --release -p taketurns-benches --features peers --bin memory`: what 1,000,000 idle tasks keep
//! in memory.
//!
//! **Measured**: resident bytes a task, beside its handle; and the bytes of the handle. A task is
//! `std::future::pending::<()>()`, its handle is kept, and it has been polled once. Counted is how much the
//! process grew from before the first spawn until the last task was polled: the tasks, what lists them, the
//! run queue they went through, the allocator's rounding, whatever stays. The array of handles is not in it:
//! it was there and touched before. Each system in a process of its own, with timers and reactor on.
//!
//! **Not claimed**: that a program shrinks by this ratio, since its futures are larger than nothing and come
//! on top, the same everywhere. It is one allocator's rounding, the one Rust uses by default. Nothing is said
//! of tasks that wait for a socket (`asleep.rs` has those that sleep), nor of what is given back when they
//! end.

#![forbid(unsafe_code)]

use std::future::pending;
use std::process::ExitCode;

use taketurns_benches::for_each_system;
use taketurns_benches::resident::growth;
use taketurns_benches::side_by_side::{self, Asked, Column, Error, Measure};
use taketurns_benches::system::{Spawn, System};

const COLUMNS: [Column; 2] = [
    Column::compared("an idle task, bytes beside its handle").asked(Asked::AtMost(104.0)),
    Column::told("its handle, bytes"),
];
const ROUNDS: usize = 5;
const TASKS: usize = 1_000_000;

fn main() -> ExitCode {
    let mut entrants = Vec::new();
    for_each_system!(|S| entrants.push((S::NAME, measure::<S> as Measure)));
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System>() -> Result<Vec<f64>, Error> {
    let growth = S::new()?.run(|spawner| async move {
        growth(&spawner, TASKS, || spawner.spawn(pending::<()>())).await
    });
    Ok(vec![growth as f64 / TASKS as f64, S::Spawner::HANDLE_BYTES as f64])
}
