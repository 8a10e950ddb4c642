//! Lesson 14: the error of one await, and of one of several: go on unseen, every outcome, or cancel the siblings.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use taketurns::cancel::OrCancelled;
use taketurns::task::{TaskGroup, gather_settled, try_join_all};
use taketurns::time::sleep;
use taketurns::{JoinError, JoinHandle};

use crate::exercise::exercise;
use crate::lane::{spawn, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 14,
    slug: "several-errors",
    title: "the error of one, and of one of several",
    moral: "Say what becomes of the siblings.",
    source: include_str!("several_errors.rs"),
    next: Next {
        file: "group/join_all.rs",
        item: "pub fn gather_settled",
        why: "every outcome as a value, a cancellation too",
    },
    exercise: exercise!("several-errors"),
    twin: script!("14"),
    play,
};

const SECOND: Duration = Duration::from_secs(1);

type Outcome = Result<(), &'static str>;

async fn may_fail() -> Outcome {
    Err("Something went wrong")
}

async fn sibling(work: Duration) -> Outcome {
    if sleep(work).or_cancelled().await.is_err() {
        say!("sibling cancelled");
    } else {
        say!("sibling went on to its end");
    }
    Ok(())
}

async fn one() {
    if let Err(error) = may_fail().await {
        say!("caught: {error}");
    }
}

/// The outcome of a task that neither panics nor is aborted.
async fn outcome(task: JoinHandle<Outcome>) -> Outcome {
    task.await.expect("it neither panics nor is aborted")
}

async fn first() {
    // [show
    // the first error, and the sibling goes on unseen
    let tasks = [spawn(may_fail()), spawn(sibling(SECOND))];
    let outcomes = try_join_all(tasks.map(outcome)).await;
    // show]
    if let Err(error) = outcomes {
        say!("caught: {error}");
    }
    sleep(2 * SECOND).await;
}

fn told(outcome: &Result<Outcome, JoinError>) -> String {
    match outcome {
        Ok(Ok(())) => "done".into(),
        Ok(Err(error)) => format!("failed: {error}"),
        Err(error) if error.is_cancelled() => "cancelled".into(),
        Err(error) => error.to_string(),
    }
}

async fn every() {
    let (a, b) = (spawn(may_fail()), spawn(sibling(SECOND)));
    let c = spawn(sibling(10 * SECOND));
    c.abort();
    // [show
    // every outcome
    let outcomes = gather_settled([a, b, c]).await;
    // show]
    for (name, outcome) in ('a'..).zip(&outcomes) {
        say!("{name} {}", told(outcome));
    }
}

async fn together() {
    // [show
    // the siblings are cancelled
    let group = TaskGroup::scope(async |group| {
        group.spawn(sibling(10 * SECOND));
        group.spawn(may_fail());
        Ok(())
    });
    // show]
    if let Err(errors) = group.await {
        let errors: Vec<_> = errors.failures().iter().filter_map(|one| one.error()).collect();
        say!("caught: {}", errors.into_iter().copied().collect::<Vec<_>>().join(", "));
    }
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let one =
        stage.timed_scene("one await", "an error around one await", || virtually("main", one()))?;
    let first =
        stage.timed_scene("wrong way", "one of two fails, the first error is all", || {
            virtually("main", first())
        })?;
    let every =
        stage.timed_scene("every outcome", "one fails, one is done, one is aborted", || {
            virtually("main", every())
        })?;
    let together =
        stage.timed_scene("right way", "one of a group fails", || virtually("main", together()))?;
    stage.why(
        "Of several, one may fail while others are at work. `try_join_all` gives the first error, and says \
         nothing of the others: tasks go on, and their errors are lost. `gather_settled` waits for all and \
         gives each outcome as a value. A `TaskGroup` cancels the others, waits until they have ended, and \
         gives every error together.",
    );
    stage.by_nature(
        "of plain futures, `try_join_all` drops the others at the first error. They go on only if they are \
         tasks, as `gather` makes them in asyncio.",
    );
    stage.slip(
        "`isinstance(outcome, Exception)` misses a task that was cancelled: `CancelledError` is no \
         `Exception`. Here it is a `JoinError` like a panic.",
    );
    const CAUGHT: &str = "caught: Something went wrong";
    stage.check("around one await: the error, as a value", one.is(&[CAUGHT]));
    stage.check(
        "the first error came at once, and the sibling went on unseen",
        first.is(&[CAUGHT, "sibling went on to its end"]),
    );
    stage.check(
        "every outcome: an error, a value and a cancellation, in the order of the arguments",
        every.is(&[
            "sibling went on to its end",
            "a failed: Something went wrong",
            "b done",
            "c cancelled",
        ]),
    );
    stage.check(
        "in asyncio `isinstance(outcome, Exception)` sees one of the two that gave no value",
        every.asyncio_alone(&["isinstance(outcome, Exception): 1 of 3"]),
    );
    stage.check(
        "in a group the sibling was cancelled, and only then came the error",
        together.is(&["sibling cancelled", CAUGHT]) && together.took == Duration::ZERO,
    );
    Ok(())
}
