//! `cargo run --release -p taketurns-benches --bin memory`: what 1,000,000 idle tasks keep in memory.
//!
//! **Measured**: resident bytes a task. A task is `std::future::pending::<()>()`, its handle is kept, and it
//! has been polled once. Counted is how much the process grew from before the first spawn until the last
//! task was polled: the tasks, what lists them, the run queue they went through, the allocator's rounding,
//! whatever stays. The array of handles is not in it: it was there and touched before; a handle is a
//! pointer on each system. Each system in a process of its own, with timers and reactor on.
//!
//! **Not claimed**: that a program shrinks by this ratio, since its futures are larger than nothing and come
//! on top, the same everywhere. It is one allocator's rounding, the one Rust uses by default. Nothing is said
//! of tasks that wait for a socket (`asleep.rs` has those that sleep), nor of what is given back when they
//! end.

#![forbid(unsafe_code)]

use std::future::pending;
use std::process::ExitCode;

use taketurns_benches::resident::growth;
use taketurns_benches::side_by_side::{self, Column, Figure};
use taketurns_benches::system::{Sleeps, System};

const TASKS: usize = 1_000_000;

fn main() -> ExitCode {
    side_by_side::main::<Idle, 1>()
}

/// Tasks that wait for nothing.
struct Idle;

impl Figure<1> for Idle {
    const COLUMNS: [Column; 1] = [Column { heading: "bytes a task", ratio: true, asked: None }];
    const ROUNDS: usize = 3;

    fn measure<S: System<Spawner: Sleeps>>() -> [f64; 1] {
        let growth = S::new().run(|spawner| growth(spawner, TASKS, pending::<()>));
        [growth as f64 / TASKS as f64]
    }
}
