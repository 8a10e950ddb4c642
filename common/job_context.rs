//! Which loop a thread of the pool works for: how a part finds, inside a blocking job, what it finds by its thread-local in a
//! task.
//!
//! The pool could keep a `Handle` and enter it around each job. But the pool knows no handles: those are of a part that may
//! use the pool. So it keeps what it is given, and the part that finds it there knows what it is.

#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::RefCell;
use std::sync::Arc;

/// What jobs find. Only the part that made it knows more.
pub(crate) type JobContext = Arc<dyn Any + Send + Sync>;

thread_local! {
    static CURRENT: RefCell<Option<JobContext>> = const { RefCell::new(None) };
}

/// Puts `context` in place on this thread until the guard is dropped.
pub(crate) fn enter(context: JobContext) -> Entered {
    CURRENT.set(Some(context));
    Entered(())
}

/// See [`enter`].
pub(crate) struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        drop(CURRENT.take());
    }
}

/// The context of this thread's jobs, if it is of this type. `None` on other threads.
pub(crate) fn current<T: Send + Sync + 'static>() -> Option<Arc<T>> {
    // `try_with`: the thread may be ending.
    let context = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()?;
    context.downcast().ok()
}
