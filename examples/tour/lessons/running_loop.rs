//! Lesson 24: a loop that runs already cannot be run again from inside, and neither can another.

#![forbid(unsafe_code)]

use std::io;

use taketurns::{Runtime, yield_now};

use crate::compiled::is_send;
use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 24,
    slug: "running-loop",
    title: "running a loop that runs already",
    moral: "A loop is run from outside, one at a time.",
    source: include_str!("running_loop.rs"),
    next: Next {
        file: "executor/task/entry.rs",
        item: "pub(crate) fn enter<R>",
        why: "the one place where a thread enters an executor",
    },
    exercise: exercise!("running-loop"),
    twin: script!("24"),
    play,
};

async fn do_async_work() -> u32 {
    say!("works");
    1
}

/// Returns the refusal, if it is one.
fn attempt(runtime: &Runtime, which: &str) -> Option<String> {
    // [show
    let attempted = runtime.try_block_on(do_async_work());
    match &attempted {
        Ok(value) => say!("{which}: {value}"),
        Err(_) => say!("{which}: refused"),
    }
    // show]
    attempted.err().map(|nested| nested.to_string())
}

// [show
async fn inside(runtime: &Runtime, other: &Runtime) -> [Option<String>; 2] {
    let same = attempt(runtime, "the loop that runs");
    let another = attempt(other, "another loop, inside of it");
    yield_now().await;
    say!("the loop goes on");
    [same, another]
}
// show]

fn play(stage: &mut Stage) -> io::Result<()> {
    let (runtime, other) = (Runtime::new()?, Runtime::new()?);
    let outer_line = line!() + 2;
    let nested = stage.scene("wrong way", "run a loop inside of a running loop", || {
        Ok(runtime.block_on(inside(&runtime, &other)))
    })?;
    let plain = stage.scene("right way", "run it while no loop runs on this thread", || {
        attempt(&runtime, "it does not run now");
        attempt(&runtime, "once more");
        attempt(&other, "the other");
        Ok(())
    })?;
    stage.why(
        "To run a loop is to give it the thread. The thread is taken by the loop that runs, and the caller \
         is one of its tasks: that loop could not go on before its own task has returned. So the call is \
         refused at once, whichever loop it is for, and its future is dropped before it has begun. Where no \
         loop runs, a `Runtime` can be run any number of times.",
    );
    stage.by_nature(
        "both refusals say where the thread entered its loop, and what to do instead. In asyncio the texts \
         of the two differ, and name no place:",
    );
    let [same, another] = &nested.value;
    stage.quote(same.as_deref().unwrap_or_default());
    stage.by_nature(
        "a loop of another thread cannot be run from this one: a `Runtime` is not `Send`, so such a program \
         does not compile. asyncio finds it when it happens.",
    );
    stage.check(
        "inside of a loop both were refused, nothing of their work was done, and the loop went on",
        nested.is(&[
            "the loop that runs: refused",
            "another loop, inside of it: refused",
            "the loop goes on",
        ]),
    );
    stage.check(
        "both refusals name the file and the line of the call that runs",
        [same, another].into_iter().all(|refusal| {
            let place = format!("running_loop.rs:{outer_line}");
            refusal.as_ref().is_some_and(|refusal| refusal.contains(&place))
        }),
    );
    stage.check(
        "asyncio's name no place",
        nested.asyncio_alone(&[
            "This event loop is already running",
            "Cannot run the event loop while another loop is running",
        ]),
    );
    stage.check("no other thread can run this loop", !is_send!(Runtime));
    stage.check(
        "while no loop runs on the thread: the value, as often as it is run",
        plain.is(&[
            "works",
            "it does not run now: 1",
            "works",
            "once more: 1",
            "works",
            "the other: 1",
        ]),
    );
    Ok(())
}
