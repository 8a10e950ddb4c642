//! Home means entered: which executor this thread is inside of.
//!
//! A thread-local holds the address of the hub of the executor that this thread runs, for as long as
//! it runs it. A waker compares it with its task's. Equal means: this is the thread that may touch the
//! task's home half, now. Comparing addresses cannot be deceived by one that is used again, as a
//! live task pins its hub. In every other place, this very thread between two runs included, the
//! away half is used, which is right everywhere.

use std::fmt;
use std::panic::Location;
use std::ptr::{self, NonNull};

use super::hub::Hub;
use crate::executor::budget;
use crate::executor::primitives::thread_cell;

thread_cell! {
    static INSIDE: *const Hub = ptr::null();
}
thread_cell! {
    static ENTERED_AT: Option<&'static Location<'static>> = None;
}

/// This thread runs an executor already: one cannot be run inside another.
///
/// Its `Display` says where the outer run was begun, and what to do instead.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    outer: &'static Location<'static>,
    /// The outer executor is ending, so this is a destructor, or a callback.
    is_ending: bool,
}

impl Nested {
    /// Where the run was begun that this thread is inside of. In a destructor that runs as a runtime ends: where
    /// `shutdown` was called, or, as a drop has no place, where the runtime was made.
    #[must_use]
    pub fn outer(&self) -> &'static Location<'static> {
        self.outer
    }
}

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outer = self.outer;
        if self.is_ending {
            return write!(
                f,
                "this thread is ending an executor, that of {outer}, and a destructor cannot run another \
                 meanwhile: do it in the task before that ends (`task::cancelled` tells it under \
                 `OnExit::Cancel`), or on a thread of its own"
            );
        }
        write!(
            f,
            "this thread already runs an executor, entered at {outer}: \
             `.await` the future, or `spawn` it, instead of blocking on it"
        )
    }
}

impl std::error::Error for Nested {}

/// Whether this thread is inside of `hub`.
#[inline]
pub(super) fn is_home(hub: NonNull<Hub>) -> bool {
    INSIDE.with(|inside| ptr::eq(inside.get(), hub.as_ptr()))
}

/// Where the run was begun that this thread is inside of, if it is not `hub`'s own.
pub(super) fn inside_another(hub: &Hub) -> Option<&'static Location<'static>> {
    if is_home(NonNull::from(hub)) { None } else { ENTERED_AT.with(std::cell::Cell::get) }
}

/// Runs `f` with the hub of the executor this thread is inside of.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Hub) -> R) -> Option<R> {
    let inside = INSIDE.with(std::cell::Cell::get);
    // SAFETY: (ENTERED) not null only while `enter` borrows that hub on this thread.
    (!inside.is_null()).then(|| f(unsafe { &*inside }))
}

/// Runs `f` inside of `hub`.
///
/// # Errors
///
/// [`Nested`] when this thread is inside of an executor, whichever.
pub(crate) fn enter<R>(
    hub: &Hub,
    site: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> Result<R, Nested> {
    match ENTERED_AT.with(std::cell::Cell::get) {
        Some(outer) => {
            let is_ending = with_current(Hub::is_ending).unwrap_or_default();
            Err(Nested { outer, is_ending })
        }
        None => Ok(enter_anyway(hub, site, f)),
    }
}

/// As [`enter`], for ending an executor: that must work wherever it is dropped.
pub(crate) fn enter_anyway<R>(
    hub: &Hub,
    site: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    /// Puts back what was there before, on unwind too.
    struct Restore(*const Hub, Option<&'static Location<'static>>, i32);
    impl Drop for Restore {
        fn drop(&mut self) {
            INSIDE.with(|inside| inside.set(self.0));
            ENTERED_AT.with(|at| at.set(self.1));
            budget::restore(self.2);
        }
    }
    let _restore = Restore(
        INSIDE.with(|inside| inside.replace(hub)),
        ENTERED_AT.with(|at| at.replace(Some(site))),
        budget::lift(),
    );
    f()
}
