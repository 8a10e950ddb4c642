//! [`CancellationToken`]: a request to stop that any thread may make, and any task or thread may hear.
//!
//! A flag behind an `Arc` could be asked, but not awaited. So a token keeps the wakers of those that wait. And a part of the
//! work that is to stop by itself needs a token of its own, which stops with the whole as well. So tokens are a tree.
//!
//! # Layout
//!
//! 1. `lists.rs`: linked lists in one memory.
//! 2. `tree.rs`: all state, under one lock, and what happens to it.
//! 3. `futures.rs`: what waits for a token. `guard.rs`: what cancels one when it is dropped.

#![forbid(unsafe_code)]

mod futures;
mod guard;
mod lists;
mod tree;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

pub use futures::{RunUntilCancelled, TokenCancelled, TokenCancelledOwned};
pub use guard::{DropGuard, DropGuardRef};
use tree::Tree;

use crate::executor::Reason;

/// Asks tasks and threads to stop, from any thread, and tells them why.
///
/// A clone is the same token. A [child](Self::child_token) is cancelled with its parent, but can also be cancelled alone: the
/// parent and its other children go on. Once cancelled, a token stays cancelled, and the first reason stays.
///
/// It needs no runtime: its futures work under any executor, and its other functions on any thread. What a thread did before
/// it called [`cancel`](Self::cancel) is visible to the code that hears of the cancellation.
///
/// A token only asks. [`run_until_cancelled`](Self::run_until_cancelled) also drops a future where it stands.
///
/// # In which order
///
/// `cancel` marks the token and all its descendants in one step: no thread sees a parent cancelled and its child not. Then it
/// wakes what waits: first for the token itself, then for its children, then for theirs, and for each token in the order in
/// which they began to wait. A waker that panics keeps none from its wake. The panic is reported like that of a task without
/// an awaiter.
///
/// # Cost
///
/// All tokens of a tree share one lock, which is held while plain moves are made, one for each token concerned; and one
/// memory. A token that is dropped, and a wait that is given up, leave their place to the next one: the memory is that of the
/// most tokens and waits at one time. A token that is dropped before its children hands them to its parent, in a time that
/// grows with their number.
///
/// ```
/// use std::thread;
/// use taketurns::cancel::CancellationToken;
///
/// let server = CancellationToken::new();
/// let connection = server.child_token();
/// let signals = thread::spawn(move || server.cancel("Ctrl-C"));
/// let reason = taketurns::block_on(async move {
///     taketurns::spawn(async move { connection.cancelled().await }).await.unwrap()
/// });
/// assert_eq!(reason.as_str(), "Ctrl-C");
/// signals.join().unwrap();
/// ```
pub struct CancellationToken {
    tree: Arc<Tree>,
    /// Of its node. (HELD)
    key: usize,
}

impl CancellationToken {
    /// A token without a parent.
    #[must_use]
    pub fn new() -> Self {
        let (tree, key) = Tree::new();
        Self { tree, key }
    }

    /// A new token that is cancelled with this one, for the same reason. If this one is cancelled already, so is the child.
    ///
    /// The child does not keep this token, and costs it nothing once it is dropped. If this token is dropped first, the child is
    /// a child of this token's parent.
    ///
    /// ```
    /// use taketurns::cancel::CancellationToken;
    ///
    /// let parent = CancellationToken::new();
    /// let (first, second) = (parent.child_token(), parent.child_token());
    /// first.cancel("only the first");
    /// assert!(!parent.is_cancelled() && !second.is_cancelled());
    /// parent.cancel("all");
    /// assert_eq!(first.reason().unwrap().as_str(), "only the first");
    /// assert_eq!(second.reason().unwrap().as_str(), "all");
    /// ```
    #[must_use]
    pub fn child_token(&self) -> Self {
        Self { tree: Arc::clone(&self.tree), key: self.tree.child(self.key) }
    }

    /// Cancels this token and all its descendants. If it is cancelled already, that changes nothing, and `reason` is dropped.
    ///
    /// When it returns, every waiting task has been woken; none has run, unless by its waker.
    pub fn cancel(&self, reason: impl Into<Reason>) {
        self.tree.cancel(self.key, &reason.into());
    }

