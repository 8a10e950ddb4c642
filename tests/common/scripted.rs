//! A waker that does what a test says when it is cloned, woken and dropped: it may be anybody's code.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// What a waker does. Each action is taken before it runs, so that it runs once.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) on_clone: Cell<Option<Box<dyn FnOnce()>>>,
    pub(crate) on_wake: Cell<Option<Box<dyn FnOnce()>>>,
    pub(crate) on_drop: Cell<Option<Box<dyn FnOnce()>>>,
}

impl Script {
    /// A waker that follows this script. Only for the thread that makes it.
    pub(crate) fn waker(self: &Rc<Self>) -> Waker {
        // SAFETY: the table's functions take what `into_raw` gives, and stay on this thread by the tests that use them.
        unsafe { Waker::from_raw(raw(Rc::clone(self))) }
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

fn raw(script: Rc<Script>) -> RawWaker {
    RawWaker::new(Rc::into_raw(script).cast(), &TABLE)
}

fn run(action: &Cell<Option<Box<dyn FnOnce()>>>) {
    if let Some(action) = action.take() {
        action();
    }
}

/// The waker's own reference, kept.
unsafe fn kept(data: *const ()) -> Rc<Script> {
    // SAFETY: `data` comes from `into_raw`, and one more is counted for what is returned.
    unsafe {
        Rc::increment_strong_count(data.cast::<Script>());
        Rc::from_raw(data.cast())
    }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: a waker of this table.
    let script = unsafe { kept(data) };
    run(&script.on_clone);
    raw(script)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: a waker of this table, whose reference is given up here, also if the action panics.
    let script = unsafe { Rc::from_raw(data.cast::<Script>()) };
    run(&script.on_wake);
    run(&script.on_drop);
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: a waker of this table.
    run(&unsafe { kept(data) }.on_wake);
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: a waker of this table, whose reference is given up here.
    let script = unsafe { Rc::from_raw(data.cast::<Script>()) };
    run(&script.on_drop);
}
