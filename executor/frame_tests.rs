//! What a scope may do in each of its calls, where `tests/spans.rs` cannot ask: tracing keeps a subscriber of one thread from
//! being called inside of itself, but not a global one.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use super::frame::{OpenScope, Scope};
use super::{EVENT_INTERVAL, Executor, Id, ParkThread, current, spawn};

thread_local! {
    static OPENED: Cell<u32> = const { Cell::new(0) };
    static RAN: Cell<u32> = const { Cell::new(0) };
    static LEFT_WITH_A_TURN: Cell<bool> = const { Cell::new(false) };
}

struct Plain;

impl Scope for Plain {
    fn enter(&self) {
        assert!(current().is_some(), "a scope is entered in the task's turn");
    }

    fn leave(&self) {
        LEFT_WITH_A_TURN.set(LEFT_WITH_A_TURN.get() | current().is_some());
    }
}

fn open_and_spawn(
    _: Id,
    _: &'static Location<'static>,
    _: &dyn Fn() -> Option<Box<str>>,
) -> Option<Rc<dyn Scope>> {
    OPENED.set(OPENED.get() + 1);
    spawn(async { RAN.set(RAN.get() + 1) }).detach();
    Some(Rc::new(Plain))
}

#[test]
fn a_task_that_is_spawned_as_a_scope_is_made_has_none() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.open_scopes(OpenScope { is_wanted: || true, open: open_and_spawn });
    executor.block_on(async {
        spawn(async {}).await.unwrap();
        spawn(async {}).await.unwrap();
    });
    assert_eq!((OPENED.get(), RAN.get()), (2, 2));
}

#[test]
fn a_scope_is_left_when_no_task_has_a_turn() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.open_scopes(OpenScope { is_wanted: || true, open: |_, _, _| Some(Rc::new(Plain)) });
    executor.block_on(async {
        spawn(super::yield_now()).await.unwrap(); // the second turn ends the task, and may free it
    });
    assert!(!LEFT_WITH_A_TURN.get());
}
