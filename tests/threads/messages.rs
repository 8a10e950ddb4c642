//! Two loops on two threads that send tasks to each other, and enter and leave `block_on` all the time.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use taketurns::{Builder, Handle, UnhandledPanic};

/// To each of the two.
const MESSAGES: u32 = if cfg!(debug_assertions) { 100_000 } else { 500_000 };

/// How many are sent between two runs.
const BATCH: u32 = 10;

thread_local! {
    /// The messages that have come to this thread's loop.
    static COME: Cell<u32> = const { Cell::new(0) };
    static WAITS: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// A message: the number of those that have come is right only if each comes once and in order.
async fn message(number: u32) {
    assert_eq!(COME.replace(number + 1), number);
    if let Some(waiting) = WAITS.take() {
        waiting.wake();
    }
}

/// Exchanges messages with the other loop, whose handle comes by a channel.
fn exchange(here: &mpsc::Sender<Handle>, there: &mpsc::Receiver<Handle>) {
    let stop = UnhandledPanic::Stop; // a message that is wrong ends the run
    let runtime = Builder::new().unhandled_panic(stop).build().unwrap();
    here.send(runtime.handle()).unwrap();
    let other = there.recv().unwrap();
    let mut sent = 0;
    while COME.get() < MESSAGES {
        let batch = sent..MESSAGES.min(sent + BATCH);
        sent = batch.end;
        batch.for_each(|number| other.spawn(message(number)).detach());
        let seen = COME.get();
        runtime.block_on(poll_fn(|cx| {
            WAITS.set(Some(cx.waker().clone()));
            if COME.get() > seen { Poll::Ready(()) } else { Poll::Pending }
        }));
    }
    (sent..MESSAGES).for_each(|number| other.spawn(message(number)).detach());
}

#[test]
fn no_message_between_two_loops_is_lost_or_overtakes_another() {
    let (first, to_second) = mpsc::channel();
    let (second, to_first) = mpsc::channel();
    let away = thread::spawn(move || exchange(&second, &to_second));
    exchange(&first, &to_first);
    away.join().unwrap();
}
