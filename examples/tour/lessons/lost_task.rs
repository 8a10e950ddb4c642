//! Lesson 1: `spawn` only queues. What nobody awaits ends with the loop, finished or not.

#![forbid(unsafe_code)]

use std::io;
use std::thread;
use std::time::Duration;

use taketurns::time::sleep;
use taketurns::{Runtime, task};

use crate::lessons::Lesson;
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 1,
    title: "a background task nobody awaits is lost",
    passage: "document 000, \"Analysis of the initial problem\"; \
        document 002, \"Starting the program with asyncio.run()\"",
    sources: &["executor/run.rs", "runtime/report.rs"],
    twin: script!("01"),
    play,
};

async fn background() {
    for i in 0..5 {
        say!("Background task iteration {i}");
        sleep(Duration::from_secs(1)).await;
    }
    say!("finished");
}

async fn entry() {
    say!("a");
    task::Builder::new().name("background").spawn(background()).detach();
    say!("b");
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.scene("wrong way", "spawn it and return", || {
        say!("Main program started");
        super::block_on_and_lose(entry())?;
        for i in 0..3 {
            thread::sleep(Duration::from_millis(30));
            say!("Main program iteration {i}");
        }
        Ok(())
    })?;
    stage.why(
        "The loop runs until its root future ends. A task queued at that moment takes one last \
         turn; the first `sleep` gives the thread back, and nobody is left to resume it.",
    );
    stage.check(
        "it ran one iteration of five, after `b`",
        run.before("b", "Background task iteration 0")
            && run.count("Background task") == 1
            && run.count("finished") == 0,
    );

    let older = stage.scene("older way", "run until complete, then close", || {
        let runtime = Runtime::new()?;
        runtime.block_on(entry());
        let report = runtime.shutdown();
        for lost in report.lost() {
            say!("destroyed while pending: {}", lost.name().unwrap_or("a task without a name"));
        }
        Ok(report)
    })?;
    stage.why(
        "The loop outlives the run, and the task waits in it. It is closing the loop that \
         destroys it.",
    );
    stage.by_nature(
        "`asyncio.run` cancels what is left, so that it can clean up; here it is dropped. And \
         closing the runtime returns a report of what was lost:",
    );
    let [lost] = older.value.lost() else {
        stage.check("exactly one task was lost", false);
        return Ok(());
    };
    stage.quote(&lost.to_string());
    stage.check(
        "the report names the task, where it was spawned, and that it was polled once",
        lost.name() == Some("background")
            && lost.site().file().ends_with("lost_task.rs")
            && lost.polls() == 1,
    );
    Ok(())
}
