//! [`Driver`]: how the executor looks outside and waits.
//!
//! The executor knows no clock and no file descriptor. Whatever does stands behind this trait: the
//! runtime's timers over its reactor, a plain [`ParkThread`], or a fake one in a test.

#![forbid(unsafe_code)]

use std::thread::{self, Thread};
use std::time::Duration;

/// What an executor turns to between turns.
pub trait Driver {
    /// Looks outside and wakes what became ready; when nothing is, waits at most `limit` first
    /// (`None`: until something happens or the [`Unpark`] is used). `Some(Duration::ZERO)` never
    /// waits.
    ///
    /// `inbox` takes what other threads pushed, and says whether any task is ready now. Call it once,
    /// after the wait and before waking anybody, so that the order of a look is always the same:
    /// inbox, timers, descriptors.
    ///
    /// May return early without a reason.
    fn look(&mut self, limit: Option<Duration>, inbox: &mut dyn FnMut() -> bool);

    /// What it is waiting for on behalf of tasks.
    fn pending(&self) -> Pending;

    /// What ends a wait of [`look`](Self::look) from any thread, and makes the next one not wait
    /// if there is none now.
    fn unparker(&self) -> Box<dyn Unpark>;
}

/// Ends the wait of a [`Driver`], from any thread.
pub trait Unpark: Send + Sync {
    /// Ends the wait now, or keeps the next one from waiting.
    fn unpark(&self);
}

/// What a [`Driver`] waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Armed timers.
    pub timers: usize,
    /// Descriptors that some task waits for.
    pub sources: usize,
    /// How long until the next timer is due; `None` without one, and while a manual clock stands.
    pub next_deadline: Option<Duration>,
}

/// The plainest [`Driver`]: parks the thread. Nothing but a waker can end its wait.
#[derive(Debug, Default)]
pub struct ParkThread(());

impl ParkThread {
    /// A driver for the thread that makes it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait(&self, limit: Option<Duration>) {
        match limit {
            Some(Duration::ZERO) => {}
            Some(limit) => thread::park_timeout(limit),
            None => thread::park(),
        }
    }
}

impl Driver for ParkThread {
    fn look(&mut self, limit: Option<Duration>, inbox: &mut dyn FnMut() -> bool) {
        self.wait(limit);
        inbox();
    }

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
