//! Lesson 8: an event wakes every waiter, in the order in which they came.

#![forbid(unsafe_code)]

use std::io;
use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::Event;
use taketurns::time::call_later;

use crate::exercise::exercise;
use crate::lane::{spawn_named, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 8,
    slug: "event",
    title: "an event wakes every waiter",
    moral: "`set` queues all waiters, first come first.",
    source: include_str!("event.rs"),
    next: Next {
        file: "sync/event.rs",
        item: "pub fn set",
        why: "which waiters it wakes, and in which order",
    },
    exercise: exercise!("event"),
    twin: script!("08"),
    play,
};

fn state(event: &Event) -> &'static str {
    if event.is_set() { "set" } else { "not set" }
}

async fn waiter(n: u32, event: Rc<Event>) {
    // [show
    say!("coro{n} waiting for event");
    event.wait().await;
    say!("coro{n} triggered");
    // show]
}

async fn entry() {
    let event = Rc::new(Event::new());
    say!("event start state: {}", state(&event));
    let later = event.clone();
    // [show
    call_later(Duration::from_secs(1), move || {
        say!("setting event in callback");
        later.set();
        say!("callback done");
    });
    // show]
    for waiter in [1, 2, 3].map(|n| spawn_named(&format!("coro{n}"), waiter(n, event.clone()))) {
        waiter.await.expect("it neither panics nor is aborted");
    }
    say!("event end state: {}", state(&event));
    event.wait().await;
    say!("set already: no wait");
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.timed_scene("right way", "three wait, a callback sets the event", || {
        virtually("entry", entry())
    })?;
    stage.why(
        "`set` marks the event and wakes each waiter, in the order in which they began to wait. To wake is \
         to queue: the callback ends first, and then each waiter has its turn. The event stays set, so a \
         later `wait` is ready at once, until `clear`.",
    );
    stage.by_nature(
        "an `Event` is bound to no runtime, only to its thread: `Rc` shares it between tasks, and the \
         compiler keeps it from other threads. asyncio's is not thread-safe either, and nothing keeps it.",
    );
    stage.check(
        "not set, all wait, set, all go on in the order of waiting, set",
        run.is(&[
            "event start state: not set",
            "coro1 waiting for event",
            "coro2 waiting for event",
            "coro3 waiting for event",
            "setting event in callback",
            "callback done",
            "coro1 triggered",
            "coro2 triggered",
            "coro3 triggered",
            "event end state: set",
            "set already: no wait",
        ]),
    );
    stage.check("all of it took the second that the callback was late", {
        run.took == Duration::from_secs(1)
    });
    stage.check(
        "as long in asyncio",
        run.asyncio_at("set already: no wait") == Some(Duration::from_secs(1)),
    );
    Ok(())
}
