//! [`BorrowingHandle`]: the output of a child of [`borrowing`](super::borrowing()), for the code inside the group.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::common::awaited::{Awaited, EndedBy};
use crate::common::explained::within_outer;
use crate::common::waits::{self, Key};
use crate::common::waker_cell::WakerCell;
use crate::executor::budget;

pin_project! {
    /// A future that leaves its output to its handle.
    pub(super) struct Child<F: Future> {
        #[pin]
        future: F,
        output: Rc<Output<F::Output>>,
        site: &'static Location<'static>,
    }

    impl<F: Future> PinnedDrop for Child<F> {
        fn drop(this: Pin<&mut Self>) {
            waits::over(this.output.outer_key());
        }
    }
}

impl<F: Future> Future for Child<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let key = this.output.outer_key();
        waits::note(key, || Awaited::outer(CHILD, this.site));
        let within = within_outer(key);
        let output = ready!(this.future.poll(cx));
        drop(within);
        waits::over(key);
        this.output.value.replace(Value::Done(output));
        this.output.awaiter.wake();
        Poll::Ready(())
    }
}

/// What reports call it, before its place.
const CHILD: &str = "the child of `borrowing` spawned";

/// On its way from a child to its handle.
struct Output<T> {
    value: RefCell<Value<T>>,
    /// The waker of the handle's last poll.
    awaiter: WakerCell,
}

enum Value<T> {
    NotYet,
    Done(T),
    Taken,
}

impl<T> Output<T> {
    /// Of what the child waits for. Beside the wait of the handle.
    fn outer_key(&self) -> Key {
        Key::in_line(&self.awaiter, 1)
    }
}

impl<T> Default for Output<T> {
    fn default() -> Self {
        Self { value: RefCell::new(Value::NotYet), awaiter: WakerCell::default() }
    }
}

/// The output of a child of [`borrowing`](super::borrowing()): `await` it, inside the group. Dropping it changes nothing for the child.
///
/// A child that panics ends the group, so there is no error to give.
///
/// # Cancellation
///
/// Awaiting `&mut handle` may be given up and taken up again.
///
/// # Panics
///
/// When polled again after it has given the output.
pub struct BorrowingHandle<'scope, T> {
    output: Rc<Output<T>>,
    /// Where the child was spawned.
    site: &'static Location<'static>,
    scope: PhantomData<&'scope ()>,
}

impl<T> BorrowingHandle<'_, T> {
    /// A future that leaves its output to a handle, and that handle.
    pub(super) fn of<F>(future: F, site: &'static Location<'static>) -> (Child<F>, Self)
    where
        F: Future<Output = T>,
    {
        let output = Rc::<Output<_>>::default();
        let handle = Self { output: Rc::clone(&output), site, scope: PhantomData };
        (Child { future, output, site }, handle)
    }

    /// Whether the child has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !matches!(*self.output.value.borrow(), Value::NotYet)
    }
}

// The output is not pinned by its handle.
impl<T> Unpin for BorrowingHandle<'_, T> {}

impl<T> Future for BorrowingHandle<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        ready!(budget::poll_ready(cx));
        if !self.is_finished() {
            self.output.awaiter.keep(cx.waker());
            if !self.is_finished() {
                let wait = || Awaited::new(CHILD, self.site).ended_by(EndedBy::Own, false);
                self.output.awaiter.note(wait);
                return Poll::Pending;
            }
            // The clone of a foreign waker has run the child to its end.
            self.output.awaiter.forget();
        }
        match self.output.value.replace(Value::Taken) {
            Value::Done(output) => {
                budget::spend();
                Poll::Ready(output)
            }
            Value::NotYet | Value::Taken => {
                panic!("a `BorrowingHandle` was polled after it gave the output: await it once")
            }
        }
    }
}

impl<T> Drop for BorrowingHandle<'_, T> {
    fn drop(&mut self) {
        self.output.awaiter.forget();
    }
}

impl<T> fmt::Debug for BorrowingHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowingHandle").field("finished", &self.is_finished()).finish()
    }
}
