//! [`Stop`]: ends the waits for an executor that was stopped.
//!
//! A thread could wait for the output of its task alone. But once `run_forever` has ended, the output comes only if the
//! program runs the executor again, and most never do. So the threads that wait are listed. The end of `run_forever` wakes
//! them, and each of them looks here whether the executor was stopped.

#![forbid(unsafe_code)]

use std::sync::PoisonError;

use super::park::Parker;
use crate::executor::primitives::{Mutex, MutexGuard};

/// Whether an executor is stopped, and the threads that wait for it.
pub(super) struct Stop(Mutex<Inner>);

struct Inner {
    is_stopped: bool,
    /// How often it was stopped: the next run may begin before a thread that was woken has looked.
    stops: u64,
    waiting: Vec<Parker>,
}

impl Stop {
    /// Of an executor that was not run yet: that is not stopped.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner { is_stopped: false, stops: 0, waiting: Vec::new() }))
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `run_forever` has ended.
    pub(super) fn stop(&self) {
        let mut inner = self.lock();
        inner.is_stopped = true;
        inner.stops += 1;
        let waiting = inner.waiting.clone();
        drop(inner); // each thread that wakes takes it
        waiting.iter().for_each(Parker::wake);
    }

    /// The executor is run again.
    pub(super) fn resume(&self) {
        self.lock().is_stopped = false;
    }

    /// Until the guard is dropped, a stop wakes `parker`. It may have come before: ask the guard then.
    pub(super) fn wakes<'a>(&'a self, parker: &'a Parker) -> Listed<'a> {
        let mut inner = self.lock();
        inner.waiting.push(parker.clone());
        Listed { stop: self, parker, stops_before: inner.stops }
    }
}

/// See [`Stop::wakes`].
pub(super) struct Listed<'a> {
    stop: &'a Stop,
    parker: &'a Parker,
    stops_before: u64,
}

impl Listed<'_> {
    /// Whether the executor is stopped, or was since this is listed.
    pub(super) fn is_over(&self) -> bool {
        let inner = self.stop.lock();
        inner.is_stopped || inner.stops != self.stops_before
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.stop.lock().waiting.retain(|parker| parker != self.parker);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_wait_that_ends_leaves_the_list_and_no_other_does() {
        let (stop, first, second) = (Stop::new(), Parker::new(), Parker::new());
        let listed = stop.wakes(&first);
        drop(stop.wakes(&second));
        assert_eq!(stop.lock().waiting.len(), 1);
        stop.stop();
        assert!(first.sleep(Some(Instant::now())), "it is woken");
        drop(listed);
        assert!(stop.lock().waiting.is_empty());
    }

    /// `run_forever` ends, and a `block_on` that cleans up follows at once.
    #[test]
    fn a_wait_that_has_begun_sees_a_stop_although_the_next_run_has_begun() {
        let (stop, parker) = (Stop::new(), Parker::new());
        let listed = stop.wakes(&parker);
        stop.stop();
        stop.resume();
        assert!(parker.sleep(None), "it is woken");
        assert!(listed.is_over());
        drop(listed);
        assert!(!stop.wakes(&parker).is_over(), "one that begins now waits for that run");
    }
}
