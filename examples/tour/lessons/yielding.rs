//! Lesson 16: one yield a round gives every child its turn, and the rest is awaited.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io;
use std::time::Duration;

use taketurns::time::sleep;
use taketurns::{JoinHandle, yield_now};

use crate::exercise::exercise;
use crate::lane::{spawn, spawn_named, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 16,
    slug: "yielding",
    title: "the manager yields, and awaits its tasks",
    moral: "Yield each round; await the rest, do not guess.",
    source: include_str!("yielding.rs"),
    next: Next {
        file: "executor/yield_now.rs",
        item: "pub fn yield_now",
        why: "to the tail of the queue, in one line",
    },
    exercise: exercise!("yielding"),
    twin: script!("16"),
    play,
};

async fn wrapper(word: impl Display, work: Duration) {
    say!("Executing task for: {word}");
    sleep(work).await;
    say!("Finished task for: {word}");
}

/// Makes one task for each of `works`, milliseconds that it takes.
async fn manager(works: &[u64]) -> Vec<JoinHandle<()>> {
    say!("Manager started");
    let mut tasks = Vec::new();
    // [show
    for (word, &work) in ('a'..).zip(works) {
        tasks.push(spawn(wrapper(word, Duration::from_millis(work))));
        say!("Task {} created for: {word}", tasks.len());
        yield_now().await;
    }
    // show]
    say!("Generated {} tasks", tasks.len());
    tasks
}

async fn guess() {
    drop(manager(&[20, 40, 5_000]).await);
    // [show
    // a guess
    sleep(Duration::from_millis(80)).await;
    // show]
    say!("Slept long enough, one hopes");
}

async fn wait() {
    let tasks = manager(&[20, 30, 40, 50, 60]).await;
    // [show
    // no guess
    for task in tasks {
        task.await.expect("the task neither panics nor is aborted");
    }
    // show]
    say!("All tasks awaited");
}

/// Makes two tasks a round, without end.
async fn endless() {
    for round in 0.. {
        for (word, number) in ['x', 'y'].into_iter().zip(2 * round + 1..) {
            spawn(wrapper(format!("{word}{number}"), Duration::from_secs(5))).detach();
        }
        yield_now().await;
    }
}

async fn stop() {
    let manager = spawn_named("manager", endless());
    yield_now().await;
    yield_now().await;
    manager.abort();
    if manager.await.is_err_and(|error| error.is_cancelled()) {
        say!("Manager stopped from outside");
    }
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let guessed = stage
        .timed_scene("wrong way", "yield, then sleep and hope", || virtually("manager", guess()))?;
    let awaited = stage
        .scene("right way", "yield, then await every task", || virtually("manager", wait()))?;
    let endless = stage
        .scene("endless way", "two tasks a round, and no end", || virtually("main", stop()))?;
    stage.why(
        "`yield_now` puts the manager at the tail of the queue, behind the child it has just spawned. So \
         each child starts right after its creation. In asyncio `sleep(0)` does the same.",
    );
    stage.slip(
        "A sleep at the end of a program guesses how long its tasks take. A task that takes longer is \
         lost, as `c` above. Awaiting needs no guess.",
    );
    stage.slip(
        "A manager without an end must be stopped from outside, by another task or a limit. \
         `asyncio.run` has no limit of its own; `timeout` and `wait_for` are one.",
    );
    let started_at_once = ('a'..='e').zip(1..).all(|(word, number)| {
        let created = format!("Task {number} created for: {word}");
        awaited.right_after(&created, &format!("Executing task for: {word}"))
    });
    stage.check("each child started right after its creation", started_at_once);
    stage.check(
        "awaited: all five finished, and only then the manager",
        awaited.count("Finished task") == 5
            && awaited.right_after("Finished task for: e", "All tasks awaited"),
    );
    stage.check(
        "guessed: `c` was started and never finished",
        guessed.count("Executing task for: c") == 1 && guessed.count("Finished task for: c") == 0,
    );
    stage.check(
        "endless: it was stopped after two rounds, and its children started in the order of spawning",
        endless.is(&[
            "Executing task for: x1",
            "Executing task for: y2",
            "Executing task for: x3",
            "Executing task for: y4",
            "Manager stopped from outside",
        ]),
    );
    stage.check(
        "`asyncio.run` refuses a parameter `timeout`",
        endless.asyncio_alone(&["asyncio.run takes no timeout"]),
    );
    Ok(())
}
