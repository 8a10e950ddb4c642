//! What is told when a task is awaited by a waker that leads to no task.
//!
//! A handle keeps its awaiter, so a report finds there which task awaits which. But a combinator that polls its parts with wakers
//! of its own leaves one that says nothing. So the await is told as it begins, to whatever keeps such notes for this thread.

#![forbid(unsafe_code)]

use std::cell::Cell;

use super::Id;

thread_local! {
    static TELL: Cell<Option<fn(Id)>> = const { Cell::new(None) };
}

/// From now on that is called. Returns what was before.
pub(crate) fn tell_of_awaits(tell: Option<fn(Id)>) -> Option<fn(Id)> {
    TELL.replace(tell)
}

/// The task that has its turn awaits this one, by a waker that leads to no task.
pub(super) fn awaits(task: Id) {
    if let Some(tell) = TELL.get() {
        tell(task);
    }
}
