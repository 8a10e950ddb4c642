//! Running user code, whose panics end here.
//!
//! A waker, a destructor, a callback or a panic's payload may do anything when it is called, panic included. The loop
//! calls many of them one after the other, and one that panics must not keep it from the others. So each is called by one
//! of these functions, and the panic is reported.

#![forbid(unsafe_code)]

use std::any::Any;
use std::error::Error;
use std::fmt::Write;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::task::{Hub, with_current};
use super::{Info, JoinError, Subject};

/// Reports a failure that no awaiter sees: to the hook of the executor that this thread is inside of; outside of one it is
/// printed. `task` is the task that failed, or for which the code ran that failed, if there is one.
pub(crate) fn report(task: Option<Info>, error: Box<dyn Error>) {
    let mut told = Some((task, error));
    with_current(|hub| told.take().map(|(task, error)| hub.report(task, error)));
    if let Some((task, error)) = told {
        print(task.as_ref(), error);
    }
}

/// What becomes of a failure where no hook is set. Its text and its drop may both panic. Each is silenced by itself, as a
/// second panic in one unwind would end the process.
pub(crate) fn print(task: Option<&Info>, error: Box<dyn Error>) {
    let mut text = String::new();
    let site = task.map_or_else(String::new, |task| format!(" (spawned at {})", task.site()));
    silence(|| _ = write!(text, "{error}; no awaiter sees it{site}"));
    silence(|| eprintln!("{text}")); // its lock must not be held while the error's user code may take another
    silence(|| drop(error));
}

/// Runs user code. A panic ends here, and is reported in the name of the task that has its turn, if one has.
pub(crate) fn contain(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        let task = with_current(Hub::current).flatten();
        let subject = task.clone().map_or(Subject::NoTask, Subject::Beside);
        report(task, JoinError::panicked(subject, payload).into());
    }
}

/// Runs user code, and drops its panic without a word: the last resort, where nothing is left to report to. The payload
/// may itself panic when it is dropped; the payload of that second panic is leaked.
pub(crate) fn silence(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        mem::forget(catch_unwind(AssertUnwindSafe(|| drop(payload))));
    }
}

/// Polls the future in `slot`. A panic of the poll is returned as `Err`; by then the future is dropped.
///
/// It is dropped while the thread unwinds, as the locals of a function are: that poisons a std `Mutex` whose guard the
/// future holds. A panic of that drop ends there, and is reported.
pub(crate) fn poll_contained<F: Future>(
    slot: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Result<Poll<F::Output>, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| poll_or_drop(slot, cx)))
}

/// Polls the future in `slot`. If the poll panics, the future is dropped while the thread unwinds.
fn poll_or_drop<F: Future>(slot: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    let mut held = Held(slot); // dropped by an unwind alone
    let future = held.0.as_mut().as_pin_mut().expect("polled after it ended");
    let polled = future.poll(cx);
    mem::forget(held);
    polled
}

/// Drops what is in `slot`, then returns `value`. If the drop panics, `value` is dropped and the panic goes on. (Left to
/// itself, rustc would leak `value`.)
pub(crate) fn drop_before<F, T>(mut slot: Pin<&mut Option<F>>, value: T) -> T {
    match catch_unwind(AssertUnwindSafe(|| slot.set(None))) {
        Ok(()) => value,
        Err(payload) => {
            contain(|| drop(value));
            resume_unwind(payload)
        }
    }
}

/// A future in a slot of its caller's frame. When this is dropped it drops the future in the slot, and contains a panic of
/// that drop. It is itself a future, so that a task can be made of it whose end leaves the slot alone.
pub(super) struct Held<'a, F>(Pin<&'a mut Option<F>>);

impl<'a, F> Held<'a, F> {
    pub(super) fn new(slot: Pin<&'a mut Option<F>>) -> Self {
        Self(slot)
    }

    /// [`drop_before`]: drops the future, then returns `value`.
    pub(super) fn drop_then<T>(mut self, value: T) -> T {
        drop_before(self.0.as_mut(), value)
    }
}

impl<F: Future> Future for Held<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        poll_or_drop(self.0.as_mut(), cx)
    }
}

impl<F> Drop for Held<'_, F> {
    fn drop(&mut self) {
        contain(|| self.0.set(None));
    }
}
