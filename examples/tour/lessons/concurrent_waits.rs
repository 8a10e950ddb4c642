//! Lesson 7: awaiting one after the other adds the waits up; tasks wait at the same time.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use futures::future::join_all;
use taketurns::time::sleep;
use taketurns::{block_on, spawn};

use crate::lessons::Lesson;
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 7,
    title: "three waits at once take as long as one",
    passage: "document 002, \"An example of async functions\"",
    sources: &["executor/run.rs", "timer/sleep.rs"],
    twin: script!("07"),
    play,
};

const WAIT: Duration = Duration::from_millis(100);

async fn count() {
    say!("One");
    sleep(WAIT).await;
    say!("Two");
}

async fn one_by_one() {
    count().await;
    count().await;
    count().await;
}

async fn together() {
    join_all([spawn(count()), spawn(count()), spawn(count())]).await;
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let apart = stage.scene("wrong way", "await one, then the next", || {
        block_on(one_by_one());
        Ok(())
    })?;
    let at_once = stage.scene("right way", "spawn three, await them all", || {
        block_on(together());
        Ok(())
    })?;
    stage.why(&format!(
        "`.await` on a future waits in the same task; nothing else of that task runs. Three \
         tasks wait side by side: {} ms against {} ms, where the document waits 1 s each.",
        at_once.took.as_millis(),
        apart.took.as_millis(),
    ));
    stage.by_nature(
        "a future does nothing until it is polled: it takes `spawn`, or a combinator such as \
         `join_all`, to begin a second one before the first ends.",
    );
    stage.check(
        "one by one: One Two One Two One Two, and no sooner than three waits",
        apart.is(&["One", "Two", "One", "Two", "One", "Two"]) && apart.took >= 3 * WAIT,
    );
    stage.check(
        "together: One One One Two Two Two, and no sooner than one wait",
        at_once.is(&["One", "One", "One", "Two", "Two", "Two"]) && at_once.took >= WAIT,
    );
    Ok(())
}
