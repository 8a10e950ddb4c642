//! Lesson 24: a loop that runs already, and another inside of it.

#![forbid(unsafe_code)]

use taketurns::{Runtime, yield_now};

use crate::common::Trace;

async fn work(trace: Trace) -> u32 {
    trace.push("works");
    1
}

#[test]
fn cannot_be_run_from_inside_and_neither_can_another() {
    let trace = Trace::new();
    let (runtime, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let line = line!() + 1;
    runtime.block_on(async {
        for nested in [&runtime, &other] {
            let refused = nested.try_block_on(work(trace.clone())).unwrap_err();
            assert_eq!((refused.outer().file(), refused.outer().line()), (file!(), line));
            trace.push("refused");
        }
        yield_now().await;
        trace.push("goes-on");
    });
    assert_eq!(trace.take(), "refused refused goes-on");
}

#[test]
fn can_be_run_again_once_it_does_not_run() {
    let trace = Trace::new();
    let (runtime, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    runtime.block_on(async { other.try_block_on(work(trace.clone())).unwrap_err() });
    for idle in [&runtime, &other, &runtime] {
        trace.push(idle.try_block_on(work(trace.clone())).unwrap());
    }
    assert_eq!(trace.take(), "works 1 works 1 works 1");
}
