//! Lesson 25: a worker thread wants something done on the loop, and waits for it.

#![forbid(unsafe_code)]

use std::io;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use taketurns::sync::channel;
use taketurns::{Handle, JoinError, JoinHandle, Runtime, block_on, spawn, spawn_blocking};

use crate::compiled::is_send;
use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 25,
    slug: "waiting-thread",
    title: "a thread that waits for a task of the loop",
    moral: "Send by a `Handle`, and wait on another thread.",
    source: include_str!("waiting_thread.rs"),
    next: Next {
        file: "threads/remote_handle.rs",
        item: "pub fn wait(",
        why: "how a thread waits, and why not on the loop's own",
    },
    exercise: exercise!("waiting-thread"),
    twin: script!("25"),
    play,
};

/// A negative: that an answer does not come within it shows that none comes.
const IN_VAIN: Duration = Duration::from_millis(100);

async fn do_work(fails: bool) -> Result<u32, &'static str> {
    if fails { Err("no") } else { Ok(222) }
}

type Answer = Option<Result<u32, &'static str>>;

fn tell(answer: Answer) {
    match answer {
        Some(Ok(value)) => say!("value {value}"),
        Some(Err(error)) => say!("error {error}"),
        None => say!("no answer"),
    }
}

/// A loop that nothing runs. Returns whether the handle has an answer once it does.
fn without_a_run() -> io::Result<bool> {
    let runtime = Runtime::new()?;
    let handle = runtime.handle();
    let waits = move || -> Result<_, JoinError> {
        let mut sent = handle.spawn(do_work(false));
        tell(sent.wait_timeout(IN_VAIN).transpose()?);
        Ok(sent)
    };
    let sent = std::thread::spawn(waits).join().map_err(|_| io::Error::other("it panicked"))?;
    let late = runtime.block_on(sent.map_err(io::Error::other)?);
    Ok(matches!(late, Ok(Ok(222))))
}

/// Waits on the loop's own thread, for as long as there is no answer. Returns the refusal, and what an await gives after it.
fn on_its_own_thread() -> io::Result<(JoinError, bool)> {
    block_on(async {
        // [show
        // on the loop's own thread: an error, at once
        let mut sent = Handle::current().spawn(do_work(false));
        let waited = sent.wait_timeout(Duration::MAX);
        // show]
        let Some(Err(refusal)) = waited else { return Err(io::Error::other("it answered")) };
        tell(None);
        Ok((refusal, matches!(sent.await, Ok(Ok(222)))))
    })
}

/// Spawns a task whose callback answers by a channel; with an error too, if it `forwards`.
fn spawn_answering(fails: bool, forwards: bool, answers: Sender<Result<u32, &'static str>>) {
    let task = spawn(do_work(fails));
    // [show
    // the bridge: a callback fills what the thread waits for
    let callback = task.on_done(move |outcome| match outcome {
        Ok(answer) if forwards || answer.is_ok() => drop(answers.send(*answer)),
        _ => {}
    });
    // show]
    callback.expect("the output is there to be told");
    task.detach();
}

fn bridge(fails: bool, forwards: bool) -> Result<Answer, JoinError> {
    let (answers, answered) = mpsc::channel();
    Handle::current().call(move || spawn_answering(fails, forwards, answers))?;
    Ok(answered.recv().ok())
}

fn submit(fails: bool) -> Result<Answer, JoinError> {
    // [show
    // in a job, on a thread of the pool: the value, or the error
    let answer = Handle::current().spawn(do_work(fails)).wait()?;
    // show]
    Ok(Some(answer))
}

/// Has a thread of the pool do `ask`, once for each of `fails`.
fn from_a_worker(fails: &[bool], ask: fn(bool) -> Result<Answer, JoinError>) -> io::Result<()> {
    block_on(async {
        for &fails in fails {
            let job = spawn_blocking(move || ask(fails).map(tell));
            job.await.and_then(|asked| asked).map_err(io::Error::other)?;
        }
        Ok(())
    })
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let idle = stage.scene("loop that does not run", "wait for its task", without_a_run)?;
    let own = stage.scene("loop's own thread", "wait for its task there", on_its_own_thread)?;
    let forgetful =
        stage.scene("forgetful bridge", "a callback that keeps an error for itself", || {
            from_a_worker(&[true], |fails| bridge(fails, false))
        })?;
    let right = stage.scene("right way", "send it by a handle, and wait", || {
        from_a_worker(&[false, true], submit)
    })?;
    let complete = stage.scene("complete bridge", "a callback that tells every end", || {
        from_a_worker(&[false, true], |fails| bridge(fails, true))
    })?;
    stage.why(
        "A thread that waits for a task needs three things: the loop is told that there is a task, the loop can run it \
         meanwhile, and every end of the task is told back. A `Handle` wakes the loop, and `wait` gives the value, or \
         the error, or why there is none.",
    );
    stage.by_nature(
        "`wait` on the loop's own thread is an error at once, as the loop could only run if the wait had ended. In \
         asyncio it blocks for ever:",
    );
    let (refusal, awaited) = &own.value;
    stage.quote(&refusal.to_string());
    stage.by_nature(
        "a callback that drops the sender of a channel ends the receiver's wait. So the forgetful bridge answered at \
         once that no answer comes; a `concurrent.futures.Future` would be waited for until the limit.",
    );
    stage.slip(
        "`loop.create_task` from another thread is no way in: it does not wake an idle loop, so a task that it makes \
         hangs until something else does. Here it cannot be written. `spawn` is of the loop that runs on this \
         thread, and what belongs to a loop is not `Send`.",
    );
    stage.check(
        "a loop that does not run gave no answer, and the handle stayed good until it did",
        idle.is(&["no answer"]) && idle.value,
    );
    stage.check(
        "in asyncio `create_task` from another thread got none of an idle loop",
        idle.asyncio_alone(&["create_task on an idle loop: no answer"]),
    );
    stage.check(
        "on the loop's own thread the wait was refused, and says why it would never end",
        own.is(&["no answer"]) && refusal.is_own_thread(),
    );
    stage.check("awaited there instead, the task gave its value", *awaited);
    stage.check("a channel that is dropped is not waited for", forgetful.is(&["no answer"]));
    stage.check("by a handle: the value, and the error", right.is(&["value 222", "error no"]));
    stage.check(
        "by a bridge that tells every end: the same",
        complete.is(&["value 222", "error no"]),
    );
    stage.check(
        "no runtime, no task's handle and no queue of a loop is `Send`",
        !is_send!(Runtime) && !is_send!(JoinHandle<()>) && !is_send!(channel::Sender<()>),
    );
    Ok(())
}
