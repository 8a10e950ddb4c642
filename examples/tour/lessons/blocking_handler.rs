//! Lesson 20: a handler that blocks holds up every other connection of the loop.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::insight::Doing;

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next, site};
use crate::report::Report;
use crate::stage::Stage;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 20,
    slug: "blocking-handler",
    title: "a web handler that blocks the loop",
    moral: "One blocking call stops every connection.",
    source: concat!(include_str!("blocking_handler.rs"), include_str!("site.rs")),
    next: Next {
        file: "executor/driver.rs",
        item: "pub trait Driver",
        why: "when the loop looks at its sockets: between two turns",
    },
    exercise: exercise!("blocking-handler"),
    twin: script!("20"),
    play,
};

// [show
async fn root(work: site::Work) -> io::Result<()> {
    work.run(); // `thread::sleep`
    Ok(())
}
// show]

fn play(stage: &mut Stage) -> io::Result<()> {
    let report = Report::of("/");
    let run = stage.timed_scene("wrong way", "`/` blocks inside its handler", || {
        site::serve(root, Duration::ZERO, Some(&report))?;
        report.say();
        Ok(())
    })?;
    stage.why(
        "The loop and all its connections share one thread. While the handler of `/` blocks it, the \
         request for `/health` is not even read, though its answer would take no time at all.",
    );
    stage.note(
        "Both servers speak HTTP/1.1 over loopback; the times are real, and `/` blocks for 0.2 s.",
    );
    let stall = report.first();
    if let Some(stall) = &stall {
        stage.note(&format!("A watchdog said, before `/` was done: {stall}."));
    }
    stage.check(
        "/health had to wait for / to be done",
        run.before("/ is done", r#"/health answered 200: {"status": "ok"}"#),
    );
    stage.check(
        "both were answered in the end",
        run.count(r#"/ answered 200: {"message": "Hello World"}"#) == 1,
    );
    stage.check(
        "a watchdog named the task of the connection, and where it was spawned, before / was done",
        stall.is_some_and(|stall| {
            stall.site().is_some_and(|site| site.file().ends_with("site.rs"))
                && matches!(stall.doing(), Doing::Blocked(_) | Doing::Unknown)
        }),
    );
    stage.check(
        "asyncio tells of it when / is done",
        run.asyncio_alone(&["told of / after its turn"]),
    );
    Ok(())
}
