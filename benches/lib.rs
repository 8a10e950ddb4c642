//! The measurements: one workload function for every system.
//!
//! # Layout
//!
//! 1. `system.rs`: what a workload needs of a system: run, spawn, yield.
//! 2. `systems.rs`: taketurns and its peers, each in the few lines that make it one.
//! 3. `workloads.rs`: what they are given to do; `sleeping.rs`: what those with timers are given.
//! 4. `core.rs`: the Criterion run, and what its numbers mean and do not mean.
//! 5. `bin/ratios.rs`: the table of one run.
//! 6. `side_by_side.rs`: the figures of one command each, every system in a process of its own,
//!    and `resident.rs`, how much memory that has:
//!    `bin/memory.rs` and `bin/asleep.rs`, bytes of a million tasks; `bin/million.rs`, spawning and
//!    awaiting a million; `bin/timers.rs`, what a timer costs; `bin/away.rs`, wakes from other threads,
//!    each one accounted for.
//! 7. `bin/lateness/`: how late sleeps are, as a table and a figure; `bin/far_timer.rs`: a sleep for strace.
//! 8. `http.sh`, with `bin/health_tokio.rs`: CPU time of one HTTP request, the example `health`
//!    against the same service on tokio.

#![forbid(unsafe_code)]

pub mod resident;
pub mod side_by_side;
pub mod sleeping;
pub mod system;
pub mod systems;
pub mod workloads;
