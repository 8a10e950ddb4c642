//! [`Tokens`]: counts what outside the loop may still wake a task (blocking jobs, `hold` guards, `Handle`s), and
//! tells the loop when the last one is gone.
//!
//! There are two counts. Each job of the pool and each `time::hold` guard has a token of the first: while one is out, a
//! virtual clock stands still, as what takes real time must end first. Each `Handle` has a token of the second: while one
//! is out, other threads may still send work, so nothing is taken for a deadlock.
//!
//! The holder of a token wakes a task first, then gives the token back. A look does the two in the other order: the
//! driver's `wait` sees that no token is out; then the executor takes its inbox in; then the driver's `wake` moves the
//! clock, if no task is ready. So a task that was woken before the last token came back is ready by then, and the clock
//! does not jump over it.
//!
//! Count and flag share one word: had the flag a word of its own, the last token might come back between the two
//! without unparking home, and home would sleep for ever.

#![forbid(unsafe_code)]

use std::sync::Arc;

use crate::executor::Unpark;
use crate::executor::primitives::{AtomicIsize, ordering};

/// Home relies on being unparked when the last token comes back.
const WATCHED: isize = 1;
const ONE: isize = 2;

/// Counts the [`Token`]s that are out. They are given out at home, or in a blocking job, whose own
/// hold keeps home from asking meanwhile; and given back on any thread.
pub(crate) struct Tokens {
    word: AtomicIsize,
    unparker: Box<dyn Unpark>,
}

impl Tokens {
    pub(crate) fn new(unparker: Box<dyn Unpark>) -> Arc<Self> {
        Arc::new(Self { word: AtomicIsize::new(0), unparker })
    }

    /// For a test without a loop: unparks the test's thread.
    #[cfg(all(test, any(feature = "time", feature = "offload")))]
    pub(crate) fn without_loop() -> Arc<Self> {
        use crate::executor::{Driver as _, ParkThread};
        Self::new(ParkThread::new().unparker())
    }

    pub(crate) fn take(self: &Arc<Self>) -> Token {
        // Ordering: taken at home, from a token that is out, or in a job, which holds the clock; nothing is read through it.
        self.word.fetch_add(ONE, ordering!(token_taken: Relaxed));
        Token(Arc::clone(self))
    }

    /// Whether a token is out. When the last one comes back, it unparks home.
    pub(crate) fn are_out(&self) -> bool {
        // Ordering: pairs with every `token_back`: what their holders pushed is seen by the drain that follows.
        self.word.fetch_or(WATCHED, ordering!(tokens_seen: Acquire)) & !WATCHED != 0
    }
}

/// One of the [`Tokens`]. It is given back when it is dropped.
pub(crate) struct Token(Arc<Tokens>);

impl Clone for Token {
    fn clone(&self) -> Self {
        self.0.take()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // Ordering: gives what was pushed before to `tokens_seen`.
        let before = self.0.word.fetch_sub(ONE, ordering!(token_back: Release));
        if before == ONE | WATCHED {
            self.0.unparker.unpark();
        }
    }
}
