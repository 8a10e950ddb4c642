//! [`Room`]: how much memory the answers may take.
//!
//! Each connection could make its answer at once, and keep it until the client has read it. But a list of 200,000 tasks is
//! made in some 200 MB: sixteen clients that ask for it, and do not read, would take gigabytes of the very program that they look at.
//!
//! So the answers that may be long share a room of [`MOST`] bytes. An answer is begun while less than that is taken, so no more
//! is taken than that and one answer. While it is made, it takes what making it is thought to take, and then what its text has, until
//! the client has read it or its time is over. Other clients wait in line, for a limited time and in a limited number.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::executor::primitives::{Condvar, Mutex, MutexGuard, wait_timeout};

/// From when on no other answer is begun. Those of a program with some thousand tasks are made at the same time, then.
pub(super) const MOST: usize = 64 << 20;

/// How many clients wait in line: half of the connections at most, so that those which ask for little have a place.
pub(super) const LINE: usize = super::crowd::MOST / 2;

/// How often one that waits in line looks whether its client is still there. A place in the line is no use to one that has left.
const LOOK: Duration = Duration::from_millis(100);

/// How much there is left, and which clients wait for it.
#[derive(Default)]
pub(super) struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: usize,
    last: u64,
    /// The numbers of those that wait, in the order in which they came.
    line: VecDeque<u64>,
}

/// How a client waits in line.
pub(super) struct Patience<'a> {
    pub(super) limit: Duration,
    /// The client has closed the connection: nothing is to be made for it. It is asked under the lock, again and again.
    pub(super) is_gone: &'a dyn Fn() -> bool,
}

/// It would have to wait longer, or behind too many; or it has left.
#[derive(Debug)]
pub(super) struct Busy;

/// A part of the room. It is given back when this is dropped.
pub(super) struct Taken<'a> {
    room: &'a Room,
    bytes: usize,
}

impl Room {
    /// Waits until an answer that takes so much can be begun.
    pub(super) fn take(&self, bytes: usize, patience: &Patience<'_>) -> Result<Taken<'_>, Busy> {
        let until = Instant::now() + patience.limit;
        let mut state = self.lock();
        if state.line.len() >= LINE {
            return Err(Busy);
        }
        state.last += 1;
        let number = state.last;
        state.line.push_back(number);
        let is_next = |state: &State| state.line.front() == Some(&number) && state.taken < MOST;
        while !is_next(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || (patience.is_gone)() {
                state.line.retain(|other| *other != number);
                drop(state);
                self.changed.notify_all(); // another may be the first now
                return Err(Busy);
            }
            state = wait_timeout(&self.changed, &self.state, state, Some(left.min(LOOK))).0;
        }
        state.line.pop_front();
        state.taken += bytes;
        drop(state);
        self.changed.notify_all(); // there may be room for the next, too
        let taken = Taken { room: self, bytes };
        if (patience.is_gone)() { Err(Busy) } else { Ok(taken) }
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// Nothing panics under the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken<'_> {
    /// The answer is made: from now on it takes so much.
    pub(super) fn set(&mut self, bytes: usize) {
        let mut state = self.room.lock();
        state.taken = state.taken - self.bytes + bytes;
        self.bytes = bytes;
        drop(state);
        self.room.changed.notify_all();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}
