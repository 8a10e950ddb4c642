//! Lesson 5: a consumer on one loop, and the clients of another.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::unbounded;
use taketurns::sync::channel::{self, Sender};
use taketurns::time::{Clock, sleep};
use taketurns::{Background, Builder, Handle, block_on, spawn, spawn_blocking};

use crate::across::Events;
use crate::common::Trace;

thread_local! {
    /// The queue of each client, which belongs to the loop of this thread.
    static CLIENTS: RefCell<Vec<Rc<Sender<u32>>>> = const { RefCell::new(Vec::new()) };
}

fn connect() -> channel::Receiver<u32> {
    let (queue, received) = channel::bounded(10);
    CLIENTS.with_borrow_mut(|clients| clients.push(Rc::new(queue)));
    received
}

async fn broadcast(data: u32) {
    for client in CLIENTS.with_borrow(Clone::clone) {
        client.send(data).await.unwrap();
    }
}

#[test]
fn give_each_client_every_message_that_could_be_decoded() {
    let events = Events::default();
    let said = events.clone();
    // What the polls find: a message, or that the source has failed.
    let (found, mut polls) = unbounded();
    for poll in [Some("1"), Some("not json"), None, Some("2"), Some("3")] {
        found.unbounded_send(poll).unwrap();
    }
    drop(found);
    let received = block_on(async move {
        let clients = [connect(), connect()];
        let server = Handle::current();
        let main = async move |_stop| {
            while let Some(poll) = polls.next().await {
                match poll.map(str::parse) {
                    Some(Ok(data)) => {
                        let sent = server.spawn_with(move || broadcast(data));
                        sent.await.unwrap();
                        said.push(data);
                    }
                    Some(Err(_)) => said.push("malformed"),
                    None => {
                        said.push("failed");
                        sleep(Duration::from_secs(5)).await; // backs off
                    }
                }
            }
        };
        let consumer = Background::start(Builder::new().clock(Clock::AutoAdvance), main).unwrap();
        spawn_blocking(|| consumer.join()).await.unwrap().unwrap();
        broadcast(2).await; // what a client sends
        CLIENTS.take();
        clients.map(|client| std::iter::from_fn(|| client.try_recv().ok()).collect::<Vec<u32>>())
    });
    assert_eq!(events.take(), "1 malformed failed 2 3");
    assert_eq!(received, [[1, 2, 3, 2], [1, 2, 3, 2]]);
}

/// What a consumer says whose source blocks until the task beside it has had its turn, and what that task says.
fn beside(poll: impl AsyncFnOnce(mpsc::Receiver<()>) -> bool) -> String {
    let trace = Trace::new();
    block_on(async {
        let (tell, seen) = mpsc::channel();
        let said = trace.clone();
        let other = spawn(async move {
            said.push("beside");
            let _ = tell.send(());
        });
        trace.push(if poll(seen).await { "went-on" } else { "stood-still" });
        other.await.unwrap();
    });
    trace.take()
}

#[test]
fn go_on_while_a_poll_blocks_only_where_it_is_offloaded() {
    let in_place = async |seen: mpsc::Receiver<()>| seen.try_recv().is_ok();
    assert_eq!(beside(in_place), "stood-still beside");
    let patience = Duration::from_secs(30);
    let offloaded = async |seen: mpsc::Receiver<()>| {
        spawn_blocking(move || seen.recv_timeout(patience).is_ok()).await.unwrap()
    };
    assert_eq!(beside(offloaded), "beside went-on");
}
