//! Running code of the user's, whose panics end here.
//!
//! A waker, a destructor, a callback or a panic's payload may do anything when it is called, panic included. The loop
//! calls many of them one after the other, and the others must not pay for one: so each is called by one of these
//! functions, and what it panicked with is reported.

#![forbid(unsafe_code)]

use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::spawn::current;
use super::task::with_current;
use super::{Info, JoinError, Who};

/// Tells of a failure that nobody awaits; `task`: in whose name it happened, if in that of any. Outside of an
/// executor it is printed.
pub(crate) fn report(task: Option<Info>, error: Box<dyn Error>) {
    let mut told = Some((task, error));
    with_current(|hub| told.take().map(|(task, error)| hub.report(task, error)));
    if let Some((task, error)) = told {
        silence(|| print(task.as_ref(), &*error));
        silence(|| drop(error));
    }
}

/// Where no hook is set.
pub(crate) fn print(task: Option<&Info>, error: &dyn Error) {
    match task {
        Some(task) => eprintln!("{error}; nobody awaits it (spawned at {})", task.site()),
        None => eprintln!("{error}; nobody awaits it"),
    }
}

/// Runs code of the user's. A panic ends here and is reported: in the name of the task that has its turn, if one has.
pub(crate) fn contain(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        let task = current();
        let who = task.clone().map_or(Who::Waker, Who::Beside);
        report(task, JoinError::panicked(who, payload).into());
    }
}

/// The last resort: nothing is left to report to. A payload may panic in its own drop; the second one is
/// leaked rather than asked again.
pub(crate) fn silence(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        mem::forget(catch_unwind(AssertUnwindSafe(|| drop(payload))));
    }
}

/// Polls the future in `slot`. A panic of the poll is given as `Err`; by then the future is gone.
///
/// It is dropped while the thread unwinds, as the locals of a function are: that poisons a std `Mutex` whose guard the
/// future holds. A panic of that drop ends there, and is reported.
pub(crate) fn poll_contained<F: Future>(
    slot: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Result<Poll<F::Output>, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| poll_or_drop(slot, cx)))
}

fn poll_or_drop<F: Future>(slot: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    let mut held = Held(slot);
    let polled = held.future().poll(cx);
    mem::forget(held);
    polled
}

/// Drops what is in `slot`, then gives `value`. If the drop panics, so does this, and `value` is dropped; rustc would leak it.
pub(crate) fn drop_before<F, T>(mut slot: Pin<&mut Option<F>>, value: T) -> T {
    match catch_unwind(AssertUnwindSafe(|| slot.set(None))) {
        Ok(()) => value,
        Err(payload) => {
            contain(|| drop(value));
            resume_unwind(payload)
        }
    }
}

/// A future in a place of its caller's, which it leaves when this is dropped, contained.
pub(super) struct Held<'a, F>(Pin<&'a mut Option<F>>);

impl<'a, F> Held<'a, F> {
    pub(super) fn new(slot: Pin<&'a mut Option<F>>) -> Self {
        Self(slot)
    }

    fn future(&mut self) -> Pin<&mut F> {
        self.0.as_mut().as_pin_mut().expect("polled after it ended")
    }

    /// Drops the future, then gives `output`: see [`drop_before`].
    pub(super) fn end<T>(mut self, output: T) -> T {
        drop_before(self.0.as_mut(), output)
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
