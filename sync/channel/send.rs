//! [`Sender`]: the half that sends.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::shared::Shared;
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
        if self.shared.try_take_slot() {
            self.shared.push(value);
            Ok(())
        } else if self.shared.is_closed() {
            Err(TrySendError::Closed(value))
        } else {
            Err(TrySendError::Full(value))
        }
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

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(
            this.value.is_some(),
            "`Sender::send` was polled after it was ready: call `send` again"
        );
        ready!(budget::poll_ready(cx));
        let has_slot = if this.place.is_none() && this.shared.try_take_slot() {
            Ok(())
        } else {
            ready!(this.shared.poll_slot(&mut this.place, cx))
        };
        budget::spend();
        let value = this.value.take().expect("seen above");
        Poll::Ready(match has_slot {
            Ok(()) => {
                this.shared.push(value);
                Ok(())
            }
            Err(Closed) => Err(SendError(value)),
        })
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
