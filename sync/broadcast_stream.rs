//! A receiver of [`broadcast`](super::broadcast) as a `Stream`. The trait itself is implemented in `compat/`.
//!
//! `watch` has none: an item of its stream would be a clone of the value, made while that is borrowed.

#![forbid(unsafe_code)]

use std::fmt;
use std::task::{Context, Poll, ready};

use super::broadcast::{Receiver, RecvError};
use super::wait_list::Key;

impl<T: Clone> Receiver<T> {
    /// The values as a `Stream`, which ends once every sender is gone and no value is left. An item is an error where values
    /// were missed: [`RecvError::Lagged`], with their number; the stream goes on after it.
    ///
    /// ```
    /// use futures::StreamExt;
    /// use taketurns::sync::broadcast::{self, RecvError};
    ///
    /// taketurns::block_on(async {
    ///     let (sender, receiver) = broadcast::channel(2);
    ///     for value in [1, 2, 3] {
    ///         sender.send(value).unwrap();
    ///     }
    ///     drop(sender);
    ///     let items: Vec<_> = receiver.into_stream().collect().await;
    ///     assert_eq!(items, [Err(RecvError::Lagged(1)), Ok(2), Ok(3)]);
    /// });
    /// ```
    pub fn into_stream(self) -> BroadcastStream<T> {
        BroadcastStream { receiver: self, place: None }
    }
}

/// See [`Receiver::into_stream`]. Its place in line is kept from one poll to the next.
#[must_use = "streams do nothing unless polled"]
pub struct BroadcastStream<T> {
    receiver: Receiver<T>,
    place: Option<Key>,
}

impl<T: Clone> BroadcastStream<T> {
    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, RecvError>>> {
        let received = ready!(self.receiver.poll_recv(&mut self.place, cx));
        Poll::Ready(Some(received).filter(|item| !matches!(item, Err(RecvError::Closed))))
    }
}

impl<T> Drop for BroadcastStream<T> {
    fn drop(&mut self) {
        self.receiver.leave(&mut self.place);
    }
}

impl<T> fmt::Debug for BroadcastStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastStream").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}
