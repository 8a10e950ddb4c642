//! Lesson 20: a handler that blocks holds up every other connection of the loop.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use crate::lessons::{Lesson, site};
use crate::stage::Stage;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 20,
    title: "a web handler that blocks the loop",
    passage: "document 004, \"Calling a synchronous function in a coroutine function\"",
    sources: &["reactor/net/tcp_stream.rs", "executor/run.rs"],
    twin: script!("20"),
    play,
};

async fn root(work: site::Work) -> io::Result<()> {
    work.run();
    Ok(())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.scene("wrong way", "`/` blocks inside its handler", || {
        site::serve(root, Duration::ZERO)
    })?;
    stage.why(
        "The loop and all its connections share one thread. While the handler of `/` blocks it, \
         nobody reads the request for `/health`, though its answer takes no time at all.",
    );
    stage.note(
        "Both servers speak HTTP/1.1 over loopback; `/` blocks for 0.2 s, in the document 10 s.",
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
