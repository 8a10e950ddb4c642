//! The feed: what every client gets, in one order.
//!
//! The consumer and the browsers that post could each go through the list of clients. But sending to a client may wait, so
//! two of them would overtake each other, and two clients would see two orders. So what is new goes into one inbox, and one
//! task takes it from there. The inbox has a bound: a sender that is too fast waits.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::process;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use serde_json::{Value, json};
use taketurns::sync::{SendError, channel};
use taketurns::task::join_all;
use taketurns::time::timeout;

use super::client::{Client, Event, Events};
use super::decode::Message;
use super::say;

/// The last messages are kept, up to this many, for a client that is new or comes back.
const REPLAYED: usize = 256;

/// How many pieces of news wait for the feed before a sender has to wait.
const INBOX: usize = 256;

/// After this long without an event, a comment is sent: writing is how a lost connection is noticed.
const QUIET: Duration = Duration::from_secs(15);

thread_local! {
    /// The feed of the loop of this thread.
    static HERE: RefCell<Option<Rc<Feed>>> = const { RefCell::new(None) };
}

/// What the feed is told.
pub(crate) enum News {
    /// A message, and where it is from: `"source"` or `"browser"`.
    Message(&'static str, Message),
    /// How many messages were malformed, and what is wrong with the last of them.
    Malformed { count: u64, last: String },
    /// The source failed, and is tried again after a pause.
    Failed { error: String, pause: Duration },
    /// The source can be read again.
    Reading,
    /// The source is read from its beginning again.
    NewFile,
}

#[derive(Clone, Default)]
pub(crate) struct Totals {
    pub(crate) messages: u64,
    /// Of the messages, those from browsers.
    pub(crate) posted: u64,
    pub(crate) malformed: u64,
    pub(crate) retries: u64,
    pub(crate) new_files: u64,
    /// How many clients there were.
    pub(crate) clients: u64,
    /// What clients that have left had lost.
    pub(crate) dropped: u64,
}

pub(crate) struct Feed {
    /// The first part of each id. A client that comes back to another run of the program has not seen its messages.
    run: String,
    inbox: channel::Sender<News>,
    /// How many messages may wait for one client.
    room: usize,
    totals: RefCell<Totals>,
    source: RefCell<String>,
    last_malformed: RefCell<Option<String>>,
    /// The last messages; the last of all has the number `totals.messages`.
    replay: RefCell<VecDeque<Bytes>>,
    clients: RefCell<BTreeMap<u64, Rc<Client>>>,
    /// How many events clients have taken, all together.
    taken: Cell<u64>,
    /// Nothing comes any more: a client that joins now gets what is kept, and the end.
    has_ended: Cell<bool>,
}

impl Feed {
    /// Makes the feed of this thread's loop, and the inbox for [`run`](Self::run).
    pub(crate) fn new(room: usize) -> (Rc<Self>, channel::Receiver<News>) {
        let (inbox, news) = channel::bounded(INBOX);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let feed = Rc::new(Feed {
            run: format!("{:x}.{:x}", started.as_millis(), process::id()),
            inbox,
            room,
            totals: RefCell::default(),
            source: RefCell::new("reading".to_owned()),
            last_malformed: RefCell::default(),
            replay: RefCell::default(),
            clients: RefCell::default(),
            taken: Cell::new(0),
            has_ended: Cell::new(false),
        });
        HERE.set(Some(Rc::clone(&feed)));
        (feed, news)
    }

    /// The feed of this thread's loop: for what another thread sends here, which cannot bring an `Rc` with it.
    pub(crate) fn here() -> Rc<Self> {
        HERE.with_borrow(Clone::clone).expect("the server's loop has a feed")
    }

    /// Takes all of `news`, in order. Waits for room.
    pub(crate) async fn take(&self, news: Vec<News>) {
        for news in news {
            if self.tell(news).await.is_err() {
                return; // the feed has ended
            }
        }
    }

    /// Waits for room.
    ///
    /// # Errors
    ///
    /// The feed has ended.
    pub(crate) async fn tell(&self, news: News) -> Result<(), SendError<News>> {
        self.inbox.send(news).await
    }

    /// Takes no more news. What is in the inbox is still sent.
    pub(crate) fn close(&self) {
        self.inbox.close();
    }

    /// Sends the news to every client until the inbox is closed, and then ends their events.
    pub(crate) async fn run(self: Rc<Self>, news: channel::Receiver<News>) {
        loop {
            match timeout(QUIET, news.recv()).await {
                Ok(Ok(news)) => self.send(news).await,
                Ok(Err(_closed)) => break,
                Err(_elapsed) => {
                    self.offer(Event::other(b": nothing is new\n\n"[..].into())).await;
                }
            }
        }
        self.has_ended.set(true);
        for client in self.clients.borrow().values() {
            client.close();
        }
    }

