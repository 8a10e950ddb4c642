//! The budget (F4): a leaf operation that is always ready must still let others take their turn.
//!
//! Awaiting something that is ready does not yield: a task that reads from a socket with bytes
//! always waiting would keep the thread for ever. So each turn begins with [`BUDGET`] units. A leaf
//! operation of this crate spends one when it completes, and when none are left it wakes its task
//! and returns `Pending`: the task goes to the tail of the queue. The technique is tokio's ("coop",
//! 2020). It cannot cover leaves of other crates, nor `async {}` blocks that are simply ready.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::task::{Context, Poll};

/// Leaf operations a task may complete in one turn. tokio's number: large enough to be rarely
/// met, small enough to keep a turn short.
pub(crate) const BUDGET: u32 = 128;

/// Outside an executor of ours, and inside `unconstrained`: never spent.
const UNLIMITED: u32 = u32::MAX;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(UNLIMITED) };
}

/// A turn begins.
#[inline]
pub(super) fn refill() {
    LEFT.set(BUDGET);
}

/// Lifts the budget: the loop is entered or left, or `unconstrained` asks for it. Returns what was left.
pub(crate) fn lift() -> u32 {
    LEFT.replace(UNLIMITED)
}

/// Back where [`lift`] was called.
pub(crate) fn restore(left: u32) {
    LEFT.set(left);
}

/// First line of every leaf operation: `Pending`, with the task woken, when the budget is used up.
#[inline]
pub(crate) fn poll_ready(cx: &mut Context<'_>) -> Poll<()> {
    if LEFT.get() == 0 {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// A leaf operation completed.
#[inline]
pub(crate) fn spend() {
    let left = LEFT.get();
    if left != UNLIMITED {
        LEFT.set(left.saturating_sub(1));
    }
}