    /// Whether this token is cancelled: by itself, or with an ancestor.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.tree.is_cancelled(self.key)
    }

    /// Why it is cancelled. `None`: it is not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.tree.reason(self.key)
    }

    /// Completes when this token is cancelled, with the reason. At once if it is already. Polled after it was ready, it is
    /// ready again.
    ///
    /// The future works under any executor, and may go from thread to thread. Inside of this crate's loop, being ready counts
    /// against the [budget](crate::task#the-budget-of-a-turn) of the turn.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives its waker back at once. Nothing is lost: a later `cancelled` completes all the same.
    #[track_caller]
    pub fn cancelled(&self) -> TokenCancelled<'_> {
        TokenCancelled::new(self)
    }

    /// As [`cancelled`](Self::cancelled), for a future that does not borrow the token.
    ///
    /// ```
    /// use taketurns::cancel::CancellationToken;
    ///
    /// # taketurns::block_on(async {
    /// let token = CancellationToken::new();
    /// let task = taketurns::spawn(token.clone().cancelled_owned());
    /// token.cancel("enough");
    /// assert_eq!(task.await.unwrap().as_str(), "enough");
    /// # });
    /// ```
    #[track_caller]
    pub fn cancelled_owned(self) -> TokenCancelledOwned {
        TokenCancelledOwned::new(self)
    }

    /// Runs `future` until it completes, or this token is cancelled.
    ///
    /// Each poll polls `future` first and then asks the token. So an output that is there is returned, not lost, even if the
    /// token is cancelled by then; and under a token that is cancelled already, `future` is polled once.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](crate::cancel::Cancelled), with the reason. By then `future` is dropped.
    ///
    /// # Cancellation
    ///
    /// Dropping the returned future drops `future`.
    ///
    /// # Panics
    ///
    /// When it is polled after it was ready.
    ///
    /// ```
    /// use std::future::{pending, ready};
    /// use taketurns::cancel::CancellationToken;
    ///
    /// # taketurns::block_on(async {
    /// let token = CancellationToken::new();
    /// token.cancel("enough");
    /// assert_eq!(token.run_until_cancelled(ready(1)).await, Ok(1));
    /// let error = token.run_until_cancelled(pending::<i32>()).await.unwrap_err();
    /// assert_eq!(error.to_string(), "cancelled: enough");
    /// # });
    /// ```
    #[track_caller]
    pub fn run_until_cancelled<F: IntoFuture>(
        &self,
        future: F,
    ) -> RunUntilCancelled<'_, F::IntoFuture> {
        RunUntilCancelled::new(self, future.into_future())
    }

    /// Makes a guard that cancels the token, with `reason`, when it is dropped: also when the code that has the guard fails,
    /// panics or is dropped.
    ///
    /// ```
    /// use taketurns::cancel::CancellationToken;
    ///
    /// let token = CancellationToken::new();
    /// let guard = token.clone().drop_guard("the server has gone");
    /// drop(guard);
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard(self, reason: impl Into<Reason>) -> DropGuard {
        DropGuard::new(self, reason.into())
    }

    /// As [`drop_guard`](Self::drop_guard), for a guard that borrows the token.
    pub fn drop_guard_ref(&self, reason: impl Into<Reason>) -> DropGuardRef<'_> {
        DropGuardRef::new(self, reason.into())
    }
}

/// The same token once more.
impl Clone for CancellationToken {
    fn clone(&self) -> Self {
        self.tree.hold(self.key);
        Self { tree: Arc::clone(&self.tree), key: self.key }
    }
}

impl Drop for CancellationToken {
    fn drop(&mut self) {
        self.tree.leave(self.key);
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the reason, how many futures wait for the token itself, and how many children it has.
impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.tree.shown(self.key);
        f.debug_struct("CancellationToken")
            .field("reason", &shown.reason)
            .field("waiters", &shown.waiters)
            .field("children", &shown.children)
            .finish()
    }
}
