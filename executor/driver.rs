//! [`Driver`]: how the executor looks outside, and waits there.
//!
//! The executor knows no clock and no file descriptor. What does know them stands behind this trait: the
//! runtime's timers over its reactor, a plain [`ParkThread`], or a fake one in a test.

#![forbid(unsafe_code)]

use std::thread::{self, Thread};
use std::time::Duration;

/// The limit of a [`Driver::wait`] that only looks.
pub(crate) const NO_WAIT: Option<Duration> = Some(Duration::ZERO);

/// What an executor looks at between turns, and where it waits when no task is ready.
///
/// One call that waits and then wakes would be simpler. But threads wake tasks too, by the executor's inbox, and what
/// they pushed during the wait has to come first: so that the order of a look is always the same (inbox, timers,
/// descriptors), and so that a virtual clock does not jump over a wake that is there already. So a look is two calls:
/// [`wait`](Self::wait); then the executor takes its inbox in; then [`wake`](Self::wake). (And one before them, for a driver that has
/// something to do first: [`before_wait`](Self::before_wait).)
pub trait Driver {
    /// Called before each [`wait`](Self::wait), with its limit. Gives the limit that the wait gets: that or a shorter one. What this
    /// takes does not count as waiting, so a driver may call the program's code here.
    fn before_wait(&mut self, limit: Option<Duration>) -> Option<Duration> {
        limit
    }

    /// Waits until something happens outside, the [`Unpark`] is used or `limit` has passed. `None` is no limit, and
    /// `Some(Duration::ZERO)` no wait. Wakes no task.
    ///
    /// May return early without a reason.
    fn wait(&mut self, limit: Option<Duration>);

    /// Wakes the tasks for which something has happened outside. Called once after each [`wait`](Self::wait).
    ///
    /// `any_ready`: whether a task is ready already. If none is, a virtual clock may move.
    fn wake(&mut self, any_ready: bool);

    /// Called in a run when no task is ready, before a look that could sleep. A driver may look out for a while here, since a
    /// thread that does not sleep need not be woken. `called`: whether another thread has woken or sent a task, or called
    /// [`Handle::stop`](crate::Handle::stop).
    ///
    /// `true`: something is there, so the next [`wait`](Self::wait) is one without waiting. `false`, as by default: the executor
    /// sleeps.
    fn linger(&mut self, called: &dyn Fn() -> bool) -> bool {
        let _ = called;
        false
    }

    /// What a wait would wait for on behalf of tasks.
    fn pending(&self) -> Pending;

    /// What ends a [`wait`](Self::wait) from any thread. If there is none now, it keeps the next one from waiting.
    fn unparker(&self) -> Box<dyn Unpark>;
}

/// Ends the wait of a [`Driver`], from any thread.
pub trait Unpark: Send + Sync {
    /// Ends the wait now, or keeps the next one from waiting.
    fn unpark(&self);
}

/// What a [`Driver`] waits for on behalf of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Armed timers.
    pub timers: usize,
    /// Descriptors that a task waits for.
    pub sources: usize,
    /// How long until the next timer is due; `None` without one, and while a manual clock stands.
    pub next_deadline: Option<Duration>,
}

/// The plainest [`Driver`]: it parks the thread. Only a waker ends its wait.
#[derive(Debug, Default)]
pub struct ParkThread(());

impl ParkThread {
    /// A driver for the thread that makes it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// By `&self`, as a runtime without the feature `net` waits by this too.
    pub(crate) fn park(&self, limit: Option<Duration>) {
        match limit {
            Some(Duration::ZERO) => {}
            Some(limit) => thread::park_timeout(limit),
            None => thread::park(),
        }
    }
}

impl Driver for ParkThread {
    fn wait(&mut self, limit: Option<Duration>) {
        self.park(limit);
    }

    fn wake(&mut self, _: bool) {}

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(UnparkThread(thread::current()))
    }
}

struct UnparkThread(Thread);

impl Unpark for UnparkThread {
    fn unpark(&self) {
        self.0.unpark();
    }
}
