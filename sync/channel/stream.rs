//! A receiver as a `Stream`, and a sender as a `Sink`. The traits themselves are implemented in `compat/`.
//!
//! The halves could be stream and sink themselves. But a stream keeps its place in line from one poll to the next. A receiver
//! that was polled as a stream, and then is asked by `recv`, would wait for the value that it was granted as a stream. So
//! the place belongs to a type of its own, and leaves the line with it.

#![forbid(unsafe_code)]

use std::fmt;
use std::task::{Context, Poll, ready};

use super::recv::Receiver;
use super::send::Sender;
use crate::executor::budget;
use crate::sync::error::{Closed, SendError};
use crate::sync::wait_list::Key;

impl<T> Receiver<T> {
    /// The values as a `Stream`, which ends once the channel is closed and empty.
    ///
    /// ```
    /// use futures::StreamExt;
    /// use taketurns::sync::channel;
    ///
    /// taketurns::block_on(async {
    ///     let (sender, receiver) = channel::unbounded();
    ///     for value in [1, 2, 3] {
    ///         sender.send(value).await.unwrap();
    ///     }
    ///     drop(sender);
    ///     let doubled: Vec<_> = receiver.into_stream().map(|value| value * 2).collect().await;
    ///     assert_eq!(doubled, [2, 4, 6]);
    /// });
    /// ```
    pub fn into_stream(self) -> ReceiverStream<T> {
        ReceiverStream { receiver: self, place: None }
    }
}

/// See [`Receiver::into_stream`]. Its place in line is kept from one poll to the next, and a value that it was granted
/// goes to the next receiver when it is dropped.
#[must_use = "streams do nothing unless polled"]
pub struct ReceiverStream<T> {
    receiver: Receiver<T>,
    place: Option<Key>,
}

impl<T> ReceiverStream<T> {
    pub(crate) fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        ready!(budget::poll_ready(cx));
        let shared = &self.receiver.shared;
        let at_once = if self.place.is_none() { shared.try_pop() } else { None };
        let received = match at_once {
            Some(value) => Some(value),
            None => ready!(shared.poll_value(&mut self.place, cx)).ok(),
        };
        budget::spend();
        Poll::Ready(received)
    }
}

impl<T> Drop for ReceiverStream<T> {
    fn drop(&mut self) {
        self.receiver.shared.leave_receivers(&mut self.place);
    }
}

impl<T> fmt::Debug for ReceiverStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.receiver.shared.fmt("ReceiverStream", f)
    }
}

impl<T> Sender<T> {
    /// The sender as a `Sink`.
    ///
    /// ```
    /// use futures::{SinkExt, StreamExt, stream};
    /// use taketurns::{spawn, sync::channel};
    ///
    /// taketurns::block_on(async {
    ///     let (sender, receiver) = channel::bounded(1);
    ///     let mut values = stream::iter([1, 2, 3]).map(Ok);
    ///     spawn(async move { sender.into_sink().send_all(&mut values).await }).detach();
    ///     assert_eq!(receiver.into_stream().collect::<Vec<_>>().await, [1, 2, 3]);
    /// });
    /// ```
    pub fn into_sink(self) -> SenderSink<T> {
        SenderSink { sender: Some(self), place: None, has_slot: false }
    }
}

/// See [`Sender::into_sink`]. To close it drops the sender. A slot that it has is given back when it is closed or dropped.
#[must_use = "sinks do nothing unless polled"]
pub struct SenderSink<T> {
    /// `None` once it was closed.
    sender: Option<Sender<T>>,
    place: Option<Key>,
    /// It has been ready, and nothing was sent since.
    has_slot: bool,
}

impl<T> SenderSink<T> {
    pub(crate) fn poll_slot(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let Some(sender) = &self.sender else { return Poll::Ready(Err(SendError(()))) };
        if !self.has_slot {
            ready!(budget::poll_ready(cx));
            let at_once = self.place.is_none() && sender.shared.try_take_slot();
            if !at_once {
                if let Err(Closed) = ready!(sender.shared.poll_slot(&mut self.place, cx)) {
                    return Poll::Ready(Err(SendError(())));
                }
            }
            budget::spend();
            self.has_slot = true;
        }
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// If it was not ready before.
    #[track_caller]
    pub(crate) fn send_by_slot(&mut self, value: T) -> Result<(), SendError<()>> {
        let Some(sender) = &self.sender else { return Err(SendError(())) };
        assert!(
            std::mem::take(&mut self.has_slot),
            "`SenderSink::start_send` was called before `poll_ready` was ready: use `SinkExt::send`"
        );
        if sender.is_closed() {
            return Err(SendError(()));
        }
        sender.shared.push_into_slot(value);
        Ok(())
    }

    pub(crate) fn close(&mut self) {
        let Some(sender) = self.sender.take() else { return };
        if std::mem::take(&mut self.has_slot) {
            sender.shared.release_slot();
        }
        sender.shared.leave_senders(&mut self.place);
    }
}

impl<T> Drop for SenderSink<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> fmt::Debug for SenderSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sender {
            Some(sender) => sender.shared.fmt("SenderSink", f),
            None => f.write_str("SenderSink(closed)"),
        }
    }
}
