//! Virtual time: [`pause`], [`advance`], [`resume`], [`hold`].
//!
//! A test of timeouts could sleep for real, but it would be slow, and its order of events would depend on how busy the
//! machine is. So a test runs under a virtual clock. That moves only when no task is ready, and then exactly to the next
//! deadline, so the tasks run in the same order every time. (tokio's `test-util` and trio's autojump clock are the models.)

#![forbid(unsafe_code)]

use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::clock;
#[cfg(doc)]
use super::clock::Clock;
use super::timers::Timers;
use super::wheel::NEVER;
use crate::common::tokens::Token;

/// Stops the clock of this runtime: from now on it is [manual](Clock::Manual), and only [`advance`] moves it. (After tokio's
/// `pause` the clock advances by itself. Here [`Clock::AutoAdvance`] does that, and `pause` stops it too.)
///
/// Sleeping tasks keep the time that was left to them.
///
/// From now on a run that can never end panics ([`Builder::deadlock_grace`](crate::Builder::deadlock_grace)). If a task
/// waits for a thread of your own, use a [`hold`].
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
    timers.fit_wheel_to_clock();
}

/// Makes the clock of this runtime real, or [scaled](Clock::Scaled) if it was built so: it runs on from where it stands.
///
/// Sleeping tasks wait in real time for what is left of their virtual time. On a clock that runs this does nothing.
///
/// # Panics
///
/// Outside of a runtime, and while an [`advance`] is in progress.
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
        !timers.advance.exists(),
        "`resume` while an `advance` is in progress: await that first"
    );
    if timers.is_virtual() {
        timers.timeline.resume();
        timers.fit_wheel_to_clock();
    }
}

/// Moves the virtual clock of this runtime by `span`, deadline by deadline.
///
/// Whenever no task is ready, the clock moves to the next deadline within the span. The tasks that wait for this deadline
/// run, and read exactly that time. If they arm a timer within the span, it fires too. When no deadline is left within the
/// span, the clock moves to its end, and this returns. The span counts from the first poll.
///
/// The clock waits for tasks that are ready, so a task that is always ready keeps it still. It also stands still while
/// blocking jobs run or a [`hold`] exists.
///
/// # Cancellation
///
/// When the future is dropped, the clock stays where it is.
///
/// # Panics
///
/// Outside of a runtime, on a real clock ([`pause`] it first), and while another `advance` is in progress in this runtime.
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

/// Keeps the virtual clock of this runtime still until the guard is dropped, on this thread or another.
///
/// Use it while a task waits for something that takes real time and that the runtime does not know of: a thread of your
/// own, a socket, a child process. Otherwise the clock would jump ahead and every timeout would pass at once. While the
/// guard exists, neither [`advance`] nor auto-advance moves the clock, and no run is taken for a deadlock. Blocking jobs
/// keep the clock still without a guard. A real clock is not affected.
///
/// Drop the guard after the wake. If several threads wake the same task, each needs a guard: the second of two wakes does
/// nothing and relies on the first.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// use std::time::Duration;
/// use futures::channel::oneshot;
/// use taketurns::time::{Clock, hold, timeout};
///
/// let runtime = taketurns::Builder::new().clock(Clock::AutoAdvance).build()?;
/// runtime.block_on(async {
///     let (sender, receiver) = oneshot::channel();
///     let hold = hold(); // without it the clock would be at the limit before the thread begins
///     std::thread::spawn(move || {
///         sender.send("in time").unwrap();
///         drop(hold); // after the wake
///     });
///     assert_eq!(timeout(Duration::from_secs(1), receiver).await.unwrap().unwrap(), "in time");
/// });
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn hold() -> Hold {
    Hold(Timers::with_needed_by("hold", |timers| timers.holds.take()))
}

/// The guard that [`hold`] returns: the clock stands still until it is dropped.
#[must_use = "the clock stands still only until this is dropped"]
pub struct Hold(#[expect(dead_code, reason = "only its drop does something")] Token);

// Only its drop does something, and that cannot be half done.
impl UnwindSafe for Hold {}
impl RefUnwindSafe for Hold {}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

/// Ends the `advance` in progress when it is dropped.
struct Advancing {
    timers: Rc<Timers>,
}

impl Advancing {
    fn begin(timers: Rc<Timers>, span: Duration) -> Self {
        assert!(
            timers.is_virtual(),
            "`advance` needs a virtual clock: call `taketurns::time::pause()` first, \
             or build the runtime with `Clock::Manual`"
        );
        let target = timers.now().saturating_add(clock::nanos(span)).min(NEVER - 1);
        let another = timers.advance.exists();
        assert!(!another, "`advance` while another one is in progress: await that first");
        timers.advance.begin(target);
        Advancing { timers }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.timers.advance.target().is_none() {
            return Poll::Ready(());
        }
        let is_entered = Timers::with_current(Timers::id) == Some(self.timers.id());
        assert!(
            is_entered,
            "`advance` is awaited outside of the runtime whose clock it moves: await it in a task there"
        );
        self.timers.advance.poll(cx)
    }
}

impl Drop for Advancing {
    fn drop(&mut self) {
        self.timers.advance.end();
    }
}
