//! `cargo run --release -p taketurns-benches --bin asleep`: what 1,000,000 sleeping tasks keep in memory.
//!
//! **Measured**: resident bytes a task, as in `memory.rs`. A task sleeps for hours, and has been polled once:
//! its timer is armed. Counted is also what the timers keep apart from the tasks.
//!
//! **Not claimed**: what `memory.rs` does not claim either.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use taketurns_benches::resident::growth;
use taketurns_benches::side_by_side::{self, Column, Figure};
use taketurns_benches::system::{Sleeps, System};

const TASKS: usize = 1_000_000;

fn main() -> ExitCode {
    side_by_side::main::<Asleep, 1>()
}

/// Tasks that wait for the time.
struct Asleep;

impl Figure<1> for Asleep {
    const COLUMNS: [Column; 1] =
        [Column { heading: "bytes a task", ratio: true, asked: Some(0.45) }];
    const ROUNDS: usize = 3;

    fn measure<S: System<Spawner: Sleeps>>() -> [f64; 1] {
        let growth = S::new().run(|spawner| growth(spawner, TASKS, nap::<S::Spawner>));
        [growth as f64 / TASKS as f64]
    }
}

/// Hours; the sleep begins in the first turn of its task.
async fn nap<S: Sleeps>() {
    S::sleep(Duration::from_secs(10_000)).await;
}
