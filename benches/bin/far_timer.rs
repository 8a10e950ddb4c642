//! `cargo build --release -p taketurns-benches --bin far_timer`, then `strace -ttt far_timer 3`: sleeps so
//! many seconds on an idle loop, to show that no system call is made until the sleep is due. docs/time.md has
//! the output.

#![forbid(unsafe_code)]

use std::env;
use std::time::Duration;

fn main() {
    let seconds = env::args().nth(1).and_then(|seconds| seconds.parse().ok());
    let span = Duration::from_secs(seconds.expect("usage: far_timer SECONDS"));
    taketurns::block_on(async { taketurns::time::sleep(span).await });
}
