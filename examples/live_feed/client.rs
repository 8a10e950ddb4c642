//! One browser that listens: its queue, and the events that it is sent.
//!
//! One queue for all clients would have to wait for the slowest. So each has its own, with a bound. A client whose queue is
//! full loses its *oldest* messages, as a live feed is about what is new, and it is told how many it lost.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use hyper::body::Bytes;
use taketurns::sync::{TrySendError, channel};
use taketurns::time::{Instant, timeout};
use taketurns::yield_now;

/// The feed waits at most this long, in total, for a client whose queue is full. Without it, a burst would outrun every
/// client.
const PATIENCE: Duration = Duration::from_millis(200);

/// This much of it comes back with each event: a client may slow the feed down to 1000 events a second, and no further.
const REGAINED: Duration = Duration::from_millis(1);

/// What waits in a client's queue.
#[derive(Clone)]
pub(crate) struct Event {
    /// As it is sent.
    text: Bytes,
    /// Messages are counted when they are dropped.
    is_message: bool,
}

impl Event {
    pub(crate) fn message(text: Bytes) -> Self {
        Event { text, is_message: true }
    }

    pub(crate) fn other(text: Bytes) -> Self {
        Event { text, is_message: false }
    }
}

pub(crate) struct Client {
    pub(crate) id: u64,
    /// What it gets before what is in the queue.
    first: RefCell<VecDeque<Event>>,
    queue: channel::Sender<Event>,
    /// The end that the client reads, for the feed to take the oldest out.
    oldest: channel::Receiver<Event>,
    patience: Cell<Duration>,
    /// How many messages it was sent.
    pub(crate) sent: Cell<u64>,
    /// How many it lost.
    pub(crate) dropped: Cell<u64>,
    /// How many of those, from its queue, it has not been told of.
    untold: Cell<u64>,
}

impl Client {
    /// A client that gets `first` before all others. `lost` messages before those are lost for it.
    pub(crate) fn new(
        id: u64,
        room: usize,
        lost: u64,
        mut first: VecDeque<Event>,
    ) -> (Rc<Self>, Events) {
        if lost > 0 {
            first.push_front(missed(lost));
        }
        let (queue, oldest) = channel::bounded(room);
        let events = oldest.clone().into_stream();
        let client = Rc::new(Client {
            id,
            first: RefCell::new(first),
            queue,
            oldest,
            patience: Cell::new(PATIENCE),
            sent: Cell::new(0),
            dropped: Cell::new(lost),
            untold: Cell::new(0),
        });
        (Rc::clone(&client), Events { client, queue: events, is_over: false })
    }

    /// Puts an event into its queue. If that is full, its connection has a turn to take from it. If that takes nothing, this
    /// waits while there is patience left, and then drops the oldest.
    pub(crate) async fn offer(&self, event: Event) {
        let Err(TrySendError::Full(event)) = self.queue.try_send(event) else {
            self.patience.set(PATIENCE.min(self.patience.get() + REGAINED));
            return;
        };
        yield_now().await;
        let start = Instant::now();
        let room = timeout(self.patience.get(), self.queue.reserve()).await;
        let patience = PATIENCE.min(self.patience.get() + REGAINED);
        self.patience.set(patience.saturating_sub(start.elapsed()));
        match room {
            Ok(Ok(room)) => drop(room.send(event)), // an error: it has left
            Ok(Err(_left)) => {}
            Err(_elapsed) => self.push(event),
        }
    }

    fn push(&self, mut event: Event) {
        while let Err(TrySendError::Full(back)) = self.queue.try_send(event) {
            let Ok(oldest) = self.oldest.try_recv() else {
                // All that is there is granted to the connection, which takes it in its next turn.
                return self.count(&back);
            };
            self.count(&oldest);
            event = back;
        }
    }

    /// An event is dropped.
    fn count(&self, event: &Event) {
        let lost = u64::from(event.is_message);
        self.dropped.set(self.dropped.get() + lost);
        self.untold.set(self.untold.get() + lost);
    }

    /// How many events wait for it.
    pub(crate) fn queued(&self) -> usize {
        self.first.borrow().len() + self.queue.len()
    }

    /// Its events end after what is in the queue.
    pub(crate) fn close(&self) {
        self.queue.close();
    }
}

/// Tells a client how many messages it has lost at this place.
fn missed(lost: u64) -> Event {
    Event::other(format!("event: dropped\ndata: {lost}\n\n").into())
}

/// What a client is sent.
pub(crate) struct Events {
    client: Rc<Client>,
    queue: channel::ReceiverStream<Event>,
    is_over: bool,
}

impl Events {
    /// The text of the next event; `None` after the last.
    pub(crate) fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let first = self.client.first.borrow_mut().pop_front();
        let next = match first {
            Some(event) => Some(event),
            None => match self.client.untold.take() {
                0 => ready!(Pin::new(&mut self.queue).poll_next(cx)),
                untold => Some(missed(untold)),
            },
        };
        Poll::Ready(match next {
            Some(event) => {
                self.client.sent.set(self.client.sent.get() + u64::from(event.is_message));
                Some(event.text)
            }
            None if self.is_over => None,
            None => {
                self.is_over = true;
                Some(Bytes::from_static(b"event: end\ndata: the feed has ended\n\n"))
            }
        })
    }
}
