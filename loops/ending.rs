//! [`Ending`]: what a loop's thread ended with, on its way to the thread that waits for it.
//!
//! std's `JoinHandle` would do, but it can't stop waiting: a thread that is stuck would keep the program from its end. So the
//! outcome goes through a slot of its own, where a wait has a limit. When the limit has passed, the waiting thread leaves, in
//! the same step in which it saw that there is no outcome. So exactly one of the two threads has the outcome, and a panic in it
//! is reported once: by the thread that waits, or by the loop's own thread.

#![forbid(unsafe_code)]

use std::mem;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::executor::primitives::{Condvar, Mutex, MutexGuard};

type Locked<'a, T> = MutexGuard<'a, State<T>>;

/// One outcome, from one thread to one other.
pub(crate) struct Ending<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

enum State<T> {
    Running,
    Ended(T),
    /// The other thread has taken the outcome, or no longer waits for it.
    Left,
}

impl<T> Ending<T> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::Running), filled: Condvar::new() }
    }

    /// Puts the outcome in. Gives it back if no thread will take it.
    pub(crate) fn fill(&self, outcome: T) -> Option<T> {
        let mut state = self.lock();
        if let State::Left = *state {
            return Some(outcome);
        }
        *state = State::Ended(outcome);
        drop(state);
        self.filled.notify_all();
        None
    }

    /// Whether the outcome has been put in.
    pub(crate) fn is_filled(&self) -> bool {
        matches!(*self.lock(), State::Ended(_))
    }

    /// Waits for the outcome without limit, and takes it.
    pub(crate) fn take(&self) -> T {
        match self.wait(None) {
            Ok(mut state) => take(&mut state),
            Err(_) => unreachable!("a wait without limit ends with the outcome"),
        }
    }

    /// Waits for the outcome, at most for `limit`, and takes it. `None`: the limit has passed, and [`fill`](Self::fill) will
    /// give the outcome back to its caller.
    pub(crate) fn take_or_leave(&self, limit: Duration) -> Option<T> {
        match self.wait(Some(limit)) {
            Ok(mut state) => Some(take(&mut state)),
            Err(mut state) => {
                *state = State::Left;
                None
            }
        }
    }

    /// Waits for the outcome, at most for `limit`. Whether it is there.
    pub(crate) fn is_filled_within(&self, limit: Duration) -> bool {
        self.wait(Some(limit)).is_ok()
    }

    /// Waits until the outcome is there. `Err`: the limit has passed. Both give the lock under which that was seen.
    fn wait(&self, limit: Option<Duration>) -> Result<Locked<'_, T>, Locked<'_, T>> {
        // A limit beyond what the clock can express is none.
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.lock();
        while !matches!(*state, State::Ended(_)) {
            state = match until {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(state);
                    }
                    let waited = self.filled.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Ok(state)
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> Locked<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the outcome out, which is there.
fn take<T>(state: &mut State<T>) -> T {
    match mem::replace(state, State::Left) {
        State::Ended(outcome) => outcome,
        State::Running | State::Left => unreachable!("`wait` has seen the outcome"),
    }
}
