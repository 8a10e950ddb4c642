//! What most futures over a [`WaitList`] do: look, wait in line, leave.

#![forbid(unsafe_code)]

use std::task::{Context, Poll};

use super::wait_list::{Key, WaitList, drop_waker};

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

/// Takes a future out of the line that is dropped, and that has nothing to hand on.
pub(super) fn leave<S: Copy>(line: &WaitList<S>, place: &mut Option<Key>) {
    if let Some(removed) = line.remove(place) {
        drop_waker(removed.waker);
    }
}
