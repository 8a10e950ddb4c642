//! Lesson 1: `spawn` only queues. A task that is not awaited ends with the loop, finished or not.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::time::sleep;
use taketurns::yield_now;

use crate::exercise::exercise;
use crate::lane::{lane, spawn_named, thread, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 1,
    slug: "lost-task",
    title: "a background task that is not awaited is lost",
    moral: "`spawn` only queues: await the task, or lose it.",
    source: include_str!("lost_task.rs"),
    next: Next {
        file: "executor/run.rs",
        item: "F5",
        why: "what the loop promises at its end: one last turn",
    },
    exercise: exercise!("lost-task"),
    twin: script!("01"),
    play,
};

// [show
async fn background() {
    for i in 0..5 {
        say!("Background task iteration {i}");
        sleep(Duration::from_secs(1)).await;
    }
    say!("finished");
}

async fn entry() {
    say!("a");
    spawn_named("background", background()).detach();
    say!("b");
}
// show]

/// Takes turn after turn, and ends the wait for `told` in the first.
async fn spin(name: char, told: Rc<Cell<Option<oneshot::Sender<()>>>>) {
    for turn in 0..9 {
        say!("{name}{turn}");
        told.take().map(|told| told.send(()));
        yield_now().await;
    }
}

async fn end_early() {
    let (tell, told) = oneshot::channel();
    let tell = Rc::new(Cell::new(Some(tell)));
    spawn_named("t", spin('t', tell.clone())).detach();
    spawn_named("u", spin('u', tell)).detach();
    told.await.expect("the first to spin tells");
    say!("the root ends");
}

async fn forgotten() {
    say!("waits for what never comes");
    pending::<()>().await;
}

async fn look_back() {
    spawn_named("forgotten", forgotten()).detach();
    yield_now().await;
    say!("the root goes on");
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.scene("wrong way", "spawn it and return", || {
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
        "The loop runs until its root future, `entry`, has ended. A task that is queued at that moment \
         takes one last turn. Here this turn ends at the first `sleep`, and no loop is left to resume \
         the task: it is dropped.",
    );
    stage.check(
        "it ran one iteration of five, after `b`",
        run.before("b", "Background task iteration 0")
            && run.count("Background task") == 1
            && run.count("finished") == 0,
    );
    stage.check(
        "`asyncio.run` cancelled it, and it could clean up",
        run.asyncio_alone(&[
            "the task is told that it is cancelled",
            "the task ended as cancelled: True",
        ]),
    );

    let last = stage.scene("last turn", "two tasks are ready as the root ends", || {
        virtually("root", end_early())
    })?;
    stage.why(
        "Each task that is queued when the root ends takes one more turn, in the order of the queue. \
         asyncio finishes its round and makes one more, so a task that is queued behind the root has \
         two turns.",
    );
    stage.check(
        "each had one last turn, first come, first served",
        last.is(&["t0", "u0", "the root ends", "t1", "u1"]),
    );
    stage.check("in asyncio each had a second", last.asyncio_alone(&["t2", "u2"]));

    let older = stage.scene("older way", "run until complete, then close", || {
        let runtime = Recorded::from(timeline::builder().build()?);
        runtime.block_on(lane("entry", entry()));
        let report = runtime.shutdown();
        for lost in report.lost() {
            say!("destroyed while pending: {}", lost.name().unwrap_or("a task without a name"));
        }
        Ok(report)
    })?;
    stage
        .why("A loop that outlives the run keeps the task, waiting. Closing the loop destroys it.");
    stage.by_nature(
        "`asyncio.run` cancels each task that is left, so that it can clean up; here it is dropped. \
         `Runtime::shutdown` reports each task that was lost:",
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

    let forgotten = stage.scene("forgotten task", "nothing refers to what it waits for", || {
        let runtime = Recorded::from(timeline::builder().on_lost(|_| {}).build()?);
        runtime.block_on(lane("root", look_back()));
        Ok(runtime.shutdown().lost().len())
    })?;
    stage.by_nature(
        "asyncio's loop refers to its tasks weakly, so a task that nothing else refers to can be \
         collected in the middle of its wait. Here the runtime owns its tasks until they end.",
    );
    stage.check(
        "the forgotten task was collected there, and was still waiting here",
        forgotten.value == 1 && forgotten.asyncio_alone(&["the task is collected"]),
    );
    Ok(())
}
