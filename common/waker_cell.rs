//! [`WakerCell`]: the waker of the only task that can wait, where there is a single waiter.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::task::Waker;

use super::awaited::Awaited;
use super::waits::{self, Key};
use crate::executor::{contain, drop_contained, is_noop, wake_contained};

/// At most one waker. It is woken and dropped after it was taken out, and a panic of its code ends here.
#[derive(Default)]
pub(crate) struct WakerCell(Cell<Option<Waker>>);

impl WakerCell {
    /// Keeps a clone of `waker`; one that does nothing asks to forget what was kept.
    ///
    /// The clone and the drop of the waker before are user code. So the caller checks again afterwards whether it still has
    /// to wait.
    pub(crate) fn keep(&self, waker: &Waker) {
        if is_noop(waker) {
            self.forget();
        } else if !self.peek(|kept| kept.is_some_and(|kept| kept.will_wake(waker))) {
            let before = self.0.replace(Some(waker.clone()));
            contain(|| drop(before));
        }
    }

    /// Says what the task waits for whose waker was kept just now; nothing, if none was. The cell stays where it is while it
    /// waits.
    #[inline]
    pub(crate) fn note(&self, what: impl FnOnce() -> Awaited) {
        if waits::is_noting() && self.is_kept() {
            waits::note(Key::at(self), what);
        }
    }

    #[inline]
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.0.take() {
            match waits::is_explaining() {
                true => self.end_noted_wait(Some(waker), wake_contained),
                false => wake_contained(waker),
            }
        }
    }

    #[inline]
    pub(crate) fn forget(&self) {
        // The wait may be noted though its waker is gone: one that was woken outside of the runtime that explains.
        if waits::is_explaining() {
            self.end_noted_wait(self.0.take(), drop_contained);
        } else if let Some(waker) = self.0.take() {
            drop_contained(waker);
        }
    }

    /// Apart, so that the more frequent way keeps no registers for after a call.
    #[cold]
    #[inline(never)]
    fn end_noted_wait(&self, waker: Option<Waker>, end: impl FnOnce(Waker)) {
        waits::over(Key::at(self));
        if let Some(waker) = waker {
            end(waker);
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.peek(|kept| kept.is_some())
    }

    /// `look` runs no user code.
    fn peek<R>(&self, look: impl FnOnce(Option<&Waker>) -> R) -> R {
        let kept = self.0.take();
        let seen = look(kept.as_ref());
        self.0.set(kept);
        seen
    }
}
