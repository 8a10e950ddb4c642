//! The budget (F4): a leaf operation that is always ready must still let other tasks take their turn.
//!
//! A *leaf* operation is one that waits for the loop itself: a read, a sleep, the await of a handle. Awaiting one that is
//! ready does not yield, so a task that reads from a socket with bytes always waiting would keep the thread for ever. So
//! each poll of a task begins with [`BUDGET`] units. A leaf operation of this crate spends one when it completes. When
//! none is left it wakes its task and returns `Pending`, and the task goes to the tail of the queue. Everything else runs
//! without a limit: destructors, callbacks, wakers in a look.
//!
//! The technique is tokio's ("coop", 2020). It cannot cover leaf operations of other crates, nor `async {}` blocks that
//! are simply ready.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::task::{Context, Poll};

use super::task::with_current;

/// Leaf operations a task may complete in one turn. tokio's number: large enough to be rarely
/// met, small enough to keep a turn short.
pub(crate) const BUDGET: i32 = 128;

/// How often [`refuse`] refuses a waker that is not the task's own in one turn.
const PATIENCE: i32 = 10_000;

/// Outside an executor, in a look, and inside `unconstrained`: never spent.
pub(crate) const UNLIMITED: i32 = i32::MAX;

thread_local! {
    /// What the turn may still spend. At 0 it is used up; below that, minus the value is how often a waker that is not the
    /// task's own was refused since.
    static LEFT: Cell<i32> = const { Cell::new(UNLIMITED) };
}

/// A poll of a task begins.
#[inline]
pub(super) fn refill() {
    LEFT.set(BUDGET);
}

/// Calls `f` with another budget in place of the turn's. `unconstrained` polls its future that way, without a limit; and
/// `timeout`, at its limit, polls its future once more with a waker that does nothing, in place of which leaf operations
/// forget the one they have kept. That poll has a whole budget, as a future that is out of budget would only yield.
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

/// Lifts the budget: the loop is entered or left, it looks outside, a turn goes on with destructors, callbacks or wakers, or
/// [`refuse`] has lost its patience. Returns what was left.
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

/// Wakes the waker, and refuses.
///
/// If it is the task's own, the task goes to the tail of the queue, and its next turn has a new budget. But an executor of
/// another crate that blocks inside this turn, such as `futures::executor::block_on`, polls again at once when it is woken,
/// and would do so for ever. So wakers that are not the task's own are refused [`PATIENCE`] times in a turn, which takes
/// such an executor some 0.1 ms; the rest of the turn then has no limit. Combinators that poll their parts with a waker
/// of their own, such as `FuturesUnordered`, are refused in the same way, and ask far less often.
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

/// Whether this turn has [budget](crate::task#the-budget-of-a-turn) left. Always so outside of an executor and
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
/// For the leaf operations of other crates, and for loops that would otherwise never suspend: a call in each round makes
/// such a loop give way every 128 rounds, for some nanoseconds a round.
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
