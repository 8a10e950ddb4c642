//! Lesson 16: one yield a round gives every child its turn, and the rest is awaited.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::time::sleep;
use taketurns::{JoinHandle, yield_now};

use crate::lane::{spawn, virtually};
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
    twin: script!("16"),
    play,
};

async fn wrapper(word: char, work: Duration) {
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

fn play(stage: &mut Stage) -> io::Result<()> {
    let guessed = stage
        .timed_scene("wrong way", "yield, then sleep and hope", || virtually("manager", guess()))?;
    let awaited = stage
        .scene("right way", "yield, then await every task", || virtually("manager", wait()))?;
    stage.why(
        "`yield_now` puts the manager at the tail of the queue, behind the child it has just spawned. So \
         each child starts right after its creation. In asyncio `sleep(0)` does the same.",
    );
    stage.slip(
        "A sleep at the end of a program guesses how long its tasks take. A task that takes longer is \
         lost, as `c` above. Awaiting needs no guess.",
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
    Ok(())
}
