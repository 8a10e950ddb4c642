//! [`Scope`]: code that can be cancelled as a whole, from inside and outside, or by a deadline.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::deadline::{Deadline, Limit};
use super::error::Cancelled;
use super::place::Frame;
use crate::executor::{CancelRequest, ListenerKey, Reason, budget, drop_before};

/// Code that can be cancelled as a whole: trio's cancel scope.
///
/// [`run`](Self::run) runs a future inside of the scope. When the scope is cancelled, the future is dropped where it stands, and
/// `run` returns an error with the reason. Two things inside put that off:
///
/// * a [`shield`](super::shield()), until it has ended;
/// * a listener ([`cancelled`](super::cancelled), [`or_cancelled`](super::OrCancelled::or_cancelled),
///   [`checkpoint`](super::checkpoint)) that waits at that moment, or has heard of it before. Then the future is told, not
///   dropped: it cleans up, with awaits of its own, and `run` returns its output.
///
/// Scopes nest. If the outer one is cancelled the inner one goes with it, so the code between the two never takes the outer
/// one's cancellation for the inner one's, nor does a deadline of the inner one hide that of the outer.
///
/// A task that is spawned inside of a scope is not part of it. The tasks of a [group](crate::task::TaskGroup) that is opened
/// inside are: the group hears of the cancellation, passes it on to its tasks, and the scope waits for them.
///
/// A clone is the same scope. It works on any executor; a deadline needs the feature `time`, and a runtime of this crate.
///
/// ```
/// use taketurns::cancel::Scope;
///
/// # taketurns::block_on(async {
/// let scope = Scope::new();
/// let request = scope.clone();
/// taketurns::spawn(async move { request.cancel("the client has gone") }).detach();
/// let error = scope.run(std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(error.to_string(), "cancelled: the client has gone");
/// # });
/// ```
#[derive(Clone)]
pub struct Scope {
    request: Rc<CancelRequest>,
    limit: Option<Limit>,
}

impl Scope {
    /// A scope without a deadline.
    #[must_use]
    pub fn new() -> Self {
        let request = Rc::new(CancelRequest::default());
        request.set_drops();
        Self { request, limit: None }
    }

    #[cfg(feature = "time")]
    pub(super) fn with_limit(limit: Limit) -> Self {
        Self { limit: Some(limit), ..Self::new() }
    }

    /// Cancels what runs inside of the scope, now and in future. Only the first reason counts.
    ///
    /// The future is never dropped inside of this call, but when `run` is polled next.
    pub fn cancel(&self, reason: impl Into<Reason>) {
        self.request.ask(&reason.into());
    }

    /// Whether it was cancelled, by its deadline too.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why it was cancelled.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.request.reason()
    }

    /// Runs `future` inside of the scope. If the scope is cancelled already, the future is dropped without a poll.
    ///
    /// A deadline counts from here on. `run` may be called more than once, also at the same time: all that runs is cancelled
    /// together.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], with the reason, if the scope was cancelled and the future was dropped for it. If the future came to
    /// its end, its output, whatever was asked.
    ///
    /// # Cancellation
    ///
    /// As that of `future`, which goes with it.
    #[cfg_attr(
        feature = "time",
        doc = "\n# Panics\n\nOutside of a runtime, for a scope that has a deadline."
    )]
    #[track_caller]
    pub fn run<F: Future>(&self, future: F) -> Run<F> {
        Run {
            scope: self.clone(),
            deadline: Deadline::new(self.limit),
            inside: None,
            future: Some(future),
        }
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("reason", &self.reason()).field("limit", &self.limit).finish()
    }
}

pin_project! {
    /// See [`Scope::run`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Run<F> {
        scope: Scope,
        deadline: Deadline,
        // From the first poll on.
        inside: Option<Inside>,
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
    }
}

/// The error, if the scope was cancelled and nothing inside puts its end off.
fn over<T>(request: &CancelRequest) -> Option<Result<T, Cancelled>> {
    let reason = request.reason().filter(|_| !request.ends_by_itself())?;
    Some(Err(Cancelled::new(reason.clone())))
}

struct Inside {
    frame: Rc<Frame>,
    /// Wakes this future when the scope is cancelled.
    key: ListenerKey,
    request: Rc<CancelRequest>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.request.forget(self.key);
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        assert!(this.future.is_some(), "`Scope::run` polled after it ended: await it once");
        let request = &this.scope.request;
        let begin = || Inside {
            frame: Frame::new(Some(Rc::clone(request))),
            key: ListenerKey::new(),
            request: Rc::clone(request),
        };
        let Inside { frame, key, .. } = this.inside.get_or_insert_with(begin);
        if request.reason().is_none() {
            request.listen(*key, cx.waker(), false);
        }
        let had_budget = budget::has_budget();
        let mut outcome = over(request);
        if outcome.is_none() {
            // The content before the clock, so that what has arrived is not lost to a deadline that has passed as well.
            let content = this.future.as_mut().as_pin_mut();
            let content = content.expect("asserted above");
            let entered = frame.enter();
            let polled = content.poll(cx);
            drop(entered);
            outcome = match polled {
                Poll::Ready(output) => Some(Ok(output)),
                Poll::Pending => {
                    // The content may have spent the budget just now. That must not postpone its deadline.
                    if !had_budget {
                        ready!(budget::poll_ready(cx));
                    }
                    if let Poll::Ready(reason) = this.deadline.poll(cx) {
                        budget::spend();
                        request.forget(*key); // no need to wake this very task
                        request.ask(&reason);
                    }
                    over(request)
                }
            };
        }
        let Some(outcome) = outcome else { return Poll::Pending };
        *this.inside = None;
        Poll::Ready(drop_before(this.future, outcome))
    }
}
