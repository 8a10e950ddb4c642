//! One value, once, from one task to another.
//!
//! A [`channel`](super::channel) of one slot would carry the value too. But it would let a second value follow, and it would
//! have to keep lists of the tasks that wait. Here at most one task waits on each side, so a slot and two wakers do.
//!
//! ```
//! use taketurns::{spawn, sync::oneshot};
//!
//! taketurns::block_on(async {
//!     let (sender, receiver) = oneshot::channel();
//!     spawn(async move { sender.send("done").unwrap() }).detach();
//!     assert_eq!(receiver.await, Ok("done"));
//! });
//! ```
//!
//! The two halves stay on their thread. For a value from another thread, use the oneshot of any channel crate.
//!
//! ```compile_fail,E0277
//! let (sender, receiver) = taketurns::sync::oneshot::channel::<u8>();
//! std::thread::spawn(move || sender.send(1));
//! ```

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::error::{Closed, TryRecvError};
use crate::common::awaited::Awaited;
use crate::common::waker_cell::WakerCell;
use crate::executor::budget;

/// Makes a channel for one value.
///
/// Works under every executor of this thread; see the [module](self).
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let site = Location::caller();
    // `new` would fill the value on the stack and copy it. Here `new_cyclic` gets the memory first and fills it in place.
    let shared = Rc::new_cyclic(|_| Shared {
        phase: Cell::new(Phase::Open),
        value: Cell::new(None),
        receiver: WakerCell::default(),
        sender: WakerCell::default(),
        site,
    });
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared: Some(shared) })
}

struct Shared<T> {
    phase: Cell<Phase>,
    /// Set in [`Phase::Sent`] alone.
    value: Cell<Option<T>>,
    /// The task that awaits the receiver.
    receiver: WakerCell,
    /// The task that awaits [`Sender::closed`].
    sender: WakerCell,
    /// Where the program made it.
    site: &'static Location<'static>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Phase {
    Open,
    /// The value waits for the receiver, which may have taken it.
    Sent,
    /// The receiver was closed or dropped, and had been sent nothing.
    Closed,
    /// The sender was dropped, and had sent nothing.
    Abandoned,
}

impl<T> Shared<T> {
    /// The receiver wants no value any more, unless one was sent before.
    fn refuse(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Closed);
            self.sender.wake();
        }
    }

    /// Whether the receiver has to wait. Then the waker is kept. Out of line, as most values are sent before they are awaited.
    #[inline(never)]
    fn keeps_waiting(&self, waker: &Waker) -> bool {
        self.receiver.keep(waker);
        // The value may have come while the waker was cloned.
        let waits = self.phase.get() == Phase::Open;
        if waits {
            self.receiver.note(|| Awaited::new("the value of the oneshot made", self.site));
        }
        waits
    }

    /// The sender is dropped, and has sent nothing. Out of line, so that dropping one that has sent is only a test.
    #[inline(never)]
    fn abandon(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Abandoned);
            self.receiver.wake();
        }
        self.sender.forget(); // of a `closed` that was leaked
    }

    /// The receiver is dropped before it was ready. Out of line, as [`abandon`](Self::abandon) is.
    #[inline(never)]
    fn leave_unreceived(&self) {
        self.refuse();
        self.receiver.forget();
        drop(self.value.take()); // last, as its destructor may panic
    }

    fn fmt(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("phase", &self.phase.get())
            .field("receiver_waits", &self.receiver.is_kept())
            .field("sender_waits", &self.sender.is_kept())
            .finish()
    }
}

/// The half that sends. If it is dropped instead, the receiver gets [`Closed`].
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Gives the value to the receiver, whose task is woken if it waits. Never waits itself.
    ///
    /// # Errors
    ///
    /// The value comes back if the receiver was closed or dropped. `Ok` does not say that the value will be looked at: the
    /// receiver may still be dropped, and drops the value then.
    #[inline]
    pub fn send(self, value: T) -> Result<(), T> {
        if self.shared.phase.get() != Phase::Open {
            return Err(value);
        }
        self.shared.value.set(Some(value));
        self.shared.phase.set(Phase::Sent);
        self.shared.receiver.wake();
        self.shared.sender.forget(); // of a `closed` that was leaked
        Ok(())
    }

    /// Whether the receiver was closed or dropped, so that [`send`](Self::send) would fail.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.phase.get() != Phase::Open
    }

    /// Waits until the receiver is closed or dropped: then the task need not go on computing the value.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// ```
    /// use taketurns::{spawn, sync::oneshot};
    ///
    /// taketurns::block_on(async {
    ///     let (mut sender, receiver) = oneshot::channel::<u8>();
    ///     spawn(async move { drop(receiver) }).detach();
    ///     sender.closed().await;
    ///     assert_eq!(sender.send(1), Err(1));
    /// });
    /// ```
    pub fn closed(&mut self) -> SenderClosed<'_, T> {
        SenderClosed { sender: self, is_done: false }
    }
}

