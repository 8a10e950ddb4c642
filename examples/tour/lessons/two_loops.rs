//! Lesson 5: a consumer on a loop of its own takes messages from a source that blocks, for the clients of another loop.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::Duration;

use taketurns::sync::channel::{self, Sender};
use taketurns::time::sleep;
use taketurns::{Background, Builder, Handle, block_on, spawn_blocking};

use crate::compiled::is_send;
use crate::exercise::exercise;
use crate::lane::{lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 5,
    slug: "two-loops",
    title: "a consumer on one loop, its clients on another",
    moral: "Poll on a thread, emit on the clients' loop.",
    source: include_str!("two_loops.rs"),
    next: Next {
        file: "threads/handle.rs",
        item: "pub fn spawn_with",
        why: "a future that stays on the loop it is made on",
    },
    exercise: exercise!("two-loops"),
    twin: script!("05"),
    play,
};

/// Blocks until there is a message; its third poll fails, and takes nothing.
struct Source {
    messages: VecDeque<&'static str>,
    polls: usize,
    meeting: Option<Meeting>,
}

/// The turn of a task beside the consumer, which the source waits for before it gives up.
struct Meeting {
    seen: Receiver<()>,
    loops: ThreadId,
}

impl Source {
    fn new(messages: &[&'static str], meeting: Option<Meeting>) -> Arc<Mutex<Source>> {
        Arc::new(Mutex::new(Source {
            messages: messages.iter().copied().collect(),
            polls: 0,
            meeting,
        }))
    }

    fn poll(&mut self) -> io::Result<Option<&'static str>> {
        self.polls += 1;
        if let Some(Meeting { seen, loops }) = &self.meeting {
            // On the loop's own thread it would wait in vain, however long.
            let patience = if thread::current().id() == *loops { 10 } else { 30_000 };
            let _ = seen.recv_timeout(Duration::from_millis(patience));
        }
        if self.polls == 3 {
            return Err(io::Error::other("source away"));
        }
        Ok(self.messages.pop_front())
    }
}

type Shared = Arc<Mutex<Source>>;

fn lock(source: &Shared) -> MutexGuard<'_, Source> {
    source.lock().expect("no poll panics")
}

async fn in_place(source: Shared) -> io::Result<Option<&'static str>> {
    lock(&source).poll()
}

async fn offloaded(source: Shared) -> io::Result<Option<&'static str>> {
    // [show
    let poll = spawn_blocking(move || lock(&source).poll());
    poll.await.map_err(io::Error::other)?
    // show]
}

/// Until the source is empty: polls, decodes, emits; after a failed poll it waits for a moment.
async fn consume(
    source: Shared,
    poll: impl AsyncFn(Shared) -> io::Result<Option<&'static str>>,
    emit: impl AsyncFn(u32),
) {
    loop {
        match poll(source.clone()).await {
            Ok(None) => break say!("the source is empty"),
            Ok(Some(message)) => match message.parse() {
                Ok(data) => emit(data).await,
                Err(_) => say!("error: malformed message"),
            },
            Err(error) => {
                say!("error: {error}");
                sleep(Duration::from_millis(20)).await; // backs off
            }
        }
    }
}

/// A consumer that finds nothing, with a task beside it on the same loop.
fn beside(poll: impl AsyncFn(Shared) -> io::Result<Option<&'static str>>) -> io::Result<()> {
    block_on(lane("consumer", async {
        let (tell, seen) = mpsc::channel();
        let other = spawn_named("beside", async move {
            say!("the task beside has its turn");
            let _ = tell.send(());
        });
        let meeting = Meeting { seen, loops: thread::current().id() };
        consume(Source::new(&[], Some(meeting)), poll, async |_| {}).await;
        other.await.map_err(io::Error::other)
    }))
}

struct Client {
    name: &'static str,
    queue: Sender<u32>,
    received: channel::Receiver<u32>,
}

