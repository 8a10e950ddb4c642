//! What waits for a token: [`TokenCancelled`], [`TokenCancelledOwned`] and [`RunUntilCancelled`].

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::CancellationToken;
use crate::executor::{Reason, budget, drop_before};
use crate::group::cancel::Cancelled;

/// See [`CancellationToken::cancelled`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct TokenCancelled<'a> {
    token: &'a CancellationToken,
    /// The key of its waiter, while it has one.
    waiter: Option<usize>,
}

impl<'a> TokenCancelled<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> Self {
        Self { token, waiter: None }
    }

    /// `poll` without the budget, for a future that has one of its own.
    fn poll_cancelled(&mut self, cx: &Context<'_>) -> Poll<Reason> {
        self.token.tree.poll(self.token.key, &mut self.waiter, cx.waker())
    }
}

impl Future for TokenCancelled<'_> {
    type Output = Reason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        ready!(budget::poll_ready(cx));
        let reason = ready!(self.poll_cancelled(cx));
        budget::spend();
        Poll::Ready(reason)
    }
}

impl Drop for TokenCancelled<'_> {
    fn drop(&mut self) {
        leave(self.token, self.waiter);
    }
}

/// See [`CancellationToken::cancelled_owned`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct TokenCancelledOwned {
    token: CancellationToken,
    waiter: Option<usize>,
}

impl TokenCancelledOwned {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self { token, waiter: None }
    }
}

impl Future for TokenCancelledOwned {
    type Output = Reason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        ready!(budget::poll_ready(cx));
        let Self { token, waiter } = &mut *self;
        let reason = ready!(token.tree.poll(token.key, waiter, cx.waker()));
        budget::spend();
        Poll::Ready(reason)
    }
}

impl Drop for TokenCancelledOwned {
    fn drop(&mut self) {
        leave(&self.token, self.waiter);
    }
}

fn leave(token: &CancellationToken, waiter: Option<usize>) {
    if let Some(waiter) = waiter {
        token.tree.forget(token.key, waiter);
    }
}

pin_project! {
    /// See [`CancellationToken::run_until_cancelled`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct RunUntilCancelled<'a, F> {
        // `None` once this was ready.
        #[pin]
        future: Option<F>,
        cancelled: TokenCancelled<'a>,
    }
}

impl<'a, F> RunUntilCancelled<'a, F> {
    pub(super) fn new(token: &'a CancellationToken, future: F) -> Self {
        Self { future: Some(future), cancelled: TokenCancelled::new(token) }
    }
}

impl<F: Future> Future for RunUntilCancelled<'_, F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let had_budget = budget::has_budget();
        let future = this.future.as_mut().as_pin_mut();
        let polled = future.expect("a `RunUntilCancelled` was polled after it was ready").poll(cx);
        if let Poll::Ready(output) = polled {
            return Poll::Ready(Ok(drop_before(this.future, output)));
        }
        // The future may have spent the budget just now. That must not postpone its end.
        if !had_budget {
            ready!(budget::poll_ready(cx));
        }
        let reason = ready!(this.cancelled.poll_cancelled(cx));
        budget::spend();
        Poll::Ready(Err(drop_before(this.future, Cancelled::new(reason))))
    }
}
