//! Receivers as streams and senders as sinks, by the traits of futures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::{Sink, SinkExt, Stream, StreamExt};
use taketurns::sync::broadcast::{self, RecvError};
use taketurns::sync::channel::{ReceiverStream, bounded, unbounded};
use taketurns::sync::{SendError, TrySendError};
use taketurns::{block_on, spawn};

use crate::wakers::{Poller, poll_with};

#[test]
fn a_sink_feeds_a_stream_through_a_channel_of_one_slot() {
    let received: Vec<u32> = block_on(async {
        let (sender, receiver) = bounded(1);
        spawn(async move {
            let mut sink = sender.into_sink();
            for value in 0..300 {
                sink.send(value).await.unwrap();
            }
            sink.close().await.unwrap();
            assert_eq!(sink.send(0).await, Err(SendError(())));
        })
        .detach();
        receiver.into_stream().collect().await
    });
    assert_eq!(received, (0..300).collect::<Vec<_>>());
}

fn poll_next(poller: &Poller, stream: &mut ReceiverStream<u8>) -> Poll<Option<u8>> {
    poller.poll(&mut stream.next())
}

#[test]
fn a_stream_that_is_dropped_hands_on_what_it_was_granted() {
    let (first, second) = (Poller::default(), Poller::default());
    let (sender, receiver) = unbounded();
    let (mut stream, mut waits) = (receiver.clone().into_stream(), receiver.recv());
    assert!(poll_next(&first, &mut stream).is_pending());
    assert!(second.poll(&mut waits).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!((first.woken(), second.woken()), (1, 0), "its place outlives `next`");
    drop(stream);
    assert_eq!(second.poll(&mut waits), Poll::Ready(Ok(1)));
    let mut stream = receiver.clone().into_stream();
    assert!(poll_next(&first, &mut stream).is_pending());
    sender.try_send(2).unwrap();
    sender.try_send(3).unwrap();
    assert_eq!(poll_next(&first, &mut stream), Poll::Ready(Some(2)), "which was its grant");
    assert_eq!(receiver.try_recv(), Ok(3));
    drop(stream);
    drop(waits);
    let mut stream = receiver.into_stream();
    assert!(poll_next(&first, &mut stream).is_pending());
    sender.close();
    assert_eq!(poll_next(&first, &mut stream), Poll::Ready(None));
    assert_eq!(poll_next(&first, &mut stream), Poll::Ready(None), "it stays at its end");
    assert_eq!(first.kept(), 0);
}

#[test]
fn a_sink_keeps_the_slot_that_it_was_ready_for_until_it_sends_closes_or_goes() {
    for closes in [true, false] {
        let (sender, receiver) = bounded(1);
        let mut sink = sender.clone().into_sink();
        let context = &mut Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert_eq!(Pin::new(&mut sink).poll_ready(context), Poll::Ready(Ok(())));
        }
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        Pin::new(&mut sink).start_send(1).unwrap();
        assert!(Pin::new(&mut sink).poll_ready(context).is_pending());
        assert_eq!(receiver.drain(), [1]);
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "it was granted to the sink");
        if closes {
            assert_eq!(Pin::new(&mut sink).poll_ready(context), Poll::Ready(Ok(())));
            assert!(poll_with(Waker::noop(), &mut sink.close()).is_ready());
        }
        drop(sink);
        assert_eq!(sender.try_send(9), Ok(()));
    }
}

#[test]
fn a_sink_that_was_not_ready_refuses_a_value_and_says_how_to_send() {
    let (sender, receiver) = bounded(1);
    let mut sink = sender.into_sink();
    let panic = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut sink).start_send(1))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("use `SinkExt::send`"));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut sink).poll_ready(context).is_ready());
    drop(receiver);
    assert_eq!(Pin::new(&mut sink).start_send(1), Err(SendError(())), "closed meanwhile");
    assert_eq!(poll_with(Waker::noop(), &mut sink.send(1)), Poll::Ready(Err(SendError(()))));
}

#[test]
fn streams_and_sinks_that_are_ready_spend_the_budget() {
    block_on(async {
        let (sender, receiver) = unbounded();
        let (mut sink, mut stream) = (sender.into_sink(), receiver.into_stream());
        for value in 0..64 {
            assert!(taketurns::task::has_budget());
            sink.send(value).await.unwrap();
            assert_eq!(stream.next().await, Some(value));
        }
        assert!(!taketurns::task::has_budget());
        assert_eq!(stream.size_hint(), (0, None));
    });
}

#[test]
fn a_stream_of_a_broadcast_tells_of_missed_values_and_ends_with_the_senders() {
    let poller = Poller::default();
    let (sender, receiver) = broadcast::channel(2);
    let mut stream = receiver.into_stream();
    let mut next = |poller: &Poller| poller.poll(&mut stream.next());
    assert!(next(&poller).is_pending());
    sender.send(1).unwrap();
    assert_eq!(poller.woken(), 1, "its place outlives `next`");
    sender.send(2).unwrap();
    sender.send(3).unwrap();
    assert_eq!(next(&poller), Poll::Ready(Some(Err(RecvError::Lagged(1)))));
    assert_eq!(next(&poller), Poll::Ready(Some(Ok(2))));
    drop(sender);
    assert_eq!(next(&poller), Poll::Ready(Some(Ok(3))));
    assert_eq!((next(&poller), next(&poller)), (Poll::Ready(None), Poll::Ready(None)));
    assert_eq!(poller.kept(), 0);
    let (sender, receiver) = broadcast::channel::<u8>(2);
    let mut stream = receiver.into_stream();
    assert!(poller.poll(&mut stream.next()).is_pending());
    drop(stream);
    assert_eq!((poller.kept(), sender.receiver_count()), (0, 0));
}
