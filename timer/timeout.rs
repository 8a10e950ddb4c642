//! [`timeout`]: a future that has only so long.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::FusedFuture;

use super::instant::Instant;
use super::sleep::Sleep;
use super::timers::Timers;
use crate::executor::{budget, drop_before, noop};

/// Runs `future` for at most `limit` from now, by the clock of the runtime.
///
/// The future is polled first and the clock is looked at afterwards, so what has arrived by the time of a
/// late poll is not lost; with a `limit` of zero the future is polled once. At the limit it is dropped,
/// before the error is returned. A limit that passes the last [`Instant`], as [`Duration::MAX`] does, is
/// none. A future that does not yield cannot be interrupted.
///
/// A reference, as in `timeout(limit, &mut handle)`, can be dropped without anything happening to what it refers
/// to, which would keep the waker of this task. So at the limit one (and whatever else has nothing to drop) is
/// polled once more, with a waker that does nothing, on which the futures of this crate let go of the waker that they have.
/// If it is ready then, its output is given, and no error.
///
/// # Cancellation
///
/// Dropping the returned future drops `future`. What a reference refers to keeps the waker of this task until it is
/// polled again, woken or dropped, as no destructor can poll it: at worst the task is polled once for nothing.
///
/// # Errors
///
/// [`Elapsed`] at the limit.
///
/// # Panics
///
/// Outside of a runtime; when it is polled in another than it was made in; and when it is polled after it
/// was ready.
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
/// use taketurns::time::{advance, pause, timeout};
///
/// taketurns::block_on(async {
///     pause();
///     let slow = taketurns::spawn(timeout(Duration::from_millis(1500), pending::<()>()));
///     advance(Duration::from_secs(2)).await;
///     assert_eq!(slow.await.unwrap().unwrap_err().to_string(), "the limit of 1.5s passed");
///     assert_eq!(timeout(Duration::ZERO, async { "at once" }).await, Ok("at once"));
/// });
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(limit: Duration, future: F) -> Timeout<F::IntoFuture> {
    let site = Location::caller();
    let sleep =
        Timers::needed("timeout", |timers| Sleep::new(timers, Instant(timers.now()) + limit, site));
    Timeout { sleep, limit: Some(limit), future: Some(future.into_future()) }
}

/// Runs `future` until `deadline` at most, by the clock of the runtime. Otherwise like [`timeout`].
///
/// The clock is read at the first poll, after `future` was polled: with a `deadline` that has passed by then,
/// `future` is polled once.
///
/// # Cancellation
///
/// Dropping the returned future drops `future`.
///
/// # Errors
///
/// [`Elapsed`] at the deadline.
///
/// # Panics
///
/// As [`timeout`].
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, advance, pause, sleep, timeout_at};
///
/// taketurns::block_on(async {
///     pause();
///     let deadline = Instant::now() + Duration::from_secs(3);
///     let steps = taketurns::spawn(async move {
///         let mut steps = 0;
///         while timeout_at(deadline, sleep(Duration::from_secs(2))).await.is_ok() {
///             steps += 1;
///         }
///         steps
///     });
///     advance(Duration::from_secs(10)).await;
///     assert_eq!(steps.await.unwrap(), 1); // one deadline for all of them
/// });
/// ```
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    let site = Location::caller();
    let sleep = Timers::needed("timeout_at", |timers| Sleep::until(timers, deadline, site));
    Timeout { sleep, limit: None, future: Some(future.into_future()) }
}

pin_project_lite::pin_project! {
    /// What [`timeout`] and [`timeout_at`] return.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        sleep: Sleep,
        limit: Option<Duration>,
        // `None` once it is ready.
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let had_budget = budget::has_budget();
        let future = this.future.as_mut().as_pin_mut();
        let result = future.expect("a `Timeout` was polled after it was ready").poll(cx);
        if let Poll::Ready(output) = result {
            return Poll::Ready(Ok(drop_before(this.future, output)));
        }
        // A budget that the future has just used up does not keep its limit away.
        if !had_budget {
            ready!(budget::poll_ready(cx));
        }
        ready!(this.sleep.poll_elapsed(cx));
        budget::spend();
        if let Poll::Ready(output) = drop_waker_of(this.future.as_mut().as_pin_mut()) {
            return Poll::Ready(Ok(drop_before(this.future, output)));
        }
        this.future.set(None);
        Poll::Ready(Err(Elapsed { limit: *this.limit, deadline: this.sleep.deadline() }))
    }
}

/// It is terminated once it was ready.
impl<F: Future> FusedFuture for Timeout<F> {
    fn is_terminated(&self) -> bool {
        self.future.is_none()
    }
}

/// Has what `future` refers to forget the waker that it was polled with. What has something to drop lets go by
/// being dropped.
fn drop_waker_of<F: Future>(future: Option<Pin<&mut F>>) -> Poll<F::Output> {
    match future {
        // With a budget of its own: the turn's, if it is used up, would answer in its place; and without any, a future that
        // suspends only by its budget would never come back.
        Some(future) if !std::mem::needs_drop::<F>() => {
            budget::within(budget::BUDGET, || future.poll(&mut Context::from_waker(&noop())))
        }
        _ => Poll::Pending,
    }
}

/// The error of a [`timeout`] that passed.
///
/// Where one stands inside another, the types tell whose it is: `Ok(Err(elapsed))` is the inner one's. Where
/// `?` has flattened the two into one error, [`limit`](Self::limit) and [`deadline`](Self::deadline) do,
/// also through [`io::Error`], which it converts into.
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
/// use taketurns::time::{Elapsed, pause, advance, timeout};
///
/// const CONNECT: Duration = Duration::from_secs(1);
/// const REQUEST: Duration = Duration::from_secs(5);
///
/// async fn connect() -> Result<(), Elapsed> {
///     timeout(CONNECT, pending()).await
/// }
///
/// taketurns::block_on(async {
///     pause();
///     let request = taketurns::spawn(async { timeout(REQUEST, connect()).await? });
///     advance(REQUEST).await;
///     assert_eq!(request.await.unwrap().unwrap_err().limit(), Some(CONNECT));
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    limit: Option<Duration>,
    deadline: Instant,
}

impl Elapsed {
    /// What [`timeout`] was given; `None` from [`timeout_at`].
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// When it was over: what [`timeout_at`] was given, or the limit after the call of [`timeout`].
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "the limit of {limit:?} passed"),
            None => f.write_str("the deadline passed"),
        }
    }
}

impl Error for Elapsed {}

/// Of the kind [`TimedOut`](io::ErrorKind::TimedOut), with the `Elapsed` inside.
impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
