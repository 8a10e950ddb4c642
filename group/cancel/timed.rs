//! Cancelling by time: the scopes that have a deadline, and `cancel_within`.

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use super::deadline::Limit;
use super::scope::Scope;
use crate::executor::{JoinError, JoinHandle, Reason};
use crate::timer::{Instant, sleep};

impl Scope {
    /// A scope that is cancelled when its content has run for so long, by the clock of the runtime.
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    /// use taketurns::cancel::{Scope, shield};
    /// use taketurns::time::{Clock, sleep};
    ///
    /// # taketurns::Builder::new().clock(Clock::AutoAdvance).build()?.block_on(async {
    /// let outer = Scope::with_timeout(Duration::from_secs(5));
    /// let error = outer
    ///     .run(async {
    ///         let inner = Scope::with_timeout(Duration::from_secs(1));
    ///         let error = inner.run(pending::<()>()).await.unwrap_err();
    ///         assert_eq!(error.to_string(), "cancelled: the limit of 1s passed");
    ///         sleep(Duration::from_secs(60)).await; // a clean-up that takes too long
    ///     })
    ///     .await
    ///     .unwrap_err();
    /// assert_eq!(error.to_string(), "cancelled: the limit of 5s passed");
    /// # });
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn with_timeout(limit: Duration) -> Self {
        Self::with_limit(Limit::After(limit))
    }

    /// A scope that is cancelled at `deadline`, by the clock of the runtime.
    #[must_use]
    pub fn with_deadline(deadline: Instant) -> Self {
        Self::with_limit(Limit::At(deadline))
    }
}

impl<T> JoinHandle<T> {
    /// [Asks](Self::cancel) the task to end, and waits for its end. If it has not ended after `grace`, by the clock of the
    /// runtime, it is [aborted](Self::abort).
    ///
    /// The task is asked in this call; the grace begins then.
    ///
    /// # Errors
    ///
    /// As awaiting the handle: an error with this reason, unless the task did not listen and came to its end within the
    /// grace.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped the task has been asked, but is not aborted. The handle can be awaited again.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taketurns::time::Clock;
    ///
    /// # taketurns::Builder::new().clock(Clock::AutoAdvance).build()?.block_on(async {
    /// let mut handle = taketurns::spawn(std::future::pending::<()>()); // it does not listen
    /// let error = handle.cancel_within(Duration::from_secs(3), "enough").await.unwrap_err();
    /// assert_eq!(error.reason().unwrap().as_str(), "enough");
    /// # });
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn cancel_within(
        &mut self,
        grace: Duration,
        reason: impl Into<Reason>,
    ) -> impl Future<Output = Result<T, JoinError>> {
        let grace = sleep(grace);
        self.cancel(reason);
        async move {
            let mut grace = pin!(grace);
            let ended = poll_fn(|cx| match Pin::new(&mut *self).poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending => grace.as_mut().poll(cx).map(|()| None),
            });
            match ended.await {
                Some(outcome) => outcome,
                None => {
                    self.abort();
                    self.await
                }
            }
        }
    }
}
