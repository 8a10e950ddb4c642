//! Lesson 4: an `async fn` is not what a thread runs. It takes a loop to run the future that it makes.

#![forbid(unsafe_code)]

use std::io;
use std::thread;

use taketurns::{Background, Builder, yield_now};

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 4,
    slug: "thread-target",
    title: "an async function, given to a thread",
    moral: "A thread calls; it takes a loop to run a future.",
    source: include_str!("thread_target.rs"),
    next: Next {
        file: "loops/body.rs",
        item: "fn run_and_end",
        why: "what a thread does to run a future",
    },
    exercise: exercise!("thread-target"),
    twin: script!("04"),
    play,
};

async fn background() {
    say!("background runs");
    yield_now().await;
    say!("background is done");
}

fn given() {
    // [show
    // compiles without a word: the thread makes a future, and ends
    let ended = thread::spawn(background).join();
    // show]
    let _never_polled = ended.expect("it does not panic");
    say!("the thread has ended");
}

#[expect(unused_must_use, reason = "the lesson shows what the compiler warns of")]
fn called() {
    // [show
    // a warning: "futures do nothing unless you `.await` or poll them"
    let ended = thread::spawn(|| {
        background();
    })
    .join();
    // show]
    ended.expect("it does not panic");
    say!("the thread has ended");
}

fn run() -> io::Result<()> {
    // [show
    // a loop on a thread of its own, which runs the future
    let loops = Background::start(Builder::new(), |_stop| background())?;
    loops.join().map_err(io::Error::other)?;
    // show]
    say!("the thread has ended");
    Ok(())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let given = stage.scene("wrong way", "give the function to a thread", || {
        given();
        Ok(())
    })?;
    let called = stage.scene("called way", "call it on the thread", || {
        called();
        Ok(())
    })?;
    let right = stage.scene("right way", "run it on a loop of the thread", run)?;
    stage.why(
        "An `async fn` that is called makes a future, and does nothing else. A thread that is given the \
         function calls it, and ends with a future that has not begun. A loop polls it, \
         and polls it again when it is woken.",
    );
    stage.by_nature(
        "the compiler warns of a future that is left as a statement (`unused_must_use`; a program that denies \
         the warning does not compile). It says nothing of the wrong way, as there the future is what the \
         thread returns; `join().unwrap()` as a statement would be warned of, and `let _ = ..` hides it. \
         asyncio warns as the program runs, when the coroutine is collected.",
    );
    stage.slip(
        "A remedy that is often given, a thread with the target `asyncio.run` and the function `background` as \
         its argument, runs nothing either: it wants `background()`. The error is raised on the thread, and \
         the caller is not told. Here `block_on(background)` does not compile: a function is no future.",
    );
    stage.check("given to a thread, it never began", given.is(&["the thread has ended"]));
    stage.check("called on the thread, it never began", called.is(&["the thread has ended"]));
    stage.check(
        "on a loop it ran, before the thread ended",
        right.is(&["background runs", "background is done", "the thread has ended"]),
    );
    stage.check(
        "asyncio warned each time, and refused the function as a coroutine",
        given.asyncio_alone(&["coroutine 'background' was never awaited"])
            && called.asyncio_alone(&[
                "coroutine 'background' was never awaited",
                "asyncio.run(background) raises in the thread, and main goes on",
            ]),
    );
    Ok(())
}
