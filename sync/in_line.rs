//! What most futures over a [`WaitList`] do: look, wait in line, leave.

#![forbid(unsafe_code)]

use std::task::{Context, Poll, ready};

use super::wait_list::{Key, WaitList, drop_waker};
use crate::executor::budget;

/// Waits in `line` until the primitive lets the future go. A newcomer does not wait if `is_ready` says so.
///
/// Returns the state with which it was let go; `None` for a newcomer. `first` is its state while it waits.
pub(super) fn poll_in_line<S: Copy>(
    line: &WaitList<S>,
    place: &mut Option<Key>,
    cx: &Context<'_>,
    first: S,
    mut is_ready: impl FnMut() -> bool,
) -> Poll<Option<S>> {
    if place.is_some() {
        return line.poll(place, cx).map(Some);
    }
    if is_ready() {
        return Poll::Ready(None);
    }
    // The clone may run any code, so look again after it.
    let waker = cx.waker().clone();
    if is_ready() {
        drop_waker(Some(waker));
        return Poll::Ready(None);
    }
    *place = Some(line.push_back(first, waker));
    Poll::Pending
}

/// As [`poll_in_line`], within the budget of the turn. A future whose turn has no budget left takes part all the same, as what
/// releases it may come before its next turn: it joins the line, or keeps in `owed` that it is ready. Then it yields.
pub(super) fn poll_within_budget<S: Copy>(
    line: &WaitList<S>,
    place: &mut Option<Key>,
    owed: &mut Option<Option<S>>,
    cx: &mut Context<'_>,
    first: S,
    is_ready: impl FnMut() -> bool,
) -> Poll<Option<S>> {
    let has_budget = budget::poll_ready(cx).is_ready();
    let let_go = match owed.take() {
        Some(let_go) => let_go,
        None => ready!(poll_in_line(line, place, cx, first, is_ready)),
    };
    if !has_budget {
        *owed = Some(let_go);
        return Poll::Pending;
    }
    budget::spend();
    Poll::Ready(let_go)
}

/// Takes a future out of the line that is dropped, and that has nothing to hand on.
pub(super) fn leave<S: Copy>(line: &WaitList<S>, place: &mut Option<Key>) {
    if let Some(removed) = line.remove(place) {
        drop_waker(removed.waker);
    }
}
