//! [`Scope`]: code that can be cancelled as a whole, from inside and outside, or by a deadline.

#![forbid(unsafe_code)]

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::deadline::{Deadline, Limit};
use super::listen::wait_key;
use super::place::Frame;
use crate::common::Cancelled;
use crate::common::awaited::Awaited;
use crate::common::waits;
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
/// Scopes nest. If the outer one is cancelled, the inner one goes with it. So the code between the two never takes the outer
/// one's cancellation for the inner one's. A deadline of the inner one never hides that of the outer.
///
/// A task that is spawned inside of a scope is not part of it. (A whole run of an executor inside of a scope is: `block_on` in
/// the content of a scope that another executor polls.) The tasks of a [group](crate::task::TaskGroup) that is opened
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
    state: Rc<State>,
    limit: Option<Limit>,
}

#[derive(Default)]
struct State {
    reason: OnceCell<Reason>,
    /// Of each run that has begun and not ended, in that order. Each has a request of its own: what puts the end of one run off
    /// is no matter of the others.
    runs: RefCell<BTreeMap<ListenerKey, Rc<CancelRequest>>>,
}

impl State {
    fn cancel(&self, reason: &Reason) {
        if self.reason.set(reason.clone()).is_ok() {
            let runs: Vec<_> = self.runs.borrow().values().cloned().collect();
            runs.iter().for_each(|run| run.ask(reason));
        }
    }
}

impl Scope {
    /// A scope without a deadline.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Rc::default(), limit: None }
    }

    #[cfg(feature = "time")]
    pub(super) fn with_limit(limit: Limit) -> Self {
        Self { limit: Some(limit), ..Self::new() }
    }

    /// Cancels what runs inside of the scope, now and in future. Only the first reason counts.
    ///
    /// The future is never dropped inside of this call, but when `run` is polled next.
    pub fn cancel(&self, reason: impl Into<Reason>) {
        self.state.cancel(&reason.into());
    }

    /// Whether it was cancelled, by its deadline too.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why it was cancelled.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.state.reason.get()
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
            site: Location::caller(),
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
        site: &'static Location<'static>,
        deadline: Deadline,
        // From the first poll on.
        inside: Option<Inside>,
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
    }
}

/// A run that has begun and not ended.
struct Inside {
    state: Rc<State>,
    request: Rc<CancelRequest>,
    /// Wakes this future when the request is made.
    key: ListenerKey,
    frame: Rc<Frame>,
}

impl Inside {
    fn begin(state: &Rc<State>) -> Self {
        let request = Rc::new(CancelRequest::that_drops());
        if let Some(reason) = state.reason.get() {
            request.ask(reason);
        }
        let key = ListenerKey::new();
        state.runs.borrow_mut().insert(key, Rc::clone(&request));
        let frame = Frame::new(Some(Rc::clone(&request)));
        Self { state: Rc::clone(state), request, key, frame }
    }

    /// The error, if the scope was cancelled and nothing inside puts the end off.
    fn cancelled<T>(&self) -> Option<Result<T, Cancelled>> {
        let reason = self.request.reason().filter(|_| self.request.will_drop())?;
        Some(Err(Cancelled::new(reason.clone())))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        waits::over(wait_key(self.key));
        self.state.runs.borrow_mut().remove(&self.key);
        self.request.forget(self.key);
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        assert!(this.future.is_some(), "`Scope::run` polled after it ended: await it once");
        let state = &this.scope.state;
        let inside = this.inside.get_or_insert_with(|| Inside::begin(state));
        let had_budget = budget::has_budget();
        let mut outcome = inside.cancelled();
        if outcome.is_some() {
            ready!(budget::poll_ready(cx));
            budget::spend();
        } else {
            inside.request.listen(inside.key, cx.waker(), false);
            // The content before the clock, so that what has arrived is not lost to a deadline that has passed as well.
            let content = this.future.as_mut().as_pin_mut().expect("asserted above");
            let entered = inside.frame.enter();
            let polled = content.poll(cx);
            drop(entered);
            outcome = match polled {
                Poll::Ready(output) => Some(Ok(output)),
                Poll::Pending => {
                    // If the content has spent the budget just now, that must not postpone the deadline of this scope.
                    if !had_budget {
                        ready!(budget::poll_ready(cx));
                    }
                    if let Poll::Ready(reason) = this.deadline.poll(cx) {
                        budget::spend();
                        inside.request.forget(inside.key); // no need to wake this very task
                        state.cancel(&reason);
                        inside.request.listen(inside.key, cx.waker(), false);
                    }
                    inside.cancelled()
                }
            };
        }
        let Some(outcome) = outcome else {
            // Whatever the content waits for, a cancellation ends it too.
            let what = || Awaited::new("a cancellation of the `Scope::run()`", this.site);
            waits::note(wait_key(inside.key), what);
            return Poll::Pending;
        };
        *this.inside = None;
        Poll::Ready(drop_before(this.future, outcome))
    }
}
