//! The example's feed and its clients' queues on a virtual clock: how long a slow client makes the others wait.

#![allow(dead_code, reason = "files of the example, of which these tests need a part")]

#[path = "../../examples/live_feed/client.rs"]
mod client;
#[path = "../../examples/live_feed/decode.rs"]
mod decode;
#[path = "../../examples/live_feed/feed.rs"]
mod feed;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use taketurns::time::{Clock, Instant};
use taketurns::{Builder, spawn, yield_now};

use super::parts::lines;
use client::{Client, Event};
use feed::{Feed, Listener, News};

/// What the feed prints is nothing here.
struct Said;

impl Said {
    fn detach(self) {}
}

fn say(_line: impl std::fmt::Display) -> Said {
    Said
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new().clock(Clock::AutoAdvance).build().unwrap().block_on(future)
}

fn message() -> News {
    News::Message("source", decode::decode(b"{}").unwrap())
}

fn event() -> Event {
    Event::message("x"[..].into())
}

/// All that a client can take now. `None` is the end.
async fn taken(listener: &mut Listener) -> Vec<Option<String>> {
    let mut taken = Vec::new();
    poll_fn(|cx| {
        while let Poll::Ready(text) = listener.poll_text(cx) {
            let is_over = text.is_none();
            taken.push(text.map(|text| String::from_utf8_lossy(&text).into_owned()));
            if is_over {
                break;
            }
        }
        Poll::Ready(())
    })
    .await;
    taken
}

#[test]
fn a_client_that_was_quick_for_long_has_no_more_patience_than_a_new_one() {
    block_on(async {
        let (client, mut events) = Client::new(1, 1, 0, VecDeque::new());
        let quick = spawn(async move {
            for _ in 0..9_999 {
                poll_fn(|cx| events.poll_text(cx)).await;
            }
            events // and from now on it takes nothing
        });
        for _ in 0..10_000 {
            client.offer(event()).await; // into a full queue, each but the first
        }
        let _events = quick.await.unwrap();
        assert_eq!((client.queued(), client.dropped.get()), (1, 0));
        let start = Instant::now();
        client.offer(event()).await;
        assert_eq!((start.elapsed(), client.dropped.get()), (Duration::from_millis(200), 1));
    });
}

#[test]
fn many_slow_clients_make_the_others_wait_no_longer_than_one() {
    block_on(async {
        let (feed, news) = Feed::new(1);
        let _slow: Vec<_> = (0..100).map(|_| feed.join(None)).collect();
        let running = spawn(Rc::clone(&feed).run(news));
        let start = Instant::now();
        feed.take((0..2).map(|_| message()).collect()).await;
        feed.close();
        running.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(200));
        assert_eq!(feed.totals().dropped, 100);
    });
}

#[test]
fn an_event_that_has_no_room_beside_one_on_its_way_is_dropped() {
    block_on(async {
        let (client, mut events) = Client::new(1, 1, 0, VecDeque::new());
        // The connection waits. What is offered now is its own, and it has not taken it.
        poll_fn(|cx| {
            assert!(events.poll_text(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        client.offer(event()).await;
        client.offer(event()).await;
        assert_eq!((client.queued(), client.dropped.get()), (1, 1));
    });
}

#[test]
fn a_client_that_comes_after_the_end_gets_what_is_kept_and_the_end() {
    block_on(async {
        let (feed, news) = Feed::new(1);
        feed.take(vec![message()]).await;
        feed.close();
        Rc::clone(&feed).run(news).await;
        let mut late = feed.join(None);
        let taken = taken(&mut late).await;
        let [_retry, _state, Some(message), Some(end), None] = &taken[..] else {
            panic!("{taken:?}")
        };
        assert!(message.contains(r#""from":"source""#), "{message}");
        assert!(end.starts_with("event: end\n"), "{end}");
    });
}

#[test]
fn a_gap_is_told_after_what_comes_before_it() {
    block_on(async {
        let (feed, news) = Feed::new(1);
        let mut client = feed.join(None); // with the time for a retry, and the state
        feed.take((0..3).map(|_| message()).collect()).await;
        feed.close();
        Rc::clone(&feed).run(news).await;
        let taken = taken(&mut client).await;
        let [Some(retry), Some(_state), Some(gap), Some(_message), Some(_end), None] = &taken[..]
        else {
            panic!("{taken:?}")
        };
        assert_eq!(
            (retry.as_str(), gap.as_str()),
            ("retry: 1000\n\n", "event: dropped\ndata: 2\n\n")
        );
    });
}

#[test]
fn what_a_client_missed_counts_as_undelivered_until_it_has_taken_it() {
    block_on(async {
        let (feed, news) = Feed::new(8);
        feed.take((0..3).map(|_| message()).collect()).await;
        let running = spawn(Rc::clone(&feed).run(news));
        yield_now().await;
        let mut client = feed.join(None); // the time for a retry, the state, three messages
        assert_eq!((feed.queued(), feed.taken()), (5, 0));
        poll_fn(|cx| client.poll_text(cx)).await;
        assert_eq!((feed.queued(), feed.taken()), (4, 1));
        taken(&mut client).await;
        assert_eq!((feed.queued(), feed.taken()), (0, 5));
        running.abort();
    });
}
