//! [`Stop`]: ends the waits for an executor that was stopped.
//!
//! A thread could wait for the output of its task alone. But once `run_forever` has ended, the output comes only if the
//! program runs the executor again, and most never do. So the threads that wait are listed. The end of `run_forever` wakes
//! them, and each of them looks here whether the executor is stopped.

#![forbid(unsafe_code)]

use std::sync::PoisonError;

use super::park::Parker;
use crate::executor::primitives::{Mutex, MutexGuard};

/// Whether an executor is stopped, and the threads that wait for it.
pub(super) struct Stop(Mutex<Inner>);

struct Inner {
    is_stopped: bool,
    waiting: Vec<Parker>,
}

impl Stop {
    /// Of an executor that was not run yet: that is not stopped.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner { is_stopped: false, waiting: Vec::new() }))
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }

    /// `run_forever` has ended.
    pub(super) fn stop(&self) {
        let mut inner = self.lock();
        inner.is_stopped = true;
        inner.waiting.iter().for_each(Parker::wake);
    }

    /// The executor is run again.
    pub(super) fn resume(&self) {
        self.lock().is_stopped = false;
    }

    /// Until the guard is dropped, a stop wakes `parker`. It may have come before: ask then.
    pub(super) fn wakes<'a>(&'a self, parker: &'a Parker) -> Listed<'a> {
        self.lock().waiting.push(parker.clone());
        Listed { stop: self, parker }
    }
}

/// See [`Stop::wakes`].
pub(super) struct Listed<'a> {
    stop: &'a Stop,
    parker: &'a Parker,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.stop.lock().waiting.retain(|parker| parker != self.parker);
    }
}
