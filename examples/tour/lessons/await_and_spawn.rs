//! Lesson 27: `.await` makes no task. It runs the future inside the task that awaits it.

#![forbid(unsafe_code)]

use std::io;

use taketurns::task::{Id, current};
use taketurns::yield_now;

use crate::exercise::exercise;
use crate::lane::{in_a_task, spawn};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 27,
    slug: "await-and-spawn",
    title: "awaiting a future makes no task",
    moral: "`.await` runs it here; `spawn` beside.",
    source: include_str!("await_and_spawn.rs"),
    next: Next {
        file: "executor/spawn.rs",
        item: "pub fn spawn",
        why: "what makes a task, and where it enters the queue",
    },
    exercise: exercise!("await-and-spawn"),
    twin: script!("27"),
    play,
};

/// The task that has its turn.
fn me() -> Option<Id> {
    current().map(|task| task.id())
}

/// Says whether it runs in the task `caller`.
async fn do_work(name: char, caller: Option<Id>) -> u32 {
    let place = if me() == caller { "in the same task" } else { "in a task of its own" };
    say!("{name} begins, {place}");
    yield_now().await;
    say!("{name} ends");
    222
}

async fn awaits() {
    // [show
    // awaited: both run in this task, one after the other
    let (a, b) = (do_work('a', me()), do_work('b', me()));
    say!("made");
    say!("results {} {}", a.await, b.await);
    // show]
}

fn done(is_finished: bool) -> &'static str {
    if is_finished { "done" } else { "not done" }
}

async fn spawns() {
    let ended = "the task neither panics nor is aborted";
    // [show
    // spawned: each runs in a task of its own, beside this one
    let (a, b) = (spawn(do_work('a', me())), spawn(do_work('b', me())));
    say!("spawned, {}", done(a.is_finished()));
    yield_now().await;
    yield_now().await;
    say!("two turns later {}", done(a.is_finished()));
    say!("results {} {}", a.await.expect(ended), b.await.expect(ended));
    // show]
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let awaited = stage
        .scene("wrong way", "make two futures and await each", || in_a_task("main", awaits()))?;
    let spawned = stage
        .scene("right way", "spawn two tasks and await each", || in_a_task("main", spawns()))?;
    stage.why(
        "A future does nothing until it is polled. `.await` polls it inside the awaiting task, so the \
         second begins only when the first has ended. `spawn` makes a task, which takes turns beside its \
         spawner whether or not its handle is awaited.",
    );
    stage.slip(
        "It is often said that `await` wraps a coroutine in a task. It does not, there or here.",
    );
    stage.by_nature(
        "the value of a task comes from awaiting its handle, once, and from nothing else. asyncio has \
         `task.result()` too, which raises while the task is not done; `await task.result()` raises \
         always, as a value cannot be awaited.",
    );
    stage.check(
        "awaited: both ran in the task that awaits, and the second began after the first had ended",
        awaited.is(&[
            "made",
            "a begins, in the same task",
            "a ends",
            "b begins, in the same task",
            "b ends",
            "results 222 222",
        ]),
    );
    stage.check(
        "spawned: each ran in a task of its own, side by side, before it was awaited",
        spawned.is(&[
            "spawned, not done",
            "a begins, in a task of its own",
            "b begins, in a task of its own",
            "a ends",
            "b ends",
            "two turns later done",
            "results 222 222",
        ]),
    );
    stage.check(
        "in asyncio `await task.result()` raises before the end and after it",
        spawned.asyncio_alone(&[
            "await task.result(): InvalidStateError",
            "await task.result(): TypeError",
        ]),
    );
    Ok(())
}
