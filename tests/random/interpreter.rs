//! Random programs over the public face, and what must hold for each of them whatever it does.
//!
//! A program is a string of bytes, so that a generator of random numbers and a coverage-guided fuzzer drive the
//! same interpreter. `program` reads the bytes. `home` does what the thread of the two executors may do, `away`
//! what other threads may. `future`, `wait` and `waker` are the user code that the product calls back: each runs
//! scripts of the program from its poll, clone, wake and drop. `oracle` counts what was made and dropped, and ends
//! the process at the first thing that must not be.

pub(crate) mod oracle;
pub(crate) mod program;

mod away;
mod face;
mod future;
mod home;
mod local;
mod wait;
mod waker;

use program::Program;

/// Runs one program and checks that nothing is left of it. `name` is what a finding is reported under.
pub(crate) fn run(name: String, bytes: &[u8]) {
    oracle::begin(name);
    local::begin();
    let program = Program::read(bytes);
    home::run(&program);
    oracle::end();
}
