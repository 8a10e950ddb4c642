//! Random programs over the public face: two executors, wakers, destructors, callbacks and hooks that act, panics
//! everywhere, other threads; and what must hold for each (docs/fuzzing.md).
//!
//! The programs are the same in each run. The environment says otherwise, by TAKETURNS_RANDOM_ and
//!
//! * `SEED`: this program only; with one of the next two, it is the first.
//! * `PROGRAMS`: how many.
//! * `SECONDS`: as many as that time allows.
//! * `FILE`: the program of a file's bytes.
//! * `TRACE`: each step is written to stderr as it begins.

#![cfg(all(feature = "time", feature = "offload"))]

#[path = "random/interpreter.rs"]
mod interpreter;

use std::env;
use std::fs;
use std::time::{Duration, Instant};

use interpreter::program::BYTES;

/// So many take half a minute on a slow machine.
const PROGRAMS: u64 = 4_000;

fn number(name: &str) -> Option<u64> {
    let name = format!("TAKETURNS_RANDOM_{name}");
    let text = env::var(&name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// The program of a seed; some are short.
fn bytes(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let shorter = random.next() % 140;
    let length = BYTES - shorter as usize;
    (0..length).map(|_| random.next() as u8).collect()
}

#[test]
fn nothing_random_programs_do_is_lost_leaked_or_undefined() {
    if let Some(file) = env::var_os("TAKETURNS_RANDOM_FILE") {
        let bytes = fs::read(&file).expect("the file can be read");
        return interpreter::run(format!("the bytes of {}", file.to_string_lossy()), &bytes);
    }
    let seed = number("SEED");
    let programs = number("PROGRAMS");
    let limit = number("SECONDS").map(Duration::from_secs);
    let most = match (programs, limit, seed) {
        (Some(programs), _, _) => programs,
        (None, Some(_), _) => u64::MAX,
        (None, None, Some(_)) => 1,
        (None, None, None) => PROGRAMS,
    };
    let begin = Instant::now();
    let mut done = 0;
    while done < most && limit.is_none_or(|limit| begin.elapsed() < limit) {
        let seed = seed.unwrap_or(0).wrapping_add(done);
        interpreter::run(format!("TAKETURNS_RANDOM_SEED={seed}"), &bytes(seed));
        done += 1;
    }
    println!("{done} programs in {:?}", begin.elapsed());
}
