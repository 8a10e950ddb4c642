//! [`Slot`]: where a task or job leaves its output for a handle on another thread.
//!
//! A `Mutex<Option<T>>` with a waker beside it would do, if no user code ran under the lock. But a waker's clone, wake and
//! drop may run anything, the executor and this very handle included, and so may an output's destructor. So the lock is
//! held for moves alone. What is taken out under it is returned to the caller, or used after the lock is released. And a
//! waker is cloned without the lock, so the slot is checked again after the clone.
//!
//! Until there is an output, the side that fills the slot keeps a note of its own in it (`N`), under the same lock.

#![forbid(unsafe_code)]

use std::mem;
use std::sync::PoisonError;
use std::task::{Poll, Waker};

use super::awaited::Awaited;
use super::waits::{self, Key};
use crate::executor::primitives::{Mutex, MutexGuard};
use crate::executor::{contain, is_noop};

/// One output, on its way from a task or job to the one handle that takes it.
pub(crate) struct Slot<T, N>(Mutex<Inner<T, N>>);

struct Inner<T, N> {
    state: State<T, N>,
    /// The waker of the last poll.
    awaiter: Option<Waker>,
    has_handle: bool,
}

enum State<T, N> {
    Waiting(N),
    Done(T),
    Taken,
}

/// What comes out of a slot when an output goes in. All of it is user code, for the caller to drop or wake.
#[must_use]
pub(crate) struct Filled<T> {
    pub(crate) awaiter: Option<Waker>,
    /// The output itself, if the handle has been dropped.
    pub(crate) unwanted: Option<T>,
}

impl<T, N> Slot<T, N> {
    pub(crate) fn new(note: N) -> Self {
        Self(Mutex::new(Inner { state: State::Waiting(note), awaiter: None, has_handle: true }))
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, Inner<T, N>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is an output, taken or not.
    pub(crate) fn is_done(&self) -> bool {
        !matches!(self.lock().state, State::Waiting(_))
    }

    /// Whether the handle has taken the output.
    #[cfg(feature = "time")]
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self.lock().state, State::Taken)
    }

    /// Reads or changes the note; `None` once there is an output. `f` runs under the lock: plain moves only.
    pub(crate) fn note<R>(&self, f: impl FnOnce(&mut N) -> R) -> Option<R> {
        match &mut self.lock().state {
            State::Waiting(note) => Some(f(note)),
            State::Done(_) | State::Taken => None,
        }
    }

    /// Puts the output in, unless there is one already.
    pub(crate) fn fill(&self, output: T) -> Option<Filled<T>> {
        let mut inner = self.lock();
        if !matches!(inner.state, State::Waiting(_)) {
            return None;
        }
        let (next, unwanted) = match inner.has_handle {
            true => (State::Done(output), None),
            false => (State::Taken, Some(output)),
        };
        let note = mem::replace(&mut inner.state, next);
        let awaiter = inner.awaiter.take();
        drop(inner);
        drop(note);
        Some(Filled { awaiter, unwanted })
    }

    /// Takes the output, or keeps `waker` until there is one. `None`: the output was taken before.
    ///
    /// A waker that does nothing is not kept: it makes the slot forget the waker of an earlier poll.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Option<T>> {
        let mut cloned = None;
        loop {
            let mut inner = self.lock();
            if !matches!(inner.state, State::Waiting(_)) {
                let state = mem::replace(&mut inner.state, State::Taken);
                drop(inner);
                contain(|| drop(cloned));
                return Poll::Ready(match state {
                    State::Done(output) => Some(output),
                    State::Waiting(_) | State::Taken => None,
                });
            }
            if cloned.is_some() || is_noop(waker) {
                let before = mem::replace(&mut inner.awaiter, cloned);
                drop(inner);
                contain(|| drop(before));
                return Poll::Pending;
            }
            if inner.awaiter.as_ref().is_some_and(|awaiter| awaiter.will_wake(waker)) {
                return Poll::Pending;
            }
            drop(inner);
            cloned = Some(waker.clone());
        }
    }

    /// Says what the task waits for whose waker was kept just now.
    #[inline]
    pub(crate) fn note_wait(&self, what: impl FnOnce() -> Awaited) {
        waits::note(Key::at(self), what);
    }

    /// That wait is over.
    #[inline]
    pub(crate) fn end_wait(&self) {
        waits::over(Key::at(self));
    }

    /// Takes the output if it is there, and leaves the waker of an earlier poll. `Some(None)`: the output was taken before.
    pub(crate) fn try_take(&self) -> Option<Option<T>> {
        let mut inner = self.lock();
        if matches!(inner.state, State::Waiting(_)) {
            return None;
        }
        match mem::replace(&mut inner.state, State::Taken) {
            State::Done(output) => Some(Some(output)),
            State::Waiting(_) | State::Taken => Some(None),
        }
    }

    /// The handle is dropped. Gives back its waker, and the output that it did not take.
    pub(crate) fn leave(&self) -> (Option<Waker>, Option<T>) {
        self.end_wait();
        let mut inner = self.lock();
        inner.has_handle = false;
        let awaiter = inner.awaiter.take();
        if !matches!(inner.state, State::Done(_)) {
            return (awaiter, None);
        }
        match mem::replace(&mut inner.state, State::Taken) {
            State::Done(output) => (awaiter, Some(output)),
            State::Waiting(_) | State::Taken => (awaiter, None),
        }
    }
}
