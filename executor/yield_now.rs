//! [`yield_now`]: give the thread away, and go to the tail of the queue.

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives every task that is ready now its turn before this one goes on.
///
/// The task wakes itself and returns: it enters the queue when its poll ends, at the tail, so with
/// *n* tasks queued it takes the (n+1)th turn from then (F2). This is the yield that cooperative
/// code must not miss: without one, a loop that never waits keeps the thread for ever.
///
/// # Cancellation
///
/// Nothing is lost when the future is dropped.
///
/// ```
/// taketurns::block_on(async {
///     let other = taketurns::spawn(async { "other" });
///     taketurns::yield_now().await; // `other` takes its turn here
///     assert!(other.is_finished());
/// });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// See [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
