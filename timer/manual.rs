//! The clock by hand: [`pause`], [`advance`], [`resume`].
//!
//! For tests. While [`advance`] moves it, what waits for timers runs through at once, and always in the
//! same order: the clock moves only when no task is ready, and then to the next deadline exactly.
//! (tokio's `test-util` and trio's autojump clock are the models.)

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::clock::{self, Clock};
use super::timers::Timers;
use super::wheel::NEVER;

/// Stops the clock of this runtime: it is [manual](Clock::Manual) from here on.
///
/// Sleeping tasks keep the time that was left to them. On a manual clock it does nothing.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, advance, pause};
///
/// taketurns::block_on(async {
///     pause();
///     let start = Instant::now();
///     advance(Duration::from_secs(3600)).await;
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// ```
#[track_caller]
pub fn pause() {
    let timers = Timers::needed_by("pause");
    timers.timeline.pause();
    timers.change_tick();
}

/// Lets the clock of this runtime run again, with the system's, from where it stands.
///
/// Sleeping tasks wait for what is left of their time by the manual clock, now in real time. On a
/// real clock it does nothing.
///
/// # Panics
///
/// Outside of a runtime; and while an [`advance`] is in progress.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, pause, resume, sleep};
///
/// taketurns::block_on(async {
///     pause();
///     let start = Instant::now();
///     resume();
///     sleep(Duration::from_millis(1)).await;
///     assert!(start.elapsed() >= Duration::from_millis(1));
/// });
/// ```
#[track_caller]
pub fn resume() {
    let timers = Timers::needed_by("resume");
    assert!(
        timers.advance.borrow().is_none(),
        "`resume` while an `advance` is in progress: await that first"
    );
    if timers.timeline.kind() == Clock::Manual {
        timers.timeline.resume();
        timers.change_tick();
    }
}

/// Moves the manual clock of this runtime by `span`, deadline by deadline.
///
/// Whenever no task is ready, the clock goes on to the next deadline within the span, and the tasks
/// that wait for it run and see exactly that time; a timer they arm fires in its turn if it is
/// within the span too. When none is left the clock shows `span` later than at the first poll, and
/// this returns. A task that is always ready therefore holds the clock still.
///
/// # Cancellation
///
/// When the future is dropped the clock stays where it has come to.
///
/// # Panics
///
/// Outside of a runtime; on a real clock ([`pause`] it first); and while another `advance` is in
/// progress in this runtime.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, advance, pause, sleep};
///
/// taketurns::block_on(async {
///     pause();
///     let start = Instant::now();
///     let task = taketurns::spawn(async move {
///         sleep(Duration::from_secs(1)).await;
///         sleep(Duration::from_secs(2)).await;
///         start.elapsed()
///     });
///     advance(Duration::from_secs(10)).await;
///     assert_eq!(task.await.unwrap(), Duration::from_secs(3));
///     assert_eq!(start.elapsed(), Duration::from_secs(10));
/// });
/// ```
pub async fn advance(span: Duration) {
    let advancing = Advancing::begin(Timers::needed_by("advance"), span);
    poll_fn(|cx| advancing.poll(cx)).await;
}

/// How far the `advance` in progress goes.
pub(super) struct Advance {
    end: u64,
    arrived: bool,
    waker: Option<Waker>,
}

/// Keeps an [`Advance`] in its timers.
struct Advancing {
    timers: Rc<Timers>,
}

impl Advancing {
    fn begin(timers: Rc<Timers>, span: Duration) -> Self {
        assert!(
            timers.timeline.kind() == Clock::Manual,
            "`advance` needs the manual clock: call `taketurns::time::pause()` first, \
             or build the runtime with `Clock::Manual`"
        );
        let end = timers.now().saturating_add(clock::nanos(span)).min(NEVER - 1);
        let another = timers.advance.borrow().is_some();
        assert!(!another, "`advance` while another one is in progress: await that first");
        timers.advance.replace(Some(Advance { end, arrived: false, waker: None }));
        Advancing { timers }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waker = Some(cx.waker().clone());
        match self.timers.advance.borrow_mut().as_mut() {
            Some(advance) if !advance.arrived => std::mem::swap(&mut advance.waker, &mut waker),
            _ => return Poll::Ready(()),
        }
        Poll::Pending
    }
}

impl Drop for Advancing {
    fn drop(&mut self) {
        drop(self.timers.advance.take());
    }
}

impl Timers {
    /// Where the `advance` in progress goes, until it arrived there.
    pub(super) fn advance_end(&self) -> Option<u64> {
        let advance = self.advance.borrow();
        advance.as_ref().filter(|advance| !advance.arrived).map(|advance| advance.end)
    }

    /// The `advance` in progress is at its end.
    pub(super) fn arrive(&self) {
        let arrived = |advance: &mut Advance| {
            advance.arrived = true;
            advance.waker.take()
        };
        let waker = self.advance.borrow_mut().as_mut().and_then(arrived);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
