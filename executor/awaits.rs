//! What is told when a task is awaited.
//!
//! A handle keeps its awaiter, so a report finds there which task awaits which. But a combinator that polls its parts with wakers
//! of its own leaves one that says nothing, and a waker does not say what the await is a part of. So the await is told as it begins,
//! to whatever keeps such notes for this thread.

#![forbid(unsafe_code)]

use std::cell::Cell;

use super::Id;

thread_local! {
    static TELL: Cell<Option<TellOfAwait>> = const { Cell::new(None) };
}

/// Is told which task is awaited, and whether its handle knows the task that awaits it.
pub(crate) type TellOfAwait = fn(Id, bool);

/// From now on that is called. Returns what was before.
pub(crate) fn tell_of_awaits(tell: Option<TellOfAwait>) -> Option<TellOfAwait> {
    TELL.replace(tell)
}

/// Whether to call [`awaits`].
#[inline]
pub(super) fn are_awaits_told() -> bool {
    TELL.get().is_some()
}

/// The task that has its turn awaits this one.
pub(super) fn awaits(task: Id, is_known: bool) {
    if let Some(tell) = TELL.get() {
        tell(task, is_known);
    }
}
