//! [`assert_yields`], [`assert_ready`]: whether a future suspends.
//!
//! Whether a call gives way to other tasks is part of what it does, and nothing in its type says so. These are for tests of
//! that. (trio's `assert_checkpoints` and `assert_no_checkpoints` are the models.)

#![forbid(unsafe_code)]

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::common::{Unconstrained, unconstrained};

/// Runs `future`, which has to suspend: its first poll must be `Pending`, so that other tasks get their turns.
///
/// The [budget](crate::task#the-budget-of-a-turn) does not count: the future is run without one, so it suspends of itself
/// or not at all.
///
/// # Cancellation
///
/// Dropping the returned future drops `future`.
///
/// # Panics
///
/// When `future` is ready at its first poll, with the place of this call.
///
/// ```
/// use taketurns::{testing::assert_yields, yield_now};
///
/// taketurns::block_on(async {
///     assert_yields(yield_now()).await;
/// });
/// ```
#[track_caller]
pub fn assert_yields<F: IntoFuture>(future: F) -> AssertYields<F::IntoFuture> {
    let site = Location::caller();
    AssertYields { future: unconstrained(future.into_future()), yielded: false, site }
}

/// Runs `future`, which must not suspend: its first poll has to be ready. Gives its output.
///
/// The [budget](crate::task#the-budget-of-a-turn) does not count: the future is polled without one.
///
/// # Cancellation
///
/// Dropping the returned future drops `future`.
///
/// # Panics
///
/// When the first poll of `future` is `Pending`, with the place of this call.
///
/// ```
/// use futures::channel::mpsc;
/// use futures::StreamExt;
/// use taketurns::testing::assert_ready;
///
/// taketurns::block_on(async {
///     let (sender, mut receiver) = mpsc::unbounded();
///     sender.unbounded_send(1).unwrap();
///     assert_eq!(assert_ready(receiver.next()).await, Some(1));
/// });
/// ```
#[track_caller]
pub fn assert_ready<F: IntoFuture>(future: F) -> AssertReady<F::IntoFuture> {
    AssertReady { future: unconstrained(future.into_future()), site: Location::caller() }
}

pin_project_lite::pin_project! {
    /// The future of [`assert_yields`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct AssertYields<F> {
        #[pin]
        future: Unconstrained<F>,
        yielded: bool,
        site: &'static Location<'static>,
    }
}

pin_project_lite::pin_project! {
    /// The future of [`assert_ready`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct AssertReady<F> {
        #[pin]
        future: Unconstrained<F>,
        site: &'static Location<'static>,
    }
}

impl<F: Future> Future for AssertYields<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let yielded = std::mem::replace(this.yielded, true);
        let output = ready!(this.future.poll(cx));
        assert!(
            yielded,
            "`assert_yields` at {}: the future was ready at its first poll, without giving way to other tasks",
            this.site
        );
        Poll::Ready(output)
    }
}

impl<F: Future> Future for AssertReady<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(cx);
        assert!(
            polled.is_ready(),
            "`assert_ready` at {}: the future suspended, so its task waits and others get their turns",
            this.site
        );
        polled
    }
}
