//! Lesson 2: awaiting the task is what keeps the loop running until it is done.

#![forbid(unsafe_code)]

use std::io;
use std::thread;
use std::time::Duration;

use taketurns::spawn;
use taketurns::time::sleep;

use crate::lessons::Lesson;
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 2,
    title: "awaiting it lets it finish",
    passage: "document 000, \"Solution one: finish the tasks in order, in the asynchronous part\"",
    sources: &["executor/run.rs", "executor/task/join.rs"],
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

async fn entry() {
    say!("a");
    let scheduled = spawn(background());
    say!("task scheduled");
    scheduled.await.expect("the task neither panics nor is aborted");
    say!("b");
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.scene("right way", "keep the handle and await it", || {
        say!("Main program started");
        taketurns::block_on(entry());
        for i in 0..3 {
            thread::sleep(Duration::from_millis(30));
            say!("Main program iteration {i}");
        }
        Ok(())
    })?;
    stage.why(
        "The root future now ends after the task. To the synchronous part the whole of it is one \
         blocking call: it goes on only when everything asynchronous is over.",
    );
    stage.slip(
        "The document's printed output begins with `a`; its program says `Main program started` \
         first, as here.",
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
