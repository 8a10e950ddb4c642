//! [`AdvanceInProgress`]: how far the `advance` of a runtime moves the clock, and the task that waits for it.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};

use crate::executor::contain;

/// At most one `advance` at a time.
#[derive(Default)]
pub(super) struct AdvanceInProgress(RefCell<Option<Advance>>);

struct Advance {
    /// In ns.
    target: u64,
    has_arrived: bool,
    waker: Option<Waker>,
}

impl AdvanceInProgress {
    /// From the begin of an `advance` until its future is dropped.
    pub(super) fn exists(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Begins one. There must be no other.
    pub(super) fn begin(&self, target: u64) {
        self.0.replace(Some(Advance { target, has_arrived: false, waker: None }));
    }

    /// Where the clock still has to go, in ns. `None` once it has arrived.
    pub(super) fn target(&self) -> Option<u64> {
        let advance = self.0.borrow();
        advance.as_ref().filter(|advance| !advance.has_arrived).map(|advance| advance.target)
    }

    /// Ready once the clock has arrived.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waker = Some(cx.waker().clone());
        // Asked only now, as the clone may have run any code.
        let polled = match &mut *self.0.borrow_mut() {
            Some(advance) if !advance.has_arrived => {
                std::mem::swap(&mut advance.waker, &mut waker);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        };
        contain(|| drop(waker));
        polled
    }

    /// The clock has arrived: wakes the task that waits.
    pub(super) fn arrive(&self) {
        let arrived = |advance: &mut Advance| {
            advance.has_arrived = true;
            advance.waker.take()
        };
        let waker = self.0.borrow_mut().as_mut().and_then(arrived);
        if let Some(waker) = waker {
            contain(|| waker.wake());
        }
    }

    /// Its future was dropped.
    pub(super) fn end(&self) {
        let advance = self.0.take();
        contain(|| drop(advance));
    }
}
