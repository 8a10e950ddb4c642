//! Lesson 7: awaiting one after the other adds the waits up; tasks wait at the same time.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use futures::future::join_all;
use taketurns::time::sleep;

use crate::exercise::exercise;
use crate::lane::{spawn, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 7,
    slug: "concurrent-waits",
    title: "three waits at once take as long as one",
    moral: "Awaits in a row add up; waiting tasks overlap.",
    source: include_str!("concurrent_waits.rs"),
    next: Next {
        file: "timer/sleep.rs",
        item: "pub fn sleep",
        why: "a wait that leaves the thread to others",
    },
    exercise: exercise!("concurrent-waits"),
    twin: script!("07"),
    play,
};

const WAIT: Duration = Duration::from_millis(100);

// [show
async fn count(name: char) {
    say!("{name}: One");
    sleep(WAIT).await;
    say!("{name}: Two");
}
// show]

async fn one_by_one() {
    // [show
    // one by one
    count('a').await;
    count('b').await;
    count('c').await;
    // show]
}

async fn together() {
    // [show
    // together
    join_all(['a', 'b', 'c'].map(|name| spawn(count(name)))).await;
    // show]
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let apart = stage
        .timed_scene("wrong way", "await one, then the next", || virtually("main", one_by_one()))?;
    let at_once = stage.timed_scene("right way", "spawn three, await them all", || {
        virtually("main", together())
    })?;
    stage.why(&format!(
        "`.await` on a future waits in the same task, and nothing else of that task runs meanwhile. \
         Three tasks wait side by side: {} ms instead of {} ms.",
        at_once.took.as_millis(),
        apart.took.as_millis(),
    ));
    stage.by_nature(
        "a future does nothing until it is polled. To begin a second one before the first ends takes \
         `spawn`, or a combinator such as `join_all`.",
    );
    stage.check(
        "one by one: One Two One Two One Two, and as long as three waits",
        apart.is(&["a: One", "a: Two", "b: One", "b: Two", "c: One", "c: Two"])
            && apart.took == 3 * WAIT,
    );
    stage.check(
        "together: One One One Two Two Two, in the order of spawning, and as long as one wait",
        at_once.is(&["a: One", "b: One", "c: One", "a: Two", "b: Two", "c: Two"])
            && at_once.took == WAIT,
    );
    stage.check(
        "as long in asyncio",
        apart.asyncio_at("c: Two") == Some(3 * WAIT) && at_once.asyncio_at("c: Two") == Some(WAIT),
    );
    Ok(())
}
