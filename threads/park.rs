//! [`Parker`]: how a thread sleeps until an output is there.
//!
//! `std::thread::park` would do, if the thread's wakes were all for this wait. But other code on the same thread may use it
//! too: a waker's clone, a destructor, a library between two waits. Such code takes the wake that was meant for the wait,
//! or leaves one behind. So each wait has a parker of its own.

#![forbid(unsafe_code)]

use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};
use std::time::Instant;

use crate::executor::primitives::{Condvar, Mutex};

/// Where one thread sleeps for one wait. Its waker ends the sleep.
#[derive(Clone)]
pub(super) struct Parker(Arc<Inner>);

struct Inner {
    /// Whether a wake came since the last sleep.
    is_woken: Mutex<bool>,
    wakes: Condvar,
}

impl Parker {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { is_woken: Mutex::new(false), wakes: Condvar::new() }))
    }

    pub(super) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    pub(super) fn wake(&self) {
        self.0.wake_by_ref();
    }

    /// Sleeps until a wake, also one that came since the last sleep. `false`: `until` came first (`None`: never does).
    #[must_use]
    pub(super) fn sleep(&self, until: Option<Instant>) -> bool {
        let mut is_woken = self.0.is_woken.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_woken {
            let Some(until) = until else {
                is_woken = self.0.wakes.wait(is_woken).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let slept = self.0.wakes.wait_timeout(is_woken, left);
            is_woken = slept.unwrap_or_else(PoisonError::into_inner).0;
        }
        *is_woken = false;
        true
    }
}

/// Whether they are of one wait.
impl PartialEq for Parker {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.is_woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wakes.notify_one();
    }
}
