//! Lesson 20: a handler that blocks holds up every other connection of the loop.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next, site};
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
    let run = stage.timed_scene("wrong way", "`/` blocks inside its handler", || {
        site::serve(root, Duration::ZERO)
    })?;
    stage.why(
        "The loop and all its connections share one thread. While the handler of `/` blocks it, the \
         request for `/health` is not even read, though its answer would take no time at all.",
    );
    stage.note(
        "Both servers speak HTTP/1.1 over loopback; the times are real, and `/` blocks for 0.2 s.",
    );
    stage.check(
        "/health had to wait for / to be done",
        run.before("/ is done", r#"/health answered 200: {"status": "ok"}"#),
    );
    stage.check(
        "both were answered in the end",
        run.count(r#"/ answered 200: {"message": "Hello World"}"#) == 1,
    );
    Ok(())
}
