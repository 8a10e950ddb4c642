//! Lesson 9: a limit on a wait. At the limit the future is dropped, and clean-up cannot hold the error up.

#![forbid(unsafe_code)]

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use taketurns::time::{Elapsed, advance, pause, sleep, timeout};
use taketurns::{JoinError, block_on};

use crate::exercise::exercise;
use crate::lane::{spawn, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 9,
    slug: "time-limit",
    title: "a time limit on a wait",
    moral: "At the limit the work is dropped, unless lent.",
    source: include_str!("time_limit.rs"),
    next: Next {
        file: "timer/timeout.rs",
        item: "pub fn timeout",
        why: "a timer beside the work, and which is polled first",
    },
    exercise: exercise!("time-limit"),
    twin: script!("09"),
    play,
};

const LIMIT: Duration = Duration::from_millis(100);

async fn long_running_task(work: Duration) -> &'static str {
    say!("started");
    sleep(work).await;
    "completed"
}

/// Awaits `work` for as long as the limit allows.
async fn limited(work: impl Future<Output = &'static str>) -> Result<(), Elapsed> {
    // [show
    let result = timeout(LIMIT, work).await;
    match &result {
        Ok(text) => say!("{text}"),
        Err(_) => say!("Task timed out!"),
    }
    // show]
    result.map(drop)
}

/// What a `finally` is in Python: dropped with the future that holds it, wherever that stands.
struct CleanUp;

impl Drop for CleanUp {
    fn drop(&mut self) {
        say!("cleaning up");
    }
}

async fn with_clean_up() -> &'static str {
    let _clean_up = CleanUp;
    long_running_task(Duration::from_secs(10)).await
}

async fn cleaned_up() -> Result<(), Elapsed> {
    // It lives on after the error, so what is dropped by then was dropped at the limit.
    let mut limited = pin!(timeout(LIMIT, with_clean_up()));
    let result = limited.as_mut().await;
    if result.is_err() {
        say!("Task timed out!");
    }
    result.map(drop)
}

async fn lend() -> Result<(), JoinError> {
    // [show
    let mut task = spawn(long_running_task(Duration::from_millis(250)));
    if timeout(LIMIT, &mut task).await.is_err() {
        say!("Task timed out!");
        say!("{}", task.await?); // it went on
    }
    // show]
    Ok(())
}

/// What becomes of work that takes exactly as long as it may, by a clock that allows such a thing.
async fn at_the_very_limit() -> bool {
    pause();
    let work = taketurns::spawn(timeout(LIMIT, sleep(LIMIT)));
    advance(LIMIT).await;
    matches!(work.await, Ok(Ok(())))
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let limit = stage.timed_scene(
        "right way",
        "work of no length, then of 10 s; the limit is 0.1 s",
        || {
            virtually("main", async {
                let quick = limited(long_running_task(Duration::ZERO)).await;
                let slow = limited(long_running_task(Duration::from_secs(10))).await;
                (quick, slow)
            })
        },
    )?;
    let clean = stage.timed_scene("clean-up", "work that cleans up when it is stopped", || {
        virtually("main", cleaned_up())
    })?;
    let lent = stage.timed_scene("patient way", "the limit ends the wait, not the task", || {
        virtually("main", lend())?.map_err(io::Error::other)
    })?;
    stage.why(
        "The limit is a timer beside the work, and is polled after it. Work that is too late is \
         dropped where it stands, and its awaiter goes on with the error. If only a handle is lent, \
         `timeout(limit, &mut task)`, only the wait ends.",
    );
    stage.by_nature(
        "asyncio's `wait_for` throws into the task and waits until its `finally` is done. In this \
         program that takes 0.3 s: limit 0.1 s, returned after 0.4 s. A future is dropped at once \
         and cannot await in its destructor, so the error comes at the limit. The error names it:",
    );
    if let Err(elapsed) = limit.value.1 {
        stage.quote(&elapsed.to_string());
    }
    stage.check(
        "in time: the value; too late: the error, at the limit",
        limit.is(&["started", "completed", "started", "Task timed out!"])
            && limit.value.0.is_ok()
            && limit.value.1.is_err_and(|elapsed| elapsed.limit() == Some(LIMIT))
            && limit.took == LIMIT,
    );
    stage.check("done at the very limit is done in time", block_on(at_the_very_limit()));
    stage.check(
        "clean-up ran before the error was out, and did not hold it up",
        clean.is(&["started", "cleaning up", "Task timed out!"])
            && clean.value.is_err()
            && clean.took == LIMIT,
    );
    stage.check(
        "in asyncio it held the error up, by 0.3 s",
        clean.asyncio_at("Task timed out!") == Some(LIMIT + Duration::from_millis(300)),
    );
    stage.check(
        "the task that was lent went on and completed",
        lent.is(&["started", "Task timed out!", "completed"]),
    );
    Ok(())
}
