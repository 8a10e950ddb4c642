//! The measurements: one workload function for every system.
//!
//! # Layout
//!
//! 1. `system.rs`: what a workload needs of a system: run, spawn, yield, sleep.
//! 2. `systems/`: taketurns and its peers, each in the few lines that make it one, with the order in which it
//!    polls. monoio, glommio and compio come with the feature `peers`.
//! 3. `workloads.rs`: what they are given to do; `sleeping.rs`: what those with timers are given.
//!    `syncing/`: what is given to those with channels, semaphores and the like, and the crates that have them.
//!    `offloading/`: what is given to those with a thread pool; `waking.rs` and `sending.rs`: how other threads reach a
//!    loop.
//! 4. `side_by_side/`: a table of all systems, every one in a process of its own, in turn; `cpu.rs`,
//!    how much of a processor it uses, and `resident.rs`, how much memory.
//! 5. The tables: `bin/ratios.rs`, the executor's own cost (`own_cost.rs`); `bin/memory.rs` and `bin/asleep.rs`, bytes of a
//!    million tasks; `bin/million.rs`, spawning and awaiting a million; `bin/timers.rs`, what a timer costs;
//!    `bin/sync.rs`, what it costs to wait for each other;
//!    `bin/away.rs`, wakes from other threads, each one accounted for; `bin/remote.rs`, how soon and how cheaply other
//!    threads reach a loop; `bin/offload.rs`, what it costs to have another thread do it, and `bin/computing.rs`, what
//!    the loop notices of that; `bin/cores/`, a loop on each core;
//!    `bin/insight.rs`, what it costs to be seen, `bin/dump.rs`, for how long a dump stops the loop, and
//!    `bin/deadlock_looks.rs`, what a look for deadlocks adds to a park.
//! 6. `core.rs`: the executor's own cost by Criterion, for a before and an after; what the numbers do not mean.
//! 7. `bin/lateness/`: how late sleeps are, as a table and a figure; `bin/far_timer.rs`: a sleep for strace.
//! 8. `http.sh`, with `bin/health_tokio.rs`: CPU time of one HTTP request, the example `health`
//!    against the same service on tokio.

#![forbid(unsafe_code)]

pub mod cpu;
pub mod offloading;
pub mod own_cost;
pub mod resident;
pub mod sending;
pub mod side_by_side;
pub mod sleeping;
pub mod syncing;
pub mod system;
pub mod systems;
pub mod waking;
pub mod workloads;
