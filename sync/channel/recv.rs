//! [`Receiver`]: the half that receives.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::shared::Shared;
use crate::executor::budget;
use crate::sync::error::{Closed, TryRecvError};
use crate::sync::wait_list::Key;

/// The half of a channel that receives. A clone receives from the same channel: each value goes to one of them.
///
/// When the last one is dropped, the channel is closed, and the values in it are dropped.
pub struct Receiver<T> {
    pub(super) shared: Rc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Receives a value. Waits until there is one.
    ///
    /// # Errors
    ///
    /// [`Closed`] once the channel is closed and empty.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped. A value that it was granted is still in the channel, for the next receiver.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// ```
    /// use taketurns::sync::{Closed, channel};
    ///
    /// taketurns::block_on(async {
    ///     let (sender, receiver) = channel::unbounded();
    ///     sender.send(1).await.unwrap();
    ///     drop(sender);
    ///     assert_eq!(receiver.recv().await, Ok(1));
    ///     assert_eq!(receiver.recv().await, Err(Closed));
    /// });
    /// ```
    #[inline]
    pub fn recv(&self) -> Recv<'_, T> {
        Recv { shared: Some(&self.shared), place: None }
    }

    /// Receives a value if there is one for a newcomer.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none, or if all that are there are granted to receivers that waited before.
    /// [`TryRecvError::Closed`] once the channel is closed and empty.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared.try_pop().ok_or_else(|| self.shared.why_empty())
    }

    /// Takes all values that are there for a newcomer, in order.
    ///
    /// ```
    /// # use taketurns::sync::channel;
    /// let (sender, receiver) = channel::unbounded();
    /// for value in 1..=3 {
    ///     sender.try_send(value).unwrap();
    /// }
    /// assert_eq!(receiver.drain(), [1, 2, 3]);
    /// assert!(receiver.is_empty());
    /// ```
    pub fn drain(&self) -> Vec<T> {
        self.shared.drain()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let count = &self.shared.receiver_count;
        count.set(count.get() + 1);
        Receiver { shared: Rc::clone(&self.shared) }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let count = &self.shared.receiver_count;
        count.set(count.get() - 1);
        if count.get() == 0 {
            drop(self.shared.shut_down());
        }
    }
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a, T> {
    /// `None` after it was ready.
    shared: Option<&'a Shared<T>>,
    /// Where it waits in line.
    place: Option<Key>,
}

impl<T> Recv<'_, T> {
    /// Waits for a value.
    #[inline(never)]
    fn poll_in_line(&mut self, cx: &Context<'_>) -> Poll<Result<T, Closed>> {
        let shared =
            self.shared.expect("`Receiver::recv` was polled after it was ready: call `recv` again");
        let received = ready!(shared.poll_value(&mut self.place, cx));
        self.shared = None;
        budget::spend();
        Poll::Ready(received)
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Result<T, Closed>;

    #[inline(always)] // so that a receive which need not wait becomes part of the task that receives
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        if let (Some(shared), None) = (self.shared, &self.place) {
            if let Some(value) = shared.try_pop() {
                self.shared = None;
                budget::spend();
                return Poll::Ready(Ok(value));
            }
        }
        self.poll_in_line(cx)
    }
}

impl<T> Drop for Recv<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(shared) = self.shared.filter(|_| self.place.is_some()) {
            shared.leave_receivers(&mut self.place);
        }
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shared {
            Some(shared) => shared.fmt("Recv", f),
            None => f.write_str("Recv(ready)"),
        }
    }
}