    async fn send(&self, news: News) {
        match news {
            News::Message(from, message) => {
                let text = self.message(from, &message);
                self.offer(Event::message(text)).await;
                return;
            }
            News::Malformed { count, last } => {
                self.totals.borrow_mut().malformed += count;
                *self.last_malformed.borrow_mut() = Some(last);
            }
            News::Failed { error, pause } => {
                self.totals.borrow_mut().retries += 1;
                *self.source.borrow_mut() = format!("{error}; tried again in {pause:?}");
            }
            News::Reading => *self.source.borrow_mut() = "reading".to_owned(),
            News::NewFile => self.totals.borrow_mut().new_files += 1,
        }
        self.offer(Event::other(self.state())).await;
    }

    /// Counts a message and keeps it for the replay; returns its event.
    fn message(&self, from: &str, message: &Message) -> Bytes {
        let mut totals = self.totals.borrow_mut();
        totals.messages += 1;
        totals.posted += u64::from(from == "browser");
        let data = json!({ "from": from, "message": message });
        let text = Bytes::from(format!("id: {}-{}\ndata: {data}\n\n", self.run, totals.messages));
        let mut replay = self.replay.borrow_mut();
        if replay.len() == REPLAYED {
            replay.pop_front();
        }
        replay.push_back(text.clone());
        text
    }

    /// What is known of the source, as an event.
    fn state(&self) -> Bytes {
        let data = json!({
            "source": *self.source.borrow(),
            "malformed": self.totals.borrow().malformed,
            "last_malformed": *self.last_malformed.borrow(),
        });
        format!("event: state\ndata: {data}\n\n").into()
    }

    async fn offer(&self, event: Event) {
        // A client that comes while this waits has the message from the replay.
        let clients: Vec<_> = self.clients.borrow().values().cloned().collect();
        // All at once: many slow clients cost no more time than one.
        join_all(clients.iter().map(|client| client.offer(event.clone()))).await;
    }

    /// A new client. `seen` is the id of the last message that it has, if it was here before.
    pub(crate) fn join(self: &Rc<Self>, seen: Option<&str>) -> Listener {
        let mut first = VecDeque::from(
            [Bytes::from_static(b"retry: 1000\n\n"), self.state()].map(Event::other),
        );
        let mut totals = self.totals.borrow_mut();
        totals.clients += 1;
        let replay = self.replay.borrow();
        let gone = totals.messages - replay.len() as u64; // those that are not kept any more
        let seen = seen.and_then(|id| id.strip_prefix(&self.run)?.strip_prefix('-')?.parse().ok());
        // A client that has seen none starts with what is kept, and has missed nothing.
        let seen: u64 = seen.unwrap_or(gone).min(totals.messages);
        let unseen = replay.iter().skip(seen.saturating_sub(gone) as usize);
        first.extend(unseen.cloned().map(Event::message));
        let missed = gone.saturating_sub(seen);
        let (client, events) = Client::new(totals.clients, self.room, missed, first);
        if self.has_ended.get() {
            client.close();
        }
        say(format_args!("client {} connected", client.id)).detach();
        self.clients.borrow_mut().insert(client.id, Rc::clone(&client));
        Listener { feed: Rc::clone(self), client, events }
    }

    /// How many events wait for clients.
    pub(crate) fn queued(&self) -> usize {
        self.clients.borrow().values().map(|client| client.queued()).sum()
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.get()
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = self.totals.borrow().clone();
        totals.dropped +=
            self.clients.borrow().values().map(|client| client.dropped.get()).sum::<u64>();
        totals
    }

    /// All counts. `reads`: how often the source was asked.
    pub(crate) fn status(&self, reads: u64) -> Value {
        let totals = self.totals();
        let clients = self.clients.borrow();
        let clients = clients.values().map(|client| {
            json!({
                "client": client.id,
                "sent": client.sent.get(),
                "queued": client.queued(),
                "dropped": client.dropped.get(),
            })
        });
        json!({
            "source": *self.source.borrow(),
            "messages": totals.messages,
            "posted": totals.posted,
            "malformed": totals.malformed,
            "last_malformed": *self.last_malformed.borrow(),
            "retries": totals.retries,
            "new_files": totals.new_files,
            "reads": reads,
            "dropped": totals.dropped,
            "clients": clients.collect::<Vec<_>>(),
        })
    }
}

/// The events of a client, which leaves when this is dropped.
pub(crate) struct Listener {
    feed: Rc<Feed>,
    client: Rc<Client>,
    events: Events,
}

impl Listener {
    /// See [`Events::poll_text`].
    pub(crate) fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let text = ready!(self.events.poll_text(cx));
        self.feed.taken.set(self.feed.taken.get() + u64::from(text.is_some()));
        Poll::Ready(text)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.client.close(); // the feed may wait for room in its queue
        self.feed.clients.borrow_mut().remove(&self.client.id);
        let (sent, dropped) = (self.client.sent.get(), self.client.dropped.get());
        self.feed.totals.borrow_mut().dropped += dropped;
        say(format_args!(
            "client {} left: {sent} messages sent, {dropped} dropped",
            self.client.id
        ))
        .detach();
    }
}
