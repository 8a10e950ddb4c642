//! Lesson 28: an error in a task that nothing awaits. Panics are reported by policy, errors where the type says so.

#![forbid(unsafe_code)]

use std::io;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use taketurns::task::{Unhandled, reported};
use taketurns::{UnhandledPanic, yield_now};

use crate::exercise::exercise;
use crate::lane::{lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 28,
    slug: "unseen-error",
    title: "an error in a task that nothing awaits",
    moral: "Await the task, or have its errors reported.",
    source: include_str!("unseen_error.rs"),
    next: Next {
        file: "insight/unhandled.rs",
        item: "pub enum UnhandledPanic",
        why: "what becomes of a failure that no awaiter sees",
    },
    exercise: exercise!("unseen-error"),
    twin: script!("28"),
    play,
};

const TEXT: &str = "Something went wrong";

async fn may_fail() -> Result<(), String> {
    say!("fails");
    Err(TEXT.into())
}

/// Panics as `panic!` does, but prints nothing.
async fn may_panic() {
    say!("fails");
    resume_unwind(Box::new(TEXT));
}

async fn let_go() {
    // [show
    // the error is dropped with the output
    spawn_named("task", may_fail()).detach();
    // show]
    yield_now().await;
    say!("went on");
}

async fn have_it_reported() {
    // [show
    // the error is reported
    spawn_named("task", reported(may_fail())).detach();
    // show]
    yield_now().await;
    say!("went on");
}

async fn handle() {
    // [show
    // the error is handled
    let task = spawn_named("task", may_fail());
    match task.await.expect("it is not aborted") {
        Ok(()) => say!("done"),
        Err(error) => say!("handled: {error}"),
    }
    // show]
}

/// A runtime that says each failure that no awaiter sees, and keeps the reports.
fn reporting(reports: &Arc<Mutex<Vec<String>>>) -> io::Result<Recorded> {
    let reports = Arc::clone(reports);
    let report = move |failure: &Unhandled| {
        let error = failure.error().to_string();
        say!("reported: {}", error.rsplit(": ").next().unwrap_or_default());
        reports.lock().expect("no report panics").push(failure.to_string());
    };
    let builder = timeline::builder();
    Ok(builder.unhandled_panic(UnhandledPanic::Call(Arc::new(report))).build()?.into())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let reports = Arc::default();
    let vanished = stage.scene("wrong way", "a task returns an error, and is detached", || {
        reporting(&reports)?.block_on(lane("main", let_go()));
        Ok(())
    })?;
    let told = stage.scene("reported way", "the same, wrapped in `reported`", || {
        reporting(&reports)?.block_on(lane("main", have_it_reported()));
        Ok(())
    })?;
    let kept = stage.scene("panic kept", "a task panics, and its handle is kept", || {
        let runtime = reporting(&reports)?;
        let mut handle = None;
        runtime.block_on(lane("main", async {
            handle = Some(spawn_named("task", may_panic()));
            yield_now().await;
            say!("went on");
        }));
        say!("still silent");
        drop(handle);
        Ok(())
    })?;
    let handled = stage.scene("right way", "await it, and handle the error", || {
        reporting(&reports)?.block_on(lane("main", handle()));
        Ok(())
    })?;
    stage.why(
        "A task has no caller to return an error to. Its awaiter gets the error; without an awaiter, \
         something else must see it.",
    );
    stage.by_nature(
        "an `Err` is a value like any other, and is dropped with the output: `reported` sees it first. \
         A panic is always reported, as soon as it is certain that no awaiter comes: when the task \
         ends, or when its handle is dropped. asyncio's \"exception was never retrieved\" comes when the task \
         object is collected. What is printed by default, and given to `UnhandledPanic::Call`:",
    );
    let reports = reports.lock().expect("no report panics").clone();
    stage.quote(&reports.join("\n"));
    stage.check("detached: the error vanished", vanished.is(&["fails", "went on"]));
    stage.check(
        "asyncio reported it",
        vanished.asyncio_alone(&[&format!("reported all the same: {TEXT}")]),
    );
    stage.check(
        "`reported`: it was reported as the task ended",
        told.is(&["fails", &format!("reported: {TEXT}"), "went on"]),
    );
    stage.check(
        "kept: the panic was reported once the handle was dropped, after the run",
        kept.is(&["fails", "went on", "still silent", &format!("reported: {TEXT}")]),
    );
    let site = |report: &String| {
        report.starts_with("task #1 \"task\"") && report.contains("unseen_error.rs:")
    };
    stage.check(
        "each report names the task and the line that spawned it",
        reports.len() == 2 && reports.iter().all(site),
    );
    stage.check("awaited: the error was handled, and nothing was reported", {
        handled.is(&["fails", &format!("handled: {TEXT}")])
    });
    Ok(())
}
