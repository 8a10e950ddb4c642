//! [`Sender`]: the half that sends.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::shared::{SENT, Shared};
use crate::executor::budget;
use crate::sync::error::{Closed, SendError, TrySendError};
use crate::sync::wait_list::Key;

/// The half of a channel that sends. When the last one is dropped, the channel is closed.
pub struct Sender<T> {
    pub(super) shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends a value. Waits while no slot is free.
    ///
    /// # Errors
    ///
    /// The value comes back if the channel is closed, or is closed while this waits. `Ok` does not say that the value will
    /// be looked at: the last receiver may still be dropped, and drops the value then.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before it is ready, the value is dropped and was not sent. To keep it, [reserve](Self::reserve)
    /// a slot first. A slot that the future was granted goes to the next sender.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// ```
    /// use taketurns::sync::channel;
    ///
    /// taketurns::block_on(async {
    ///     let (sender, receiver) = channel::bounded(1);
    ///     sender.send("a value").await.unwrap();
    ///     assert_eq!(receiver.recv().await, Ok("a value"));
    ///     drop(receiver);
    ///     assert_eq!(sender.send("another").await.unwrap_err().0, "another");
    /// });
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Send<'_, T> {
        Send { shared: &self.shared, value: Some(value), place: None }
    }

    /// Sends a value if a slot is free.
    ///
    /// # Errors
    ///
    /// The value comes back if no slot is free, or the channel is closed.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut value = Some(value);
        if self.shared.try_push(&mut value) {
            return Ok(());
        }
        let value = value.expect("it was not sent");
        Err(if self.is_closed() { TrySendError::Closed(value) } else { TrySendError::Full(value) })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let count = &self.shared.sender_count;
        count.set(count.get() + 1);
        Sender { shared: Rc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let count = &self.shared.sender_count;
        count.set(count.get() - 1);
        if count.get() == 0 {
            self.shared.close();
        }
    }
}

/// The future of [`Sender::send`].
#[must_use = "futures do nothing unless awaited"]
pub struct Send<'a, T> {
    shared: &'a Shared<T>,
    /// `None` after it was ready.
    value: Option<T>,
    /// Where it waits in line.
    place: Option<Key>,
}

/// The value is never pinned.
impl<T> Unpin for Send<'_, T> {}

impl<T> Send<'_, T> {
    /// Waits for a slot, and sends by it.
    #[inline(never)]
    fn poll_in_line(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        assert!(self.value.is_some(), "{SENT}");
        let has_slot = ready!(self.shared.poll_slot(&mut self.place, cx));
        budget::spend();
        let value = self.value.take().expect("seen above");
        Poll::Ready(match has_slot {
            Ok(()) => {
                self.shared.push_into_slot(value);
                Ok(())
            }
            Err(Closed) => Err(SendError(value)),
        })
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline(always)] // so that a send which need not wait becomes part of the task that sends
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(budget::poll_ready(cx));
        if this.place.is_none() && this.shared.try_push(&mut this.value) {
            budget::spend();
            return Poll::Ready(Ok(()));
        }
        this.poll_in_line(cx)
    }
}

impl<T> Drop for Send<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.place.is_some() {
            self.shared.leave_senders(&mut self.place);
        }
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Send", f)
    }
}
