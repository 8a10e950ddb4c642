//! Lesson 3: a loop on a thread of its own, while the main program works.

#![forbid(unsafe_code)]

use std::future::pending;
use std::sync::mpsc::{self, Sender};
use std::thread;

use futures::channel::oneshot;
use taketurns::cancel::CancellationToken;
use taketurns::{Background, Builder, block_on, yield_now};

use crate::across::{Events, child, told};

/// Says `i` for each of five iterations; in the second and the fourth it waits for the main program.
async fn work(
    events: Events,
    mut meetings: Vec<(Sender<()>, oneshot::Receiver<()>)>,
) -> &'static str {
    for i in 0..5 {
        events.push(i);
        if i % 2 == 1 {
            let (reached, goes_on) = meetings.remove(0);
            reached.send(()).unwrap();
            goes_on.await.unwrap();
        }
    }
    "finished"
}

#[test]
fn goes_on_beside_the_main_program_and_is_joined() {
    let events = Events::default();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (reached, reaches) = mpsc::channel();
        let (go_on, goes_on) = oneshot::channel();
        theirs.push((reached, goes_on));
        ours.push((reaches, go_on));
    }
    let said = events.clone();
    let background = Background::start(Builder::new(), |_stop| work(said, theirs)).unwrap();
    for (reaches, go_on) in ours {
        reaches.recv().unwrap();
        events.push("main");
        go_on.send(()).unwrap();
    }
    events.push(background.join().unwrap());
    assert_eq!(events.take(), "0 1 main 2 3 main 4 finished");
}

#[test]
fn is_stopped_and_waited_for_at_the_end_of_its_scope() {
    let events = Events::default();
    let (begun, begins) = mpsc::channel();
    {
        let said = events.clone();
        let main = async move |stop: CancellationToken| {
            said.push("begins");
            begun.send(()).unwrap();
            stop.cancelled().await;
            yield_now().await;
            said.push("ends");
        };
        let _background = Background::start(Builder::new(), main).unwrap();
        begins.recv().unwrap();
        events.push("main");
    }
    events.push("after");
    assert_eq!(events.take(), "begins main ends after");
}

#[test]
fn is_lost_with_the_program_on_a_thread_that_is_not_joined() {
    let name = "background_loop::is_lost_with_the_program_on_a_thread_that_is_not_joined";
    if let Some(seen) = child(name) {
        return assert_eq!(seen, "begins main-ends");
    }
    let (begun, begins) = mpsc::channel();
    let work = async move {
        told("begins");
        begun.send(()).unwrap();
        pending::<()>().await;
        told("ends");
    };
    thread::spawn(|| block_on(work));
    begins.recv().unwrap();
    told("main-ends");
}
