//! [`drop_in_order`]: dropping several futures, of which each may panic.
//!
//! A `Vec` that is dropped while one of its futures panics drops the others too; but a second panic ends the process. Here
//! the first panic is kept for the caller, and each later one is reported.

#![forbid(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crate::executor::contain;

/// The payload of the first panic, if there was one.
#[derive(Default)]
#[must_use = "the panic must go on"]
pub(super) struct FirstPanic(Option<Box<dyn Any + Send>>);

/// Drops all that `futures` gives, in its order.
pub(super) fn drop_in_order<F>(futures: impl IntoIterator<Item = F>) -> FirstPanic {
    let mut first = FirstPanic::default();
    for future in futures {
        first.catch(|| drop(future));
    }
    first
}

impl FirstPanic {
    /// Drops one more, by `drop`.
    pub(super) fn catch(&mut self, drop: impl FnOnce()) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(drop)) else { return };
        match self.0 {
            None => self.0 = Some(panic),
            Some(_) => contain(|| resume_unwind(panic)),
        }
    }

    /// Returns `value`; or drops it, and lets the panic go on.
    pub(super) fn or<T>(self, value: T) -> T {
        match self.0 {
            None => value,
            Some(panic) => {
                contain(|| drop(value));
                resume_unwind(panic)
            }
        }
    }

    /// For a destructor: lets the panic go on, unless the thread unwinds already. Then it is reported.
    pub(super) fn go_on(self) {
        match self.0 {
            Some(panic) if thread::panicking() => contain(|| resume_unwind(panic)),
            Some(panic) => resume_unwind(panic),
            None => {}
        }
    }

    /// A panic of a poll goes on. Those of the drops, which came after it, are reported.
    pub(super) fn after(self, poll: Box<dyn Any + Send>) -> ! {
        if let Some(panic) = self.0 {
            contain(|| resume_unwind(panic));
        }
        resume_unwind(poll)
    }
}
