//! Lesson 9: a limit on a wait. At the limit the future is dropped, and clean-up cannot hold the error up.

#![forbid(unsafe_code)]

use std::future::Future;
use std::io;
use std::time::Duration;

use taketurns::time::{Elapsed, advance, pause, sleep, timeout};
use taketurns::{block_on, spawn};

use crate::lessons::Lesson;
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 9,
    title: "a time limit on a wait",
    passage: "document 002, \"Timeout control\"",
    sources: &["timer/timeout.rs", "timer/sleep.rs"],
    twin: script!("09"),
    play,
};

const LIMIT: Duration = Duration::from_millis(100);

/// What the clean-up of the twin takes.
const CLEAN_UP: Duration = Duration::from_millis(300);

async fn long_running_task(work: Duration) -> &'static str {
    say!("started");
    sleep(work).await;
    "completed"
}

/// Awaits `work` for as long as the limit allows.
async fn limited(work: impl Future<Output = &'static str>) -> Result<(), Elapsed> {
    match timeout(LIMIT, work).await {
        Ok(result) => say!("{result}"),
        Err(elapsed) => {
            say!("Task timed out!");
            return Err(elapsed);
        }
    }
    Ok(())
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

/// Whether the error came before the 0.3 s of another task were over.
async fn at_once() -> bool {
    let other = spawn(sleep(CLEAN_UP)).abort_on_drop();
    let result = limited(with_clean_up()).await;
    result.is_err() && !other.handle().is_finished()
}

async fn lend() {
    let mut task = spawn(long_running_task(Duration::from_millis(250)));
    let result = match timeout(LIMIT, &mut task).await {
        Ok(result) => result,
        Err(_) => {
            say!("Task timed out!");
            task.await
        }
    };
    say!("{}", result.expect("the task neither panics nor is aborted"));
}

/// What becomes of work that takes exactly as long as it may, by a clock that allows such a thing.
async fn at_the_very_limit() -> bool {
    pause();
    let work = spawn(timeout(LIMIT, sleep(LIMIT)));
    advance(LIMIT).await;
    matches!(work.await, Ok(Ok(())))
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let limit = stage.scene(
        "right way",
        "work that only yields, then 10 s of it; the limit is 0.1 s",
        || {
            let quick = block_on(limited(long_running_task(Duration::ZERO)));
            let slow = block_on(limited(long_running_task(Duration::from_secs(10))));
            Ok((quick, slow))
        },
    )?;
    let clean = stage.scene("clean-up", "what passes the limit has cleaning up to do", || {
        Ok(block_on(at_once()))
    })?;
    let lent = stage.scene("patient way", "the limit ends the wait, not the task", || {
        block_on(lend());
        Ok(())
    })?;
    stage.why(
        "The limit is a timer beside the work, and polled after it. A future that comes too late \
         is dropped where it stands, and its task goes on with the error. Lend a handle, \
         `timeout(limit, &mut task)`, and only the wait ends.",
    );
    stage.by_nature(
        "`wait_for` throws into the task and waits until its `finally` is done, which in this \
         program awaits 0.3 s: limit 0.1 s, returned after 0.4 s. A future is dropped in one go \
         and cannot await in its destructor, so the error comes at the limit. And the error says \
         its limit:",
    );
    if let Err(elapsed) = limit.value.1 {
        stage.quote(&elapsed.to_string());
    }
    stage.check(
        "in time: the value; too late: the error, no sooner than the limit",
        limit.is(&["started", "completed", "started", "Task timed out!"])
            && limit.value.0.is_ok()
            && limit.value.1.is_err_and(|elapsed| elapsed.limit() == Some(LIMIT))
            && limit.took >= LIMIT,
    );
    stage.check("done at the very limit is done in time", block_on(at_the_very_limit()));
    stage.check(
        "clean-up ran before the error was out, and did not hold it up",
        clean.is(&["started", "cleaning up", "Task timed out!"]) && clean.value,
    );
    stage.check(
        "the task that was lent went on and completed",
        lent.is(&["started", "Task timed out!", "completed"]),
    );
    Ok(())
}
