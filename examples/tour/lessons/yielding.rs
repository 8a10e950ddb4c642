//! Lesson 16: one yield a round gives every child its turn, and the rest is awaited.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::time::sleep;
use taketurns::{JoinHandle, block_on, spawn, yield_now};

use crate::lessons::Lesson;
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 16,
    title: "the manager yields, and awaits what it made",
    passage: "document 003, \"Solution one: giving up control explicitly\"",
    sources: &["executor/yield_now.rs", "executor/run.rs"],
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
    for (word, &work) in ('a'..).zip(works) {
        tasks.push(spawn(wrapper(word, Duration::from_millis(work))));
        say!("Task {} created for: {word}", tasks.len());
        yield_now().await;
    }
    say!("Generated {} tasks", tasks.len());
    tasks
}

async fn guess() {
    drop(manager(&[20, 40, 5_000]).await);
    sleep(Duration::from_millis(80)).await;
    say!("Slept long enough, one hopes");
}

async fn wait() {
    for task in manager(&[20, 30, 40, 50, 60]).await {
        task.await.expect("the task neither panics nor is aborted");
    }
    say!("All tasks awaited");
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let guessed = stage
        .scene("wrong way", "yield, then sleep and hope", || super::block_on_and_lose(guess()))?;
    let awaited = stage.scene("right way", "yield, then await every task", || {
        block_on(wait());
        Ok(())
    })?;
    stage.why(
        "`yield_now` puts the manager at the tail of the queue, behind the child it has just \
         made: so each child starts right after its creation. `sleep(0)` does the same in asyncio.",
    );
    stage.slip(
        "The document's program sleeps 2 s at its end for children of 1 s. A child that takes \
         longer than the guess is lost, as `c` above; awaiting it needs no guess. And its \
         `Generated 10 tasks` follows the eleventh: it compares after it has made one.",
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
