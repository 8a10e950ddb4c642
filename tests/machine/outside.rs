//! What is outside of the executors: their driver, and a waker that is not theirs.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use taketurns::executor::{Driver, Pending, Unpark};

use super::program::Event;
use super::world::with;

thread_local! {
    static RECORDERS: Cell<usize> = const { Cell::new(0) };
}

/// More than any run needs: it does not end.
const TOO_MANY_LOOKS: usize = 10_000;

/// A driver that never waits: when it should, another thread wakes the root.
pub(crate) struct Outside(Arc<()>);

impl Outside {
    pub(crate) fn new(alive: &Arc<()>) -> Self {
        Outside(Arc::clone(alive))
    }
}

/// Never has to unpark; reaches as far as the executor's inbox does.
struct Nobody(#[allow(dead_code, reason = "it is there to be counted")] Arc<()>);

impl Unpark for Nobody {
    fn unpark(&self) {}
}

impl Driver for Outside {
    fn wait(&mut self, limit: Option<Duration>) {
        let looks = with(|world| {
            world.looks += 1;
            world.looks
        });
        assert!(looks < TOO_MANY_LOOKS, "the loop goes round for ever");
        if limit.is_none() {
            let idle = with(|world| world.idle.take()).expect("the loop waits for ever");
            thread::spawn(move || idle.wake()).join().expect("no user code runs there");
        }
    }

    fn wake(&mut self, _: bool) {}

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Nobody(Arc::clone(&self.0)))
    }
}

/// A waker that is not of this crate.
pub(crate) struct Recorder(usize);

impl Recorder {
    pub(crate) fn waker(task: usize) -> Waker {
        RECORDERS.set(RECORDERS.get() + 1);
        Waker::from(Arc::new(Recorder(task)))
    }
}

impl Wake for Recorder {
    fn wake(self: Arc<Self>) {
        with(|world| world.events.push(Event::Recorded(self.0)));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        RECORDERS.set(RECORDERS.get() - 1);
    }
}

/// How many of them are kept.
pub(crate) fn recorders() -> usize {
    RECORDERS.get()
}

pub(crate) fn no_recorders() {
    RECORDERS.set(0);
}
