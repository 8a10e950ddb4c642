//! Lesson 21: blocking work belongs on a thread of its own; the loop goes on.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::spawn_blocking;

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next, site};
use crate::stage::Stage;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 21,
    slug: "offloaded-handler",
    title: "the blocking work, offloaded",
    moral: "`spawn_blocking` blocks a thread, not the loop.",
    source: concat!(include_str!("offloaded_handler.rs"), include_str!("site.rs")),
    next: Next {
        file: "offload/spawn.rs",
        item: "pub fn spawn_blocking",
        why: "how a job gets to a thread of the pool, and its result back",
    },
    exercise: exercise!("offloaded-handler"),
    twin: script!("21"),
    play,
};

// [show
async fn root(work: site::Work) -> io::Result<()> {
    spawn_blocking(|| work.run()).await.map_err(io::Error::other)
}
// show]

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.timed_scene("right way", "`/` hands its work to a thread", || {
        site::serve(root, Duration::from_secs(30), None)
    })?;
    stage.why(
        "`spawn_blocking` runs the closure on a thread of the pool. Its handle is awaited like any other \
         future, so the loop answers `/health` meanwhile.",
    );
    stage.note(
        "A web framework may do this by itself: FastAPI runs a handler that is declared with plain `def` \
         on a thread. In Rust the call says so.",
    );
    stage.check(
        "/health was answered while / was at work",
        run.before("/ works", r#"/health answered 200: {"status": "ok"}"#)
            && run.before(r#"/health answered 200: {"status": "ok"}"#, "/ is done"),
    );
    stage.check(
        "/ was answered once its work was done",
        run.before("/ is done", r#"/ answered 200: {"message": "Hello World"}"#),
    );
    Ok(())
}
