//! [`Permit`]: a slot of the channel, before there is a value for it.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::send::Sender;
use super::shared::Shared;
use crate::executor::budget;
use crate::sync::error::{Closed, SendError, TrySendError};
use crate::sync::wait_list::Key;

impl<T> Sender<T> {
    /// Waits for a free slot, and reserves it for one value. So a value need not be made, or taken from elsewhere, before
    /// there is room for it.
    ///
    /// # Errors
    ///
    /// The channel is closed, or is closed while this waits.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped. A slot that it was granted goes to the next sender.
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
    ///     let permit = sender.reserve().await.unwrap();
    ///     assert!(sender.try_send(1).is_err()); // the only slot is reserved
    ///     permit.send(2).unwrap();
    ///     assert_eq!(receiver.recv().await, Ok(2));
    /// });
    /// ```
    pub fn reserve(&self) -> Reserve<'_, T> {
        Reserve { shared: Some(&self.shared), place: None }
    }

    /// Reserves a slot if one is free.
    ///
    /// # Errors
    ///
    /// No slot is free, or the channel is closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        if self.shared.try_take_slot() {
            Ok(Permit { shared: &self.shared })
        } else if self.is_closed() {
            Err(TrySendError::Closed(()))
        } else {
            Err(TrySendError::Full(()))
        }
    }
}

/// The future of [`Sender::reserve`].
#[must_use = "futures do nothing unless awaited"]
pub struct Reserve<'a, T> {
    /// `None` after it was ready.
    shared: Option<&'a Shared<T>>,
    place: Option<Key>,
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self
            .shared
            .expect("`Sender::reserve` was polled after it was ready: call `reserve` again");
        ready!(budget::poll_ready(cx));
        let has_slot = if self.place.is_none() && shared.try_take_slot() {
            Ok(())
        } else {
            ready!(shared.poll_slot(&mut self.place, cx))
        };
        self.shared = None;
        budget::spend();
        Poll::Ready(match has_slot {
            Ok(()) => Ok(Permit { shared }),
            Err(Closed) => Err(SendError(())),
        })
    }
}

impl<T> Drop for Reserve<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(shared) = self.shared.filter(|_| self.place.is_some()) {
            shared.leave_senders(&mut self.place);
        }
    }
}

impl<T> fmt::Debug for Reserve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shared {
            Some(shared) => shared.fmt("Reserve", f),
            None => f.write_str("Reserve(ready)"),
        }
    }
}

/// A slot that is reserved for one value. If it is dropped instead, the slot goes to the next sender.
#[must_use = "the slot is given back when the permit is dropped"]
pub struct Permit<'a, T> {
    shared: &'a Shared<T>,
}

impl<T> Permit<'_, T> {
    /// Sends a value, without waiting.
    ///
    /// # Errors
    ///
    /// The value comes back if the channel was closed since the slot was reserved.
    #[inline]
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        if self.shared.is_closed() {
            return Err(SendError(value));
        }
        let shared = self.shared;
        std::mem::forget(self); // the value has the slot
        shared.push_into_slot(value);
        Ok(())
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.shared.release_slot();
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Permit", f)
    }
}
