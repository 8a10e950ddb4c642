//! The measurements: one workload function for every system.
//!
//! # Layout
//!
//! 1. `system.rs`: what a workload needs of a system: run, spawn, yield.
//! 2. `systems.rs`: taketurns and its peers, each in the few lines that make it one.
//! 3. `workloads.rs`: what they are given to do.
//! 4. `core.rs`: the Criterion run, and what its numbers mean and do not mean.
//! 5. `bin/ratios.rs`: the table of one run.
//! 6. `http.sh`, with `bin/health_tokio.rs`: CPU time of one HTTP request, the example `health`
//!    against the same service on tokio.

#![forbid(unsafe_code)]

pub mod system;
pub mod systems;
pub mod workloads;
