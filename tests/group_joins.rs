//! Many futures in one task, and many tasks in one set: `borrowing`, `join_all` and its kin, `race`, `JoinSet`.

#![forbid(unsafe_code)]

#[path = "group_joins/borrowing.rs"]
mod borrowing;
mod common;
#[path = "group_joins/joins.rs"]
mod joins;
#[path = "group_joins/reference.rs"]
mod reference;
#[path = "group_joins/set.rs"]
mod set;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use common::Trace;

/// Counts its wakes; the count of its references is that of the wakers that are kept, and one.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counting {
    fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls once, with `counting` as the task.
fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>, counting: &Arc<Counting>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(counting));
    future.poll(&mut Context::from_waker(&waker))
}

/// A signal that a test gives: by hand, many times.
#[derive(Clone, Default)]
struct Signal {
    is_given: Rc<Cell<bool>>,
    waker: Rc<RefCell<Option<Waker>>>,
}

impl Signal {
    fn new() -> Self {
        Self::default()
    }

    fn give(&self) {
        self.is_given.set(true);
        self.wake();
    }

    /// Wakes for nothing, if it is not given.
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().clone() {
            waker.wake();
        }
    }

    fn waker(&self) -> Waker {
        self.waker.borrow().clone().expect("it was polled")
    }

    /// Waits for it, and says when it is polled and dropped.
    async fn traced(self, trace: Trace, name: impl std::fmt::Display + Clone) {
        let _dropped = trace.on_drop(format!("-{name}"));
        poll_fn(|cx| {
            trace.push(name.clone());
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            if self.is_given.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Panics when it is dropped.
struct PanicsInDrop(&'static str);

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        std::panic::panic_any(self.0);
    }
}

/// The text of the panic of `f`.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).map(drop).unwrap_err();
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}