thread_local! {
    /// The clients belong to the loop of this thread.
    static CLIENTS: RefCell<Vec<Rc<Client>>> = const { RefCell::new(Vec::new()) };
}

fn connect(name: &'static str) {
    say!("{name} connected");
    let (queue, received) = channel::bounded(10);
    CLIENTS.with_borrow_mut(|clients| clients.push(Rc::new(Client { name, queue, received })));
}

fn disconnect(name: &str) {
    let mut leaves = Vec::new();
    CLIENTS.with_borrow_mut(|clients| {
        let (left, stay) = clients.drain(..).partition(|client| client.name == name);
        (leaves, *clients) = (left, stay);
    });
    for client in leaves {
        let got: Vec<u32> = std::iter::from_fn(|| client.received.try_recv().ok()).collect();
        say!("{name} disconnected, got {got:?}");
    }
}

async fn broadcast(event: &str, data: u32) {
    say!("emit {event} {data}");
    let clients = CLIENTS.with_borrow(Clone::clone);
    for client in clients {
        let _ = client.queue.send(data).await;
    }
}

/// Returns how often the source was polled.
async fn serve(source: Shared) -> io::Result<()> {
    connect("client a");
    connect("client b");
    let consumed = source.clone();
    // [show
    let server = Handle::current();
    let emit = async move |data| {
        // made on the server's loop, where the clients are
        let sent = server.spawn_with(move || broadcast("item_added", data));
        sent.await.expect("the server serves on");
    };
    let consumer = Background::start(Builder::new(), |_stop| {
        lane("consumer", consume(consumed, offloaded, emit))
    })?;
    // show]
    let joined = spawn_blocking(move || consumer.join()).await;
    joined.and_then(|ended| ended).map_err(io::Error::other)?;
    disconnect("client a");
    broadcast("item_removed", 2).await; // what client b sends
    disconnect("client b");
    say!("{} polls", lock(&source).polls);
    Ok(())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let blocking = stage.scene("wrong way", "poll the source in the task", || beside(in_place))?;
    let beside = stage.scene("offloaded way", "poll it on another thread", || beside(offloaded))?;
    let served = stage.scene("right way", "emit on the loop that has the clients", || {
        let source = Source::new(&["1", "not json", "2", "3"], None);
        block_on(lane("server", serve(source)))
    })?;
    stage.why(
        "A source that blocks until there is a message stops the loop that polls it. So the poll is a job of the \
         pool. And the clients belong to the server's loop: the consumer sends it the message by a `Handle`, and \
         awaits that it was emitted. A message that cannot be decoded is told and left out. After a failed poll \
         the consumer waits before the next; such a poll takes no message, so none is lost.",
    );
    stage.by_nature(
        "to emit from the consumer's thread itself does not compile: a client has a queue of its loop, which is not \
         `Send`. In asyncio it compiles, and is a race that may even go well.",
    );
    stage.note(
        "An empty source does not make the consumer spin: each poll blocks until there is a message, or no more to \
         come. The example `live_feed` is such a program in full.",
    );
    stage.check(
        "polled in the task: no other task had a turn meanwhile",
        blocking.is(&["the source is empty", "the task beside has its turn"]),
    );
    stage.check(
        "offloaded: the loop went on",
        beside.is(&["the task beside has its turn", "the source is empty"]),
    );
    stage.check(
        "each message that could be decoded reached both clients, in order, and was polled once",
        served.is(&[
            "client a connected",
            "client b connected",
            "emit item_added 1",
            "error: malformed message",
            "error: source away",
            "emit item_added 2",
            "emit item_added 3",
            "the source is empty",
            "client a disconnected, got [1, 2, 3]",
            "emit item_removed 2",
            "client b disconnected, got [1, 2, 3, 2]",
            "6 polls",
        ]),
    );
    stage.check("no other thread can touch a client", !is_send!(Client));
    Ok(())
}
