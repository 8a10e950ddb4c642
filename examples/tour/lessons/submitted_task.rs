//! Lesson 23: another thread sends work to a loop, waits for the result, and stops the loop.

#![forbid(unsafe_code)]

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use taketurns::time::sleep;
use taketurns::{Handle, JoinError, Runtime};

use crate::exercise::exercise;
use crate::lane::{self, lane};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 23,
    slug: "submitted-task",
    title: "work for a loop on another thread",
    moral: "A `Handle` sends, waits, stops; or says why not.",
    source: include_str!("submitted_task.rs"),
    next: Next {
        file: "threads/handle.rs",
        item: "pub fn spawn<F>",
        why: "how a task enters a loop from another thread",
    },
    exercise: exercise!("submitted-task"),
    twin: script!("23"),
    play,
};

async fn coro_func() -> u32 {
    say!("runs on the thread `{}`", thread::current().name().unwrap_or_default());
    sleep(Duration::from_millis(10)).await;
    1
}

async fn fails() -> Result<u32, &'static str> {
    Err("no")
}

/// Sends work and waits for the result, on a thread other than the loop's.
fn submit(handle: &Handle, begins: &mpsc::Sender<()>) -> Result<(), JoinError> {
    // [show
    let early = handle.spawn(lane("coro_func", coro_func()));
    // show]
    say!("sent before the loop runs: {}", if early.is_finished() { "done" } else { "not done" });
    let _ = begins.send(());
    // [show
    say!("the value: {}", early.wait()?);
    match handle.spawn(fails()).wait()? {
        Ok(value) => say!("the value: {value}"),
        Err(error) => say!("the error: {error}"),
    }
    handle.stop();
    // show]
    Ok(())
}

/// A loop on a thread of its own, until it is stopped.
fn on_its_thread() -> io::Result<()> {
    let (tell, told) = mpsc::channel();
    let (begins, begun) = mpsc::channel();
    let thread = thread::Builder::new().name("loop".into()).spawn(move || {
        // [show
        let runtime = Runtime::new()?;
        tell.send(runtime.handle()).map_err(io::Error::other)?;
        // show]
        begun.recv().map_err(io::Error::other)?;
        // [show
        runtime.run_forever();
        // show]
        say!("the loop has ended");
        io::Result::Ok(())
    })?;
    let handle: Handle = told.recv().map_err(io::Error::other)?;
    lane::thread("main", || {
        submit(&handle, &begins).map_err(io::Error::other)?;
        thread.join().map_err(|_| io::Error::other("the loop panicked"))??;
        say!("joined");
        Ok(())
    })
}

/// Sends work from a thread of its own, and waits without a limit.
fn too_late(handle: Handle) -> io::Result<JoinError> {
    let waits = thread::spawn(move || {
        let work = async {
            say!("done after all");
            2
        };
        handle.spawn(work).wait()
    });
    match waits.join() {
        Ok(Ok(value)) => Err(io::Error::other(format!("the value: {value}"))),
        Ok(Err(error)) => {
            say!("no value");
            Ok(error)
        }
        Err(_) => Err(io::Error::other("the wait panicked")),
    }
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let right = stage.scene("right way", "send, wait for the results, stop", on_its_thread)?;
    let runtime = Runtime::new()?;
    let handle = runtime.handle();
    handle.stop();
    runtime.run_forever();
    let stopped = stage.scene("stopped loop", "send to it, and wait", || {
        let refusal = too_late(handle.clone())?;
        say!("the loop runs again");
        runtime.run_until_stalled();
        Ok(refusal)
    })?;
    drop(runtime);
    let closed = stage.scene("closed loop", "send to it, and wait", || too_late(handle.clone()))?;
    stage.why(
        "A `Handle` is the way into a loop from other threads. What it sends waits in the loop's queue until \
         the loop runs, so it may be sent before. `wait` blocks the sending thread until the task has ended, \
         and gives its value or its error. `stop` ends `run_forever`, and the thread goes on after it.",
    );
    stage.by_nature(
        "a wait for a loop that was stopped is refused, as nothing says that the loop will ever run again. \
         What was sent stays in its queue. In asyncio the thread waits on. The refusals say what happened:",
    );
    stage.quote(&format!("{}\n{}", stopped.value, closed.value));
    stage.slip(
        "A `sleep(1)` between the start of the thread and the first task is not needed. In a program that \
         makes its loop on first use it only hides that two threads may each find none, and make one: then the work \
         is sent to a loop that nothing runs.",
    );
    stage.check(
        "what was sent before ran once the loop did, on its thread; value and error came back",
        right.is(&[
            "sent before the loop runs: not done",
            "runs on the thread `loop`",
            "the value: 1",
            "the error: no",
            "the loop has ended",
            "joined",
        ]),
    );
    stage.check(
        "the wait for a stopped loop was refused at once, and the loop did the work when it ran again",
        stopped.value.is_stopped()
            && stopped.is(&["no value", "the loop runs again", "done after all"]),
    );
    stage.check(
        "a closed loop refused the work itself, and said so",
        closed.value.is_shutdown() && closed.is(&["no value"]),
    );
    stage.check(
        "in asyncio the wait for a stopped loop would not have ended",
        stopped.asyncio_alone(&["waited in vain, until a limit"]),
    );
    Ok(())
}
