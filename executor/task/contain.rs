//! Where panics of user code end that runs for one task: a destructor, a waker or a callback.
//!
//! As [`executor::contain`](fn@crate::executor::contain), but in the name of a task that need not have its turn.

use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::header::TaskRef;
use crate::executor::{Info, JoinError, Subject};

/// Runs user code. A panic ends here, and is reported in the name of `task`.
///
/// # Safety
///
/// (ALIVE), at home.
pub(super) unsafe fn contain_for(task: TaskRef, user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        // SAFETY: (ALIVE), at home, as the caller promised.
        unsafe { report_for(task, JoinError::panicked(Subject::Beside(describe(task)), payload)) };
    }
}

/// Reports a panic of `task`, or beside it.
///
/// # Safety
///
/// (ALIVE), at home.
#[cold]
unsafe fn report_for(task: TaskRef, panic: JoinError) {
    // The error remembers the task's name, which the table may have forgotten by now.
    let info = panic.task().cloned();
    // SAFETY: (ALIVE), at home, as the caller promised; (HUB) the task holds a reference on its hub.
    unsafe { task.fixed().hub.at_home() }.report(info, panic.into());
}

/// # Safety
///
/// (ALIVE), at home.
#[cold]
#[inline(never)]
pub(super) unsafe fn describe(task: TaskRef) -> Info {
    // SAFETY: (ALIVE), at home, as the caller promised; (HUB) the task holds a reference on its hub.
    unsafe { task.fixed().hub.at_home().describe(task) }
}

/// Drops a result that no handle takes. Its panic, if it has one that no callback saw, or makes one, is reported.
///
/// # Safety
///
/// (ALIVE), at home.
pub(super) unsafe fn discard<T>(task: TaskRef, result: Result<T, JoinError>) {
    // SAFETY: (ALIVE), at home, as the caller promised.
    unsafe {
        match result {
            Ok(_) if !needs_drop::<T>() => {}
            Err(error) if error.is_panic() && !error.inner.seen => report_for(task, error),
            other => contain_for(task, || drop(other)),
        }
    }
}
