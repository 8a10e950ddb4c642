//! Lesson 22: `block_on` is the way in from synchronous code, and only from there.

#![forbid(unsafe_code)]

use std::io;

use taketurns::{Runtime, block_on};

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 22,
    slug: "nested-run",
    title: "running asynchronous code from synchronous code",
    moral: "`block_on` is the way in; inside, await.",
    source: include_str!("nested_run.rs"),
    next: Next {
        file: "runtime/mod.rs",
        item: "pub fn try_block_on",
        why: "the refusal as a value, and where it comes from",
    },
    exercise: exercise!("nested-run"),
    twin: script!("22"),
    play,
};

async fn do_work() -> u32 {
    1
}

/// A synchronous function that runs a loop; it does not know that its caller is on one.
fn helper() -> io::Result<String> {
    // [show
    let result = Runtime::new()?.try_block_on(do_work());
    match &result {
        Ok(value) => say!("run inside a running loop: {value}"),
        Err(_) => say!("run inside a running loop: refused"),
    }
    // show]
    Ok(result.err().map(|nested| nested.to_string()).unwrap_or_default())
}

// [show
async fn entry() -> io::Result<String> {
    let refusal = helper()?;
    say!("awaited instead: {}", do_work().await);
    Ok(refusal)
}
// show]

fn play(stage: &mut Stage) -> io::Result<()> {
    let outer_line = line!() + 1;
    let nested = stage.scene("wrong way", "run it inside a running loop", || block_on(entry()))?;
    let plain = stage.scene("right way", "run it from synchronous code", || {
        say!("from synchronous code: {}", block_on(do_work()));
        Ok(())
    })?;
    stage.why(
        "`block_on` keeps the thread until its future is done. Inside a loop that would stop the loop, so \
         it is refused. Asynchronous code can await instead.",
    );
    stage.by_nature(
        "`try_block_on` returns the refusal and `block_on` panics with it. Unlike asyncio's, it says where \
         the outer call is:",
    );
    stage.quote(&nested.value);
    stage.check(
        "the nested call was refused, and the loop went on",
        nested.is(&["run inside a running loop: refused", "awaited instead: 1"]),
    );
    stage.check(
        "the refusal names the file and the line of the outer call",
        nested.value.contains(&format!("nested_run.rs:{outer_line}")),
    );
    stage.check(
        "asyncio's names no place",
        nested.asyncio_alone(&["asyncio.run() cannot be called from a running event loop"]),
    );
    stage.check("from synchronous code: the value", plain.is(&["from synchronous code: 1"]));
    Ok(())
}
