//! Lesson 11: cancelling a task that cleans up. `abort` drops it; `cancel` asks.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::cancel::OrCancelled;
use taketurns::time::sleep;
use taketurns::yield_now;

use crate::exercise::exercise;
use crate::lane::{spawn_named, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 11,
    slug: "asked-to-end",
    title: "cancelling a task that cleans up",
    moral: "`abort` drops; `cancel` asks, with a reason.",
    source: include_str!("asked_to_end.rs"),
    next: Next {
        file: "group/cancel/listen.rs",
        item: "pub trait OrCancelled",
        why: "how code listens, and what it is told",
    },
    exercise: exercise!("asked-to-end"),
    twin: script!("11"),
    play,
};

/// What a `finally` is in Python.
struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        say!("left");
    }
}

async fn cancellable() {
    say!("started");
    let _left = Left;
    let work = sleep(Duration::from_secs(10));
    // [show
    if let Err(cancelled) = work.or_cancelled().await {
        say!("Task was cancelled: {}", cancelled.reason());
        sleep(Duration::from_millis(10)).await;
        say!("cleaned up");
    }
    // show]
}

async fn drop_it() {
    let task = spawn_named("task", cancellable());
    yield_now().await;
    task.abort();
    let _ = task.await;
}

async fn ask() -> bool {
    let task = spawn_named("task", cancellable());
    sleep(Duration::from_millis(10)).await;
    // [show
    task.cancel("enough");
    say!("asked");
    let error = task.await.expect_err("it was asked before its end");
    if let Some(reason) = error.reason() {
        say!("Caught cancellation in main: {reason}");
    }
    // show]
    error.is_cancelled()
}

/// How long a task that listens to nothing goes on after it was asked.
async fn deaf() -> Duration {
    let began = taketurns::time::Instant::now();
    let task = taketurns::spawn(sleep(Duration::from_secs(1)));
    yield_now().await;
    task.cancel("enough");
    let _ = task.await;
    began.elapsed()
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let dropped =
        stage.scene("wrong way", "drop it where it stands", || virtually("main", drop_it()))?;
    let asked = stage.scene("right way", "ask it to end", || virtually("main", ask()))?;
    let deaf = virtually("main", deaf())?;
    stage.why(
        "`abort` drops the future where it stands: only destructors run, and they cannot await. `cancel` \
         asks. The task hears of it where it listens, cleans up with awaits of its own, and ends; its \
         awaiter then gets the cancellation, with the reason.",
    );
    stage.by_nature(
        "asyncio throws into whatever is awaited. A future cannot be thrown into: it is polled or \
         dropped. So a task is interrupted only where it listens, by `or_cancelled`, `cancelled` or \
         `checkpoint`; elsewhere it goes on. For a task that listens to nothing there is `abort`.",
    );
    stage.note("The nearest thing to `abort` in asyncio is to close a coroutine without a task.");
    stage.check("dropped: no word of it, and nothing awaited", dropped.is(&["started", "left"]));
    stage.check(
        "asked: the task heard why, cleaned up, and ended; then its awaiter heard",
        asked.value
            && asked.is(&[
                "started",
                "asked",
                "Task was cancelled: enough",
                "cleaned up",
                "left",
                "Caught cancellation in main: enough",
            ]),
    );
    stage
        .check("a task that listens to nothing went on to its end", deaf == Duration::from_secs(1));
    stage.check(
        "in asyncio it was cancelled",
        asked.asyncio_alone(&["a task that listens to nothing is cancelled: True"]),
    );
    Ok(())
}
