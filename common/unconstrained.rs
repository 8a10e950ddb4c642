//! [`unconstrained`]: a future that has no budget.

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::executor::budget;

/// Runs a future without the [budget](crate::task#the-budget-of-a-turn): its leaf operations never return `Pending`
/// only to be fair.
///
/// Use it for code that has a bound of its own. If a loop inside never suspends, every other task starves.
///
/// # Cancellation
///
/// Dropping the returned future drops `future`.
///
/// ```
/// # taketurns::block_on(async {
/// let answer = taketurns::task::unconstrained(async { 42 }).await;
/// assert_eq!(answer, 42);
/// # });
/// ```
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project_lite::pin_project! {
    /// See [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        budget::within(budget::UNLIMITED, || self.project().future.poll(cx))
    }
}
