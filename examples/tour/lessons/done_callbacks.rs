//! Lesson 19: callbacks at the end of a task, in the order of registering, beside a handle that is kept.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use taketurns::task::OnDoneError;
use taketurns::time::sleep;
use taketurns::{JoinError, JoinHandle, yield_now};

use crate::exercise::exercise;
use crate::lane::{spawn, spawn_named, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 19,
    slug: "done-callbacks",
    title: "callbacks at the end of a task",
    moral: "Called once, in order, and never inline.",
    source: include_str!("done_callbacks.rs"),
    next: Next {
        file: "executor/task/waiters.rs",
        item: "pub(super) struct Waiters",
        why: "an awaiter and callbacks, in one word",
    },
    exercise: exercise!("done-callbacks"),
    twin: script!("19"),
    play,
};

type Outcome = Result<Result<u32, String>, JoinError>;

type Work = JoinHandle<Result<u32, String>>;

async fn work(fails: bool) -> Result<u32, String> {
    say!("work begins");
    sleep(Duration::from_millis(10)).await;
    say!("work ends");
    if fails { Err("no".into()) } else { Ok(222) }
}

fn text(outcome: &Outcome) -> String {
    match outcome {
        Ok(Ok(value)) => format!("value {value}"),
        Ok(Err(error)) => format!("error {error}"),
        Err(error) if error.is_cancelled() => "cancelled".into(),
        Err(error) => error.to_string(),
    }
}

fn calls(name: &'static str, task: &Work) -> Result<(), OnDoneError> {
    task.on_done(move |outcome| say!("{name} callback: {}", text(outcome)))
}

/// Returns what a callback is told once the output has been taken.
async fn in_order() -> Result<(), OnDoneError> {
    // [show
    let mut task = spawn_named("work", work(false));
    calls("first", &task)?;
    calls("second", &task)?;
    say!("awaiter: {}", text(&(&mut task).await));
    // show]
    calls("a", &task)
}

async fn late() -> Result<(), OnDoneError> {
    let task = spawn_named("work", work(false));
    sleep(Duration::from_millis(50)).await;
    // [show
    // later: it has ended
    calls("late", &task)?;
    say!("added late");
    yield_now().await;
    say!("a turn later");
    // show]
    Ok(())
}

async fn each_outcome() -> Result<(), OnDoneError> {
    for how in ["fails", "is cancelled"] {
        let task = spawn(work(how == "fails"));
        calls("the", &task)?;
        sleep(Duration::from_millis(5)).await;
        if how == "is cancelled" {
            task.abort();
        }
        sleep(Duration::from_millis(50)).await;
        say!("{how}: the handle is read too: {}", text(&task.await));
    }
    Ok(())
}

/// What is told first, of an awaiter between two callbacks.
async fn between() -> Result<Vec<&'static str>, OnDoneError> {
    let order = Rc::new(RefCell::new(Vec::new()));
    let note = |what| {
        let order = order.clone();
        move || order.borrow_mut().push(what)
    };
    let task = Rc::new(RefCell::new(taketurns::spawn(sleep(Duration::from_millis(10)))));
    let (first, second) = (note("callback"), note("callback"));
    task.borrow().on_done(move |_| first())?;
    let (awaited, went_on) = (task.clone(), note("awaiter"));
    let awaiter = taketurns::spawn(async move {
        let _ = poll_fn(|cx| Pin::new(&mut *awaited.borrow_mut()).poll(cx)).await;
        went_on();
    });
    yield_now().await;
    task.borrow().on_done(move |_| second())?;
    awaiter.await.expect("it neither panics nor is aborted");
    Ok(order.take())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let told = |done: Result<(), OnDoneError>| done.map_err(io::Error::other);
    let run = stage
        .scene("right way", "two callbacks, and an awaiter", || virtually("main", in_order()))?;
    let late = stage.scene("late callback", "a callback for a task that has ended", || {
        virtually("main", late()).and_then(told)
    })?;
    let each = stage.scene("other ends", "an error, and a cancellation", || {
        virtually("main", each_outcome()).and_then(told)
    })?;
    let order = virtually("main", between())?.map_err(io::Error::other)?;
    stage.why(
        "A callback is for code that is not a task: it is called on the loop, with the outcome, in the \
         turn in which the task ends. The handle stays, and can be awaited or aborted as before.",
    );
    stage.by_nature(
        "callbacks are called, and the awaiter is queued, in the order of registering; the awaiter's turn \
         comes later. So two callbacks with an awaiter between them run before it. asyncio queues all \
         three alike. And an output is moved to its awaiter: there is nothing left to call back with. \
         asyncio keeps the result, and calls.",
    );
    stage.check(
        "each was called once, in the order of registering, with the value; then came the awaiter",
        run.is(&[
            "work begins",
            "work ends",
            "first callback: value 222",
            "second callback: value 222",
            "awaiter: value 222",
        ]),
    );
    stage.check(
        "one that was added late had a turn of its own, and was not called inline",
        late.is(&[
            "work begins",
            "work ends",
            "added late",
            "late callback: value 222",
            "a turn later",
        ]),
    );
    stage.check(
        "an error and a cancellation are outcomes like others, and the handle gives them too",
        each.is(&[
            "work begins",
            "work ends",
            "the callback: error no",
            "fails: the handle is read too: error no",
            "work begins",
            "the callback: cancelled",
            "is cancelled: the handle is read too: cancelled",
        ]),
    );
    stage.check("after the output was taken a callback is refused", {
        run.value == Err(OnDoneError::Taken)
    });
    stage.check("asyncio calls it", run.asyncio_alone(&["after the await, callback: value 222"]));
    stage.check(
        "an awaiter between two callbacks goes on after both",
        order == ["callback", "callback", "awaiter"],
    );
    stage.check(
        "in asyncio it goes on between them",
        each.asyncio_alone(&["an awaiter between two callbacks: callback, awaiter, callback"]),
    );
    Ok(())
}