impl<T> Drop for Sender<T> {
    #[inline]
    fn drop(&mut self) {
        if self.shared.phase.get() != Phase::Sent {
            self.shared.abandon();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Sender", f)
    }
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct SenderClosed<'a, T> {
    sender: &'a mut Sender<T>,
    is_done: bool,
}

impl<T> Future for SenderClosed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        assert!(
            !self.is_done,
            "`Sender::closed` was polled after it was ready: call `closed` again"
        );
        ready!(budget::poll_ready(cx));
        let shared = &self.sender.shared;
        if !self.sender.is_closed() {
            shared.sender.keep(cx.waker());
            if !self.sender.is_closed() {
                let site = shared.site;
                let wait = || Awaited::new("the end of the receiver of the oneshot made", site);
                shared.sender.note(wait);
                return Poll::Pending;
            }
            shared.sender.forget();
        }
        self.is_done = true;
        budget::spend();
        Poll::Ready(())
    }
}

impl<T> Drop for SenderClosed<'_, T> {
    fn drop(&mut self) {
        self.sender.shared.sender.forget();
    }
}

impl<T> fmt::Debug for SenderClosed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sender.shared.fmt("SenderClosed", f)
    }
}

/// The half that receives: a future of the value. Await it by `&mut` to keep it if the wait is cancelled.
///
/// # Errors
///
/// [`Closed`] if the sender was dropped and had sent nothing, or if this half was [closed](Self::close) first.
///
/// # Cancellation
///
/// Dropping the receiver closes the channel. A value that had been sent is dropped in that moment.
///
/// # Panics
///
/// When it is polled after it was ready.
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    /// `None` once it was ready: then nothing is left of it to give back.
    shared: Option<Rc<Shared<T>>>,
}

impl<T> Receiver<T> {
    /// Takes the value if it has been sent.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] while the sender is there and has sent nothing. [`TryRecvError::Closed`] if no value can come
    /// any more, or if it was taken.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let shared = self.shared.as_ref().ok_or(TryRecvError::Closed)?;
        match shared.value.take() {
            Some(value) => {
                shared.receiver.forget();
                self.shared = None;
                Ok(value)
            }
            None if shared.phase.get() == Phase::Open => Err(TryRecvError::Empty),
            None => Err(TryRecvError::Closed),
        }
    }

    /// Refuses a value from now on. One that was sent before can still be received.
    ///
    /// ```
    /// # use taketurns::sync::oneshot;
    /// let (sender, mut receiver) = oneshot::channel();
    /// receiver.close();
    /// assert_eq!(sender.send(1), Err(1));
    /// ```
    pub fn close(&mut self) {
        if let Some(shared) = &self.shared {
            shared.refuse();
        }
    }

    /// Whether it was ready: a poll would panic.
    #[cfg(feature = "time")]
    pub(crate) fn is_done(&self) -> bool {
        self.shared.is_none()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(shared) = &self.shared else { polled_again() };
        ready!(budget::poll_ready(cx));
        if shared.phase.get() == Phase::Open && shared.keeps_waiting(cx.waker()) {
            return Poll::Pending;
        }
        shared.receiver.forget();
        let outcome = shared.value.take().ok_or(Closed);
        self.shared = None;
        budget::spend();
        Poll::Ready(outcome)
    }
}

#[cold]
fn polled_again() -> ! {
    panic!(
        "`oneshot::Receiver` was polled after it was ready: it gives one value, so await it once"
    );
}

impl<T> Drop for Receiver<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.leave_unreceived();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shared {
            Some(shared) => shared.fmt("Receiver", f),
            None => f.debug_struct("Receiver").field("phase", &format_args!("Done")).finish(),
        }
    }
}
