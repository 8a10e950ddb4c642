//! Home means entered: which executor this thread is inside of.
//!
//! A waker may be used on any thread, and has to find out whether this one may touch its task's home half. Comparing
//! thread ids would not do: that costs more, and a thread may have several executors, of which it runs one at a time. So a
//! thread-local holds the hub of the executor that this thread is running, for as long as it runs it, and a waker compares
//! that with its task's hub. Equal means home. The address cannot belong to some newer hub, as the waker's task keeps its
//! own hub alive.
//!
//! In every other place the away half is used, which is right everywhere. Even the executor's own thread counts as away
//! between two runs, for a waker. A `JoinHandle` need not ask: it is `!Send`, so it never leaves the executor's thread.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use super::hub::{Away, Hub, HubRef};
use crate::executor::budget;
use crate::executor::primitives::thread_cell;

thread_cell! {
    static INSIDE: Option<HubRef> = None;
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
    /// The outer executor is closing, so this is a destructor or a callback.
    is_closing: bool,
}

impl Nested {
    /// Where the run was begun that this thread is inside of. In a destructor that runs as a runtime shuts down: where
    /// `shutdown` was called, or, as a drop has no place, where the runtime was made.
    #[must_use]
    pub fn outer(&self) -> &'static Location<'static> {
        self.outer
    }
}

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outer = self.outer;
        if self.is_closing {
            return write!(
                f,
                "this thread is ending an executor, that of {outer}, and a destructor cannot run another \
                 meanwhile: do it in the task before that ends (`cancel::cancelled` tells it under \
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

/// What this thread may use of a hub.
pub(super) enum Here<'a> {
    /// The thread is inside of this hub's executor: both halves.
    Home(&'a Hub),
    /// Any other place: the away half alone.
    Away(&'a Away),
}

/// # Safety
///
/// (HUB) The caller holds a reference on the hub, or something that does, for as long as it uses what is borrowed.
#[inline]
pub(super) unsafe fn here<'a>(hub: HubRef) -> Here<'a> {
    // SAFETY: (HUB) as the caller promised; (ENTERED) this thread is inside of it, so it is the executor's own.
    unsafe { if is_entered(hub) { Here::Home(hub.at_home()) } else { Here::Away(hub.away()) } }
}

#[inline]
pub(super) fn is_entered(hub: HubRef) -> bool {
    INSIDE.with(|inside| inside.get() == Some(hub))
}

/// Where this thread entered the executor it is inside of, if that is not `hub`'s own.
pub(super) fn inside_another(hub: &Hub) -> Option<&'static Location<'static>> {
    if is_entered(hub.this) { None } else { ENTERED_AT.with(Cell::get) }
}

/// Runs `f` with the hub of the executor that this thread is inside of. `None` outside.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Hub) -> R) -> Option<R> {
    let inside = INSIDE.with(Cell::get)?;
    // SAFETY: (ENTERED) set only while `enter` borrows that hub on this thread.
    Some(f(unsafe { inside.at_home() }))
}

/// Runs `f` inside of `hub`.
///
/// # Errors
///
/// [`Nested`] when this thread is inside of an executor already, this one or another.
pub(crate) fn enter<R>(
    hub: &Hub,
    site: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> Result<R, Nested> {
    match ENTERED_AT.with(Cell::get) {
        Some(outer) => {
            let is_closing = with_current(Hub::is_closing).unwrap_or_default();
            Err(Nested { outer, is_closing })
        }
        None => Ok(enter_anyway(hub, site, f)),
    }
}

/// As [`enter`], also inside of another executor: an executor may be dropped there, and has to close.
pub(super) fn enter_anyway<R>(
    hub: &Hub,
    site: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    /// Puts back what was there before, on unwind too.
    struct Restore<'a>(Option<HubRef>, Option<&'static Location<'static>>, i32, &'a Hub, u64);
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            self.3.pulse().leave(self.4);
            self.3.tell(|observer| observer.leaves());
            INSIDE.with(|inside| inside.set(self.0));
            ENTERED_AT.with(|at| at.set(self.1));
            budget::restore(self.2);
        }
    }
    let _restore = Restore(
        INSIDE.with(|inside| inside.replace(Some(hub.this))),
        ENTERED_AT.with(|at| at.replace(Some(site))),
        budget::lift(),
        hub,
        hub.pulse().enter(),
    );
    f()
}
