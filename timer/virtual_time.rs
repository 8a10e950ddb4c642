//! Virtual time: [`pause`], [`advance`], [`resume`], [`hold`].
//!
//! For tests. While [`advance`] moves a clock, or it moves by itself, what waits for timers runs through at
//! once, and always in the same order: the clock moves only when no task is ready, and then to the next
//! deadline exactly. (tokio's `test-util` and trio's autojump clock are the models.)

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

/// Stops the clock of this runtime: it is [manual](Clock::Manual) from here on, and only [`advance`] moves
/// it. (tokio's advances by itself then, as [`Clock::AutoAdvance`] does here.)
///
/// Sleeping tasks keep the time that was left to them. On a clock that advances by itself it ends that. A run
/// that can never end panics from here on ([`Builder::deadlock_grace`](crate::Builder::deadlock_grace)): what
/// waits for a thread of your own wants a [`hold`].
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

/// Lets the clock of this runtime run again, with the system's, from where it stands.
///
/// Sleeping tasks wait for what is left of their time by the virtual clock, now in real time. On a
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
/// Whenever no task is ready, the clock goes on to the next deadline within the span, and the tasks
/// that wait for it run and see exactly that time; a timer they arm fires in its turn if it is
/// within the span too. When none is left the clock shows `span` later than at the first poll, and
/// this returns. A task that is always ready therefore holds the clock still, and so do blocking jobs in
/// flight and [`hold`].
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

/// Holds the virtual clock of this runtime until the guard is dropped, here or on another thread.
///
/// For what takes real time, of which the runtime does not know: a thread of one's own that will wake a task,
/// a socket, a child process. While it is out neither [`advance`] nor the clock itself goes on, and nothing
/// is taken for a deadlock. Blocking jobs hold the clock without being asked. A real clock is not held.
///
/// Drop it after the wake. Where several places wake one task, each has to hold: of two wakes at once the second
/// does nothing, and relies on the first.
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
///     let hold = hold(); // otherwise the clock would be at the limit before the thread begins
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
    Hold(Timers::needed("hold", |timers| timers.holds.take()))
}

/// See [`hold`].
#[must_use = "the clock is held until this is dropped"]
pub struct Hold(#[expect(dead_code, reason = "it is there to be dropped")] Token);

// There is nothing to it but its drop.
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
        let is_inside = Timers::with(Timers::id) == Some(self.timers.id());
        assert!(
            is_inside,
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
