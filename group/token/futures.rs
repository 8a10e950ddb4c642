//! What waits for a token: [`TokenCancelled`], [`TokenCancelledOwned`] and [`RunUntilCancelled`].

#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::CancellationToken;
use crate::common::awaited::Awaited;
use crate::common::waits;
use crate::executor::{Reason, budget, drop_before};
use crate::group::cancel::Cancelled;

/// See [`CancellationToken::cancelled`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct TokenCancelled<'a> {
    token: &'a CancellationToken,
    /// The key of its waiter, while it has one.
    waiter: Option<usize>,
    /// Where the program began the wait.
    site: &'static Location<'static>,
}

impl<'a> TokenCancelled<'a> {
    #[track_caller]
    pub(super) fn new(token: &'a CancellationToken) -> Self {
        Self { token, waiter: None, site: Location::caller() }
    }

    /// `poll` without the budget, for a future that has one of its own.
    fn poll_cancelled(&mut self, cx: &Context<'_>, function: &'static str) -> Poll<Reason> {
        poll_told(self.token, &mut self.waiter, cx, function, self.site)
    }
}

impl Future for TokenCancelled<'_> {
    type Output = Reason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        ready!(budget::poll_ready(cx));
        let reason = ready!(self.poll_cancelled(cx, "the `CancellationToken::cancelled`"));
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
    site: &'static Location<'static>,
}

impl TokenCancelledOwned {
    #[track_caller]
    pub(super) fn new(token: CancellationToken) -> Self {
        Self { token, waiter: None, site: Location::caller() }
    }
}

impl Future for TokenCancelledOwned {
    type Output = Reason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        ready!(budget::poll_ready(cx));
        let Self { token, waiter, site } = &mut *self;
        let reason =
            ready!(poll_told(token, waiter, cx, "the `CancellationToken::cancelled_owned`", site));
        budget::spend();
        Poll::Ready(reason)
    }
}

impl Drop for TokenCancelledOwned {
    fn drop(&mut self) {
        leave(&self.token, self.waiter);
    }
}

/// Polls for the cancellation. While it has not come, a report is told of the call of `function` at `site`.
fn poll_told(
    token: &CancellationToken,
    waiter: &mut Option<usize>,
    cx: &Context<'_>,
    function: &'static str,
    site: &'static Location<'static>,
) -> Poll<Reason> {
    let before = *waiter;
    let polled = token.tree.poll(token.key, waiter, cx.waker());
    match (&polled, waiter, before) {
        (Poll::Pending, Some(waiter), _) => {
            waits::note(wait_key(token, *waiter), || Awaited::new(function, site));
        }
        (_, _, Some(waiter)) => waits::over(wait_key(token, waiter)),
        _ => {}
    }
    polled
}

fn wait_key(token: &CancellationToken, waiter: usize) -> waits::Key {
    waits::Key::in_line(&*token.tree, waiter as u64)
}

fn leave(token: &CancellationToken, waiter: Option<usize>) {
    if let Some(waiter) = waiter {
        waits::over(wait_key(token, waiter));
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
    #[track_caller]
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
        let reason = ready!(
            this.cancelled.poll_cancelled(cx, "the `CancellationToken::run_until_cancelled`")
        );
        budget::spend();
        Poll::Ready(Err(drop_before(this.future, Cancelled::new(reason))))
    }
}
