//! `cargo run --profile bench -p taketurns-benches --features cores --bin cores`: one loop a core, beside tokio's threads that
//! share their tasks, and beside the `LocalPoolHandle` of tokio-util.
//!
//! **Measured**
//!
//! * A web service on two threads: the same hyper service, on `PerCore` with a listener on each loop and on tokio's
//!   multi-thread runtime with two workers. 64 connections that stay open ask as fast as they are answered, for two
//!   seconds, after a beginning that does not count. Time on the wall for each answer, and CPU time of the service for
//!   each: that of the process without the client's thread.
//! * 1,000,000 tasks that are not `Send`, each sent by one thread to the less loaded of two others, which make it and run it:
//!   by `PerCore::spawn` and `LocalPoolHandle::spawn_pinned`. Time on the wall until the last has run, and CPU time: the
//!   medians of three runs, after one that does not count. (`remote` sends them to one thread.)
//!
//! **Read with it**: the client is a thread of the same process, the same for both: a loop of this crate that writes bytes and
//! counts bytes. On two cores it takes its part of what the service could have. So the time of an answer compares the two
//! services less sharply than their CPU time does. Which connection comes to which loop of `PerCore` is up to the kernel.
//!
//! **Not claimed**: that a loop a core is better for every service. Tokio's threads take work from each other, which these 64
//! equal connections hardly need.

#![forbid(unsafe_code)]

mod client;
mod sent;
mod services;

use std::process::ExitCode;

use taketurns_benches::side_by_side::{self, Asked, Column, Measure};

const TOKIO: &[&str] = &["tokio_multi_thread"];

const COLUMNS: [Column; 4] = [
    Column::compared("an answer of a web service on two threads, ns")
        .asked(Asked::TimesOf(&[(TOKIO, 1.05)])),
    Column::compared("an answer of a web service on two threads, ns of CPU time of the service"),
    Column::compared("1,000,000 tasks that are not Send, sent to two threads: each, ns"),
    Column::compared("the same, ns of CPU time of all three threads"),
];
const ROUNDS: usize = 11;

/// Not measured.
const NONE: [f64; 2] = [f64::NAN; 2];

fn main() -> ExitCode {
    let entrants: [(&str, Measure); 3] = [
        ("taketurns_PerCore", || {
            let [service, sent] = [client::measure(services::ours)?, sent::by_per_core()?];
            Ok([service, sent].concat())
        }),
        (TOKIO[0], || Ok([client::measure(services::tokios)?, NONE].concat())),
        ("tokio-util_LocalPoolHandle", || Ok([NONE, sent::by_local_pool()].concat())),
    ];
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}
