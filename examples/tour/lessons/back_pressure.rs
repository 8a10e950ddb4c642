//! Lesson 18: too many tasks too fast, and three ways to bound how many pile up.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use taketurns::sync::{Semaphore, channel};
use taketurns::task::join_all;
use taketurns::{JoinHandle, spawn, yield_now};

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::block_on;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 18,
    slug: "back-pressure",
    title: "too many tasks too fast",
    moral: "Make the producer wait, not the work.",
    source: include_str!("back_pressure.rs"),
    next: Next {
        file: "sync/channel/send.rs",
        item: "pub fn send",
        why: "a sender that waits for room",
    },
    exercise: exercise!("back-pressure"),
    twin: script!("18"),
    play,
};

const TASKS: usize = 100;

/// How many pieces of work are made and not yet done, and the most there were.
#[derive(Default)]
struct Backlog {
    now: Cell<usize>,
    peak: Cell<usize>,
}

impl Backlog {
    fn made(&self) {
        self.now.set(self.now.get() + 1);
        self.peak.set(self.peak.get().max(self.now.get()));
    }

    fn done(&self) {
        self.now.set(self.now.get() - 1);
    }
}

async fn work() {
    for _ in 0..3 {
        yield_now().await;
    }
}

/// Spawns a piece of work that counts from now until it is done.
fn create(backlog: &Rc<Backlog>, work: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
    backlog.made();
    let task = spawn(work);
    let backlog = backlog.clone();
    task.on_done(move |_| backlog.done()).expect("it has just been spawned");
    task
}

async fn all_at_once(backlog: Rc<Backlog>) {
    join_all((0..TASKS).map(|_| create(&backlog, work()))).await;
}

async fn permit_inside(backlog: Rc<Backlog>) {
    let permits = Rc::new(Semaphore::new(5));
    let worker = |permits: Rc<Semaphore>| async move {
        let _permit = permits.acquire().await;
        work().await;
    };
    join_all((0..TASKS).map(|_| create(&backlog, worker(permits.clone())))).await;
}

async fn permit_before(backlog: Rc<Backlog>) {
    let permits = Rc::new(Semaphore::new(5));
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        // [show
        // a permit before the task is made
        let permit = permits.acquire_owned().await;
        tasks.push(create(&backlog, async move {
            work().await;
            drop(permit);
        }));
        // show]
    }
    join_all(tasks).await;
}

async fn bounded_queue(backlog: Rc<Backlog>) {
    let (sender, receiver) = channel::bounded(5);
    let consumers = [(); 3].map(|()| {
        let (receiver, backlog) = (receiver.clone(), backlog.clone());
        spawn(async move {
            while receiver.recv().await.is_ok() {
                backlog.done();
                work().await;
            }
        })
    });
    for number in 0..TASKS {
        // [show
        // a bounded queue, and three consumers
        sender.send(number).await.expect("the consumers listen");
        backlog.made();
        // show]
    }
    drop(sender);
    join_all(consumers).await;
}

async fn batches(backlog: Rc<Backlog>) {
    for _ in 0..TASKS / 10 {
        // [show
        // a batch, and the next when all of it is done
        join_all([(); 10].map(|()| create(&backlog, work()))).await;
        // show]
    }
}

/// Says the peak, and returns it.
fn peak<F: Future<Output = ()>>(name: &str, way: impl FnOnce(Rc<Backlog>) -> F) -> usize {
    let backlog = Rc::<Backlog>::default();
    block_on(way(backlog.clone()));
    say!("{name}: peak backlog {} of {TASKS}", backlog.peak.get());
    backlog.peak.get()
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let all = stage.scene("wrong way", "make a hundred tasks at once", || {
        Ok(peak("all at once", all_at_once))
    })?;
    let inside = stage.scene("half a way", "a semaphore, but inside the tasks", || {
        Ok(peak("permit inside", permit_inside))
    })?;
    let right = stage.scene("right ways", "three that make the producer wait", || {
        Ok([
            peak("permit before", permit_before),
            peak("bounded queue", bounded_queue),
            peak("batches", batches),
        ])
    })?;
    stage.why(
        "A producer that never waits makes tasks faster than they can be done, and each takes memory from \
         the moment it is made. Back-pressure is to make the producer wait: for a permit, for room in \
         a queue, or for the batch before.",
    );
    stage.slip(
        "A semaphore inside the task bounds how many work, not how many wait: all hundred tasks are made \
         at once. The permit must be taken before the task is made.",
    );
    stage.check("at once: the backlog is all there is", all.value == TASKS);
    stage.check("a permit inside the task: it is the same", inside.value == TASKS);
    stage.check(
        "bounded in all three ways: 5 permits, room for 5, batches of 10",
        right.value == [5, 5, 10],
    );
    Ok(())
}
