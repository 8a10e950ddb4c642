//! Lesson 12: a blocking sleep stops every task; the watchdog says which task it is in.

#![forbid(unsafe_code)]

use std::io;
use std::thread;
use std::time::Duration;

use taketurns::Builder;
use taketurns::insight::{Doing, Stall};
use taketurns::time::{Clock, sleep};

use crate::exercise::exercise;
use crate::lane::{lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::report::Report;
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 12,
    slug: "blocking-sleep",
    title: "a sleep that blocks the thread",
    moral: "A watchdog names the task that blocks the loop.",
    source: include_str!("blocking_sleep.rs"),
    next: Next {
        file: "insight/standstill.rs",
        item: "fn stands_still",
        why: "how another thread tells a turn that stands still from a loop that is alive",
    },
    exercise: exercise!("blocking-sleep"),
    twin: script!("12"),
    play,
};

const NAP: Duration = Duration::from_millis(300);

const THRESHOLD: Duration = Duration::from_millis(150);

async fn ticker() {
    for tick in 0..3 {
        say!("tick {tick}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn blocks(report: Report) {
    // [show
    // wrong way
    say!("blocks");
    thread::sleep(NAP);
    // show]
    report.wait();
    say!("blocked");
}

async fn waits(_: Report) {
    // [show
    // right way
    say!("waits");
    sleep(NAP).await;
    say!("waited");
    // show]
}

/// Plays the ticker beside the culprit, as tasks of a loop that has a watchdog. What that told of the culprit.
fn beside<F>(builder: Builder, culprit: impl FnOnce(Report) -> F) -> io::Result<Option<Stall>>
where
    F: Future<Output = ()> + 'static,
{
    let told = Report::of("culprit");
    let (report, culprit) = (told.clone(), culprit(told.clone()));
    // [show
    // both
    let builder = builder.stall_threshold(THRESHOLD);
    let builder = builder.on_stall(move |stall| report.note(stall));
    // show]
    let runtime = Recorded::from(builder.build()?);
    runtime.block_on(lane("main", async {
        let ticks = spawn_named("ticker", ticker());
        let culprit = spawn_named("culprit", culprit);
        culprit.await.map_err(io::Error::other)?;
        ticks.await.map_err(io::Error::other)
    }))?;
    told.say();
    Ok(told.first())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let wrong = stage.scene("wrong way", "sleep by blocking the thread", || {
        beside(timeline::builder(), blocks)
    })?;
    if let Some(stall) = &wrong.value {
        stage.note(&format!("The watchdog said: {stall}."));
    }
    // By a virtual clock: a machine that is busy for 0.15 s in a turn of the culprit's would be told of, too.
    let right = stage.scene("right way", "await a timer", || {
        beside(timeline::builder().clock(Clock::AutoAdvance), waits)
    })?;
    stage.why(
        "`thread::sleep` gives the thread to the system, and no turn ends by that: the ticker is as asleep as \
         its neighbour. The sleep that is awaited gives the turn back, and the loop goes on.",
    );
    stage.note(
        "The loop cannot say that it is stuck. So a watchdog, which is another thread, looks whether turns go \
         by. It told of this turn while it lasted, which is why a turn without an end is told of too.",
    );
    stage.by_nature(
        "asyncio in its debug mode takes the time of each turn, and tells of a long one when it is over.",
    );
    stage.check(
        "while one task blocked, the other took no turn",
        wrong.right_after("tick 0", "blocks") && wrong.right_after("blocks", "blocked"),
    );
    let told = wrong.value.as_ref();
    stage.check(
        "the watchdog named the task, and the line that spawned it, before the turn was over",
        told.is_some_and(|stall| {
            let file = stall.site().map_or("", |site| site.file());
            stall.name() == Some("culprit") && file.ends_with("blocking_sleep.rs")
        }),
    );
    stage.check(
        "it says that the thread was blocked, where the system tells",
        told.is_some_and(|stall| matches!(stall.doing(), Doing::Blocked(_) | Doing::Unknown)),
    );
    stage.check(
        "awaited, the sleep held nothing up, and nothing was reported",
        right.before("tick 2", "waited") && right.value.is_none(),
    );
    stage.check(
        "asyncio tells of it when it is over",
        wrong.asyncio_alone(&["told of the culprit after its turn"]),
    );
    Ok(())
}
