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

use super::task::with_current;

/// Leaf operations a task may complete in one turn. tokio's number: large enough to be rarely
/// met, small enough to keep a turn short.
pub(crate) const BUDGET: i32 = 128;

/// How often other wakers than the task's are refused in one turn: some 0.1 ms for an executor that asks again and again,
/// and more than a program asks of different leaves that way.
const PATIENCE: i32 = 10_000;

/// Outside an executor of ours, in a look, and inside `unconstrained`: never spent.
pub(crate) const UNLIMITED: i32 = i32::MAX;

thread_local! {
    /// What the turn may still spend. Below zero: how often it was refused since to wakers of another's.
    static LEFT: Cell<i32> = const { Cell::new(UNLIMITED) };
}

/// A turn begins.
#[inline]
pub(super) fn refill() {
    LEFT.set(BUDGET);
}

/// Calls `f` with this budget in place of the turn's: for a poll that is not one of the task's own.
pub(crate) fn within<R>(budget: i32, f: impl FnOnce() -> R) -> R {
    /// Gives the turn its budget back, on unwind too.
    struct Restore(i32);
    impl Drop for Restore {
        fn drop(&mut self) {
            restore(self.0);
        }
    }
    let _restore = Restore(LEFT.replace(budget));
    f()
}

/// Lifts the budget: the loop is entered or left, it looks outside, or `unconstrained` asks for it. Returns what was left.
#[inline]
pub(crate) fn lift() -> i32 {
    LEFT.replace(UNLIMITED)
}

/// Back where [`lift`] was called.
pub(crate) fn restore(left: i32) {
    LEFT.set(left);
}

/// First line of every leaf operation: `Pending`, with the task woken, when the budget is used up.
#[inline]
pub(crate) fn poll_ready(cx: &mut Context<'_>) -> Poll<()> {
    if LEFT.get() > 0 { Poll::Ready(()) } else { refuse(cx) }
}

/// The task goes to the tail of the queue; but an executor of another's that blocks inside this turn, such as
/// `futures::executor::block_on`, polls again at once when it is woken, and would do so for ever. So wakers that are not the
/// task's are refused [`PATIENCE`] times, and then the rest of the turn has no bound.
#[cold]
fn refuse(cx: &Context<'_>) -> Poll<()> {
    if with_current(|hub| hub.is_running(cx.waker())) != Some(true) {
        let left = LEFT.get() - 1;
        LEFT.set(left);
        if left < -PATIENCE {
            lift();
            return Poll::Ready(());
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Whether this turn has [budget](crate::task#the-budget-of-a-turn) left. Always so outside of a task and
/// inside [`unconstrained`](crate::task::unconstrained).
///
/// For a loop over things that are ready: `false` says that the next leaf operation will yield, so it is time to put away
/// what should not be kept waiting.
///
/// ```
/// # taketurns::block_on(async {
/// for _ in 0..128 {
///     assert!(taketurns::task::has_budget());
///     taketurns::task::consume_budget().await;
/// }
/// assert!(!taketurns::task::has_budget());
/// taketurns::task::consume_budget().await; // the next turn, with a budget of its own
/// assert!(taketurns::task::has_budget());
/// # });
/// ```
#[must_use]
pub fn has_budget() -> bool {
    LEFT.get() > 0
}

/// Spends one unit of this turn's [budget](crate::task#the-budget-of-a-turn). If none is left, it first gives up the
/// thread, as every leaf operation of this crate does.
///
/// For the leaves of other crates, and for loops that would otherwise never suspend: a call in each round makes such a loop
/// give way every 128 rounds, for some nanoseconds a round.
///
/// # Cancellation
///
/// Nothing is lost when the future is dropped.
pub async fn consume_budget() {
    std::future::poll_fn(poll_ready).await;
    spend();
}

/// A leaf operation completed.
#[inline]
pub(crate) fn spend() {
    let left = LEFT.get();
    if left != UNLIMITED {
        LEFT.set(left - 1);
    }
}
