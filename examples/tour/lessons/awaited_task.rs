//! Lesson 2: awaiting the task is what keeps the loop running until it is done.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::time::sleep;

use crate::exercise::exercise;
use crate::lane::{spawn_named, thread, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 2,
    slug: "awaited-task",
    title: "a task that is awaited finishes",
    moral: "Await it, and the loop runs until it is done.",
    source: include_str!("awaited_task.rs"),
    next: Next {
        file: "executor/task/join.rs",
        item: "pub struct JoinHandle",
        why: "what a handle is, and what dropping it means",
    },
    exercise: exercise!("awaited-task"),
    twin: script!("02"),
    play,
};

async fn background() {
    for i in 0..5 {
        say!("Background task iteration {i}");
        sleep(Duration::from_millis(20)).await;
    }
    say!("finished");
}

// [show
async fn entry() {
    say!("a");
    let scheduled = spawn_named("background", background());
    say!("task scheduled");
    scheduled.await.expect("the task neither panics nor is aborted");
    say!("b");
}
// show]

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.scene("right way", "keep the handle and await it", || {
        thread("main", || {
            say!("Main program started");
            virtually("entry", entry())?;
            for i in 0..3 {
                std::thread::sleep(Duration::from_millis(30));
                say!("Main program iteration {i}");
            }
            Ok(())
        })
    })?;
    stage.why(
        "The root future now ends after the task. For the synchronous caller, `main`, all of it is one \
         blocking call, which returns when everything asynchronous is over.",
    );
    stage.check(
        "all five iterations ran, then `finished`, then `b`",
        run.count("Background task iteration") == 5
            && run.before("Background task iteration 4", "finished")
            && run.right_after("finished", "b"),
    );
    stage.check(
        "the synchronous part went on only afterwards",
        run.right_after("b", "Main program iteration 0"),
    );
    Ok(())
}
