//! Under loom: a watch on each cell, which fails a model that uses memory after it was freed, frees it
//! twice, frees it while another thread may still look, or leaks it.
//!
//! Freed memory is kept until the model's run is over, so a late look finds the watch and not chaos.

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use loom::cell::UnsafeCell;

// All threads of a model are one to std.
std::thread_local! {
    static ALIVE: Cell<isize> = const { Cell::new(0) };
    static GRAVES: RefCell<Vec<(NonNull<u8>, Layout)>> = const { RefCell::new(Vec::new()) };
}

pub(super) struct Watch {
    memory: UnsafeCell<()>,
    /// Stands for the future and the output, which loom cannot wrap: who has one would need the other's type.
    stage: UnsafeCell<()>,
    buried: Cell<bool>,
}

impl Watch {
    pub(super) fn new() -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self { memory: UnsafeCell::new(()), stage: UnsafeCell::new(()), buried: Cell::new(false) }
    }

    pub(super) fn touch(&self) {
        assert!(!self.buried.get(), "used after it was freed");
        self.memory.with(|_| ());
    }

    /// The future or the output is about to be used.
    pub(super) fn touch_stage(&self) {
        self.touch();
        self.stage.with_mut(|_| ());
    }

    pub(super) fn bury(&self) {
        assert!(!self.buried.replace(true), "freed twice");
        self.memory.with_mut(|_| ());
        ALIVE.set(ALIVE.get() - 1);
    }
}

/// Memory that would be given back to the allocator now.
pub(super) fn keep(memory: NonNull<u8>, layout: Layout) {
    GRAVES.with_borrow_mut(|graves| graves.push((memory, layout)));
}

/// A run of a model begins: an earlier one may have failed half way.
pub(crate) fn begin() {
    clear();
    ALIVE.set(0);
}

/// A run of a model is over, all its threads are joined.
pub(crate) fn end() {
    assert_eq!(ALIVE.get(), 0, "leaked");
    clear();
}

fn clear() {
    for (memory, layout) in GRAVES.take() {
        // SAFETY: (LAST) it was given up with this layout, and the run that could look at it is over.
        unsafe { std::alloc::dealloc(memory.as_ptr(), layout) };
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::{Poll, Waker};

    use crate::executor::{EVENT_INTERVAL, Executor, ParkThread};

    /// A waker of a task that has ended: the only reference on it.
    fn last_waker() -> Waker {
        let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
        executor.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())))
    }

    fn model(run: impl Fn() + Send + Sync + 'static) {
        loom::model(move || {
            super::begin();
            run();
            super::end();
        });
    }

    #[test]
    #[should_panic(expected = "used after it was freed")]
    fn a_waker_counted_once_too_little_fails_the_model() {
        model(|| {
            let waker = last_waker();
            // SAFETY: none. The copy owns no reference; the watch must say so.
            let copy = unsafe { std::ptr::read(&waker) };
            drop(waker);
            drop(copy);
        });
    }

    #[test]
    #[should_panic(expected = "leaked")]
    fn a_waker_counted_once_too_often_fails_the_model() {
        model(|| std::mem::forget(last_waker()));
    }
}
