//! A panic that leaves a run, and is caught, leaves what belongs to the runtime as good as before.

use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

use taketurns::{ExitReport, OnExit, Order, RunningJob, Runtime, yield_now};

const fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

const _: () = {
    is_unwind_safe::<Runtime>();
    is_unwind_safe::<ExitReport>();
    is_unwind_safe::<RunningJob>();
    is_unwind_safe::<OnExit>();
    is_unwind_safe::<Order>();
};

#[test]
fn a_runtime_goes_on_after_a_panic_that_was_caught() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.spawn(yield_now());
    assert!(catch_unwind(|| runtime.block_on(async { panic!("the root") })).is_err());
    runtime.block_on(async {});
    assert!(task.is_finished());
}
