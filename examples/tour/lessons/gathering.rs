//! Lesson 13: several results at once, and a task that is made now and awaited later.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::task::join_all;
use taketurns::time::sleep;

use crate::exercise::exercise;
use crate::lane::{spawn, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 13,
    slug: "gathering",
    title: "several results at once; make now, await later",
    moral: "Results come in the order of the arguments.",
    source: include_str!("gathering.rs"),
    next: Next {
        file: "group/join_all.rs",
        item: "pub fn join_all",
        why: "all outputs, in the order of the futures",
    },
    exercise: exercise!("gathering"),
    twin: script!("13"),
    play,
};

const SECOND: Duration = Duration::from_secs(1);

async fn fetch(n: u32, seconds: u32) -> u32 {
    say!("fetch {n} begins");
    sleep(seconds * SECOND).await;
    say!("fetch {n} ends");
    n
}

async fn one_by_one() {
    // [show
    // awaited one by one
    let (one, two) = (fetch(1, 3), fetch(2, 1));
    say!("made, none begun");
    say!("results [{}, {}]", one.await, two.await);
    // show]
}

async fn together() {
    // [show
    // awaited together
    let results = join_all([fetch(1, 3), fetch(2, 1), fetch(3, 2)]).await;
    // show]
    say!("results {results:?}");
}

async fn later() {
    // [show
    // made now, awaited later
    let task = spawn(fetch(4, 1));
    say!("other work");
    sleep(2 * SECOND).await;
    say!("other work done");
    say!("result {}", task.await.expect("it neither panics nor is aborted"));
    // show]
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let apart = stage.timed_scene("wrong way", "make two, then await each", || {
        virtually("main", one_by_one())
    })?;
    let joined =
        stage.timed_scene("right way", "await three together", || virtually("main", together()))?;
    let later = stage
        .timed_scene("later way", "make one now, await it later", || virtually("main", later()))?;
    stage.why(
        "A future that is made has not begun. `join_all` polls all of its futures, in the awaiting task, \
         and gives their results in the order in which they stand, whichever ends first. What is to begin \
         while other work is awaited needs a task: `spawn` now, await later.",
    );
    stage.by_nature(
        "asyncio's `gather` wraps each coroutine in a task. `join_all` makes no task: the futures share \
         one. Spawn each, and give it the handles, where each should have turns of its own.",
    );
    stage.check(
        "one by one: the second began when the first had ended, and both took 4 s",
        apart.right_after("fetch 1 ends", "fetch 2 begins") && apart.took == 4 * SECOND,
    );
    stage.check(
        "together: they ended 2, 3, 1, and gave 1, 2, 3, after 3 s",
        joined.before("fetch 2 ends", "fetch 3 ends")
            && joined.before("fetch 3 ends", "fetch 1 ends")
            && joined.right_after("fetch 1 ends", "results [1, 2, 3]")
            && joined.took == 3 * SECOND,
    );
    stage.check(
        "made now, awaited later: it ran beside the other work",
        later.is(&["other work", "fetch 4 begins", "fetch 4 ends", "other work done", "result 4"])
            && later.took == 2 * SECOND,
    );
    stage.check(
        "as long in asyncio",
        apart.asyncio_at("results [1, 2]") == Some(4 * SECOND)
            && joined.asyncio_at("results [1, 2, 3]") == Some(3 * SECOND),
    );
    Ok(())
}
