//! [`call_later`]: calls a function at a deadline.
//!
//! A task that sleeps and then calls the function does the same. This adds a handle that takes the call back and says
//! whether it came in time to do so.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::instant::Instant;
use super::sleep::Sleep;
use super::timers::Timers;
use crate::executor::{AbortHandle, spawn};

/// Calls `f` once, when `delay` has passed by the clock of the runtime.
///
/// This spawns a task, which calls `f` in one of its turns: never inside of `call_later`, and not before the tasks that are
/// ready now had their turns. At the same deadline, calls and sleeps come in the order in which their tasks first took a turn.
/// A panic of `f` is reported like that of any detached task. If the runtime ends first, `f` is dropped, and the report names
/// the task.
///
/// Dropping the handle changes nothing, as with asyncio's `call_later`. [`cancel`](CallHandle::cancel) takes the call back.
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
/// use taketurns::time::{advance, call_later, pause};
///
/// taketurns::block_on(async {
///     pause();
///     let calls = Rc::new(Cell::new(0));
///     let count = Rc::clone(&calls);
///     call_later(Duration::from_secs(1), move || count.set(count.get() + 1));
///     let never = call_later(Duration::from_secs(1), || unreachable!());
///     assert!(never.cancel());
///     advance(Duration::from_secs(2)).await;
///     assert_eq!(calls.get(), 1);
/// });
/// ```
#[track_caller]
pub fn call_later(delay: Duration, f: impl FnOnce() + 'static) -> CallHandle {
    let site = Location::caller();
    let sleep = |timers: &Timers| Sleep::new(timers, Instant(timers.now()) + delay, site);
    call_after(Timers::with_needed_by("call_later", sleep), f)
}

/// Calls `f` once, at `deadline` by the clock of the runtime. Otherwise like [`call_later`].
///
/// If `deadline` has passed when the task takes its first turn, `f` is called in that turn. So calls whose deadlines have
/// passed come in the order in which they were made, not by deadline. (In asyncio they come by deadline.)
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// use std::time::Duration;
/// use taketurns::time::{Instant, advance, call_at, pause};
///
/// taketurns::block_on(async {
///     pause();
///     let deadline = Instant::now() + Duration::from_secs(1);
///     call_at(deadline, move || assert_eq!(Instant::now(), deadline));
///     advance(Duration::from_secs(2)).await;
/// });
/// ```
#[track_caller]
pub fn call_at(deadline: Instant, f: impl FnOnce() + 'static) -> CallHandle {
    let site = Location::caller();
    call_after(Timers::with_needed_by("call_at", |timers| Sleep::until(timers, deadline, site)), f)
}

#[track_caller]
fn call_after(mut sleep: Sleep, f: impl FnOnce() + 'static) -> CallHandle {
    let deadline = sleep.deadline();
    let waits = Rc::new(());
    let outstanding = Cell::new(Rc::downgrade(&waits));
    let task = spawn(async move {
        poll_fn(|cx| sleep.poll_elapsed(cx)).await;
        drop(waits);
        f();
    });
    CallHandle { deadline, task: task.abort_handle(), outstanding }
}

/// Made by [`call_later`] and [`call_at`]. Dropping it changes nothing.
pub struct CallHandle {
    deadline: Instant,
    task: AbortHandle,
    /// Its `Rc` is dropped right before `f` is called, or together with `f`.
    outstanding: Cell<Weak<()>>,
}

// `cancel` takes the `Weak` in one step, so a panic leaves nothing half done.
impl UnwindSafe for CallHandle {}
impl RefUnwindSafe for CallHandle {}

impl CallHandle {
    /// Takes the call back. `true`: the function would have been called and now will not. It is dropped in the next turn
    /// of its task. `false`: the function has been called or is being called, the call was cancelled before, or the runtime
    /// has ended.
    pub fn cancel(&self) -> bool {
        let outstanding = self.outstanding.take().strong_count() > 0;
        if outstanding {
            self.task.abort();
        }
        outstanding
    }

    /// When the function is due.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallHandle").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
