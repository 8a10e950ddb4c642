//! Lesson 22: a run from synchronous code, and one inside a running loop.

#![forbid(unsafe_code)]

use taketurns::{Runtime, block_on};

use crate::common::Trace;

/// A synchronous function that runs a loop, and does not know that its caller is on one.
fn helper() -> Result<u32, String> {
    Runtime::new().unwrap().try_block_on(async { 1 }).map_err(|nested| nested.to_string())
}

#[test]
fn gives_the_value_to_synchronous_code() {
    assert_eq!(helper(), Ok(1));
}

#[test]
fn is_refused_in_a_running_loop_which_goes_on() {
    let trace = Trace::new();
    let line = line!() + 1;
    block_on(async {
        let refusal = helper().unwrap_err();
        assert!(refusal.contains(&format!("{}:{line}:", file!())), "{refusal}");
        trace.push("refused");
        trace.push(async { 1 }.await);
    });
    assert_eq!(trace.take(), "refused 1");
}
