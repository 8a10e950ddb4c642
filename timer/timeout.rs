//! [`timeout`]: drops a future that takes too long.

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
/// Each poll first polls `future`, then reads the clock. So an output that is there by the time of a late poll is not
/// lost, and with a `limit` of zero `future` is polled once. At the limit, `future` is dropped before the error is returned.
/// A deadline past the last [`Instant`], as with [`Duration::MAX`], is no limit.
///
/// A future that does not suspend cannot be interrupted. One that is to clean up with awaits of its own at the limit belongs in a
/// [`Scope::with_timeout`](crate::cancel::Scope::with_timeout), which tells what listens before it drops anything.
///
/// In `timeout(limit, &mut handle)`, dropping the reference at the limit does nothing to the handle, and it would keep the
/// waker of this task. So at the limit a reference (like any `future` without a destructor) is polled once more, with a waker
/// that does nothing: the futures of this crate then drop the waker they have. If that poll is ready, its output is returned
/// and not the error.
///
/// # Cancellation
///
/// Dropping the returned future drops `future`. If that is a reference, the future behind it keeps the waker of this task
/// until it is polled again, woken or dropped. At worst that wakes the task once for nothing. docs/cancellation.md says
/// for each kind of `future` what is lost when it is dropped at the limit.
///
/// # Errors
///
/// [`Elapsed`] at the limit.
///
/// # Panics
///
/// When called outside of a runtime, when polled outside of the runtime it was made in, and when polled after it was ready.
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
    let sleep = Timers::with_needed_by("timeout", |timers| {
        Sleep::new(timers, Instant(timers.now()) + limit, site)
    });
    Timeout { sleep, limit: Some(limit), future: Some(future.into_future()) }
}

/// Runs `future` until `deadline` at most, by the clock of the runtime. Otherwise like [`timeout`].
///
/// The first poll polls `future` and then reads the clock. So if `deadline` has passed, `future` is polled once.
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
///     assert_eq!(steps.await.unwrap(), 1); // one deadline for all steps
/// });
/// ```
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    let site = Location::caller();
    let sleep = Timers::with_needed_by("timeout_at", |timers| Sleep::until(timers, deadline, site));
    Timeout { sleep, limit: None, future: Some(future.into_future()) }
}

pin_project_lite::pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        sleep: Sleep,
        limit: Option<Duration>,
        // `None` once the timeout was ready.
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
        // The future may have spent the budget just now. That must not postpone its limit.
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

/// Terminated once it was ready.
impl<F: Future> FusedFuture for Timeout<F> {
    fn is_terminated(&self) -> bool {
        self.future.is_none()
    }
}

/// Makes the future behind a reference drop the waker that it was polled with. A future with a destructor is left alone,
/// as it is dropped next and drops its waker then.
fn drop_waker_of<F: Future>(future: Option<Pin<&mut F>>) -> Poll<F::Output> {
    match future {
        // With a budget of its own. If the budget of the turn is spent, the future would only yield. Without a budget, a
        // future that suspends only when its budget is spent would never return.
        Some(future) if !std::mem::needs_drop::<F>() => {
            budget::within(budget::BUDGET, || future.poll(&mut Context::from_waker(&noop())))
        }
        _ => Poll::Pending,
    }
}

/// The error of a [`timeout`] that reached its limit.
///
/// If one timeout is inside another, the types tell whose error it is: `Ok(Err(elapsed))` comes from the inner one. If `?` has
/// merged both into one error, [`limit`](Self::limit) and [`deadline`](Self::deadline) tell them apart, also inside of an
/// [`io::Error`], into which `Elapsed` converts.
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
    /// The limit given to [`timeout`]. `None`: the error is from [`timeout_at`].
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// The deadline given to [`timeout_at`], or the limit counted from the call of [`timeout`].
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

/// An error of kind [`TimedOut`](io::ErrorKind::TimedOut) that contains the `Elapsed`.
impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
