//! Lesson 17: a task group. It returns when every child is done, and no error of a child is lost.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use taketurns::cancel::OrCancelled;
use taketurns::task::TaskGroup;
use taketurns::time::sleep;
use taketurns::yield_now;

use crate::exercise::exercise;
use crate::lane::virtually;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 17,
    slug: "task-group",
    title: "a task group",
    moral: "No child outlives it, and no error is lost.",
    source: include_str!("task_group.rs"),
    next: Next {
        file: "group/task_group.rs",
        item: "# When children run",
        why: "the group does not yield by itself",
    },
    exercise: exercise!("task-group"),
    twin: script!("17"),
    play,
};

const CHILDREN: usize = 10_000;

type Outcome = Result<(), &'static str>;

async fn child(started: Rc<Cell<usize>>) -> Outcome {
    started.set(started.get() + 1);
    yield_now().await;
    Ok(())
}

async fn dispatch(yields: bool) {
    let started = Rc::new(Cell::new(0));
    // [show
    let group = TaskGroup::scope(async |group| {
        for _ in 0..CHILDREN {
            group.spawn(child(started.clone()));
            if yields {
                yield_now().await;
            }
        }
        say!("body over: {CHILDREN} spawned, {} started", started.get());
        Ok(())
    });
    group.await.expect("no child fails");
    // show]
    say!("left: {} started", started.get());
}

async fn fails() -> Outcome {
    Err("a")
}

async fn fails_in_its_clean_up() -> Outcome {
    let _ = sleep(Duration::from_secs(10)).or_cancelled().await;
    say!("b cleans up");
    Err("b")
}

async fn errors() -> String {
    let group = TaskGroup::scope(async |group| {
        group.spawn_named("b", fails_in_its_clean_up());
        group.spawn_named("a", fails());
        sleep(Duration::from_secs(10)).await;
        say!("never said");
        Ok(())
    });
    let failed = group.await.expect_err("two children fail");
    let errors: Vec<_> = failed.failures().iter().filter_map(|failure| failure.error()).collect();
    say!("together: {}", errors.into_iter().copied().collect::<Vec<_>>().join(", "));
    failed.to_string()
}

async fn never() -> Outcome {
    say!("never said");
    Ok(())
}

async fn early() {
    let group = TaskGroup::scope(async |group| {
        group.spawn(never());
        Err::<(), _>("the body")
    });
    let failed = group.await.expect_err("the body fails");
    say!("failed: {}", failed.failures()[0].error().copied().unwrap_or_default());
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let greedy = stage
        .scene("wrong way", "a body that never awaits", || virtually("main", dispatch(false)))?;
    let yielding = stage.scene("right way", "a body that yields in each round", || {
        virtually("main", dispatch(true))
    })?;
    let errors =
        stage.scene("several errors", "one fails, the other fails as it cleans up", || {
            virtually("main", errors())
        })?;
    let early =
        stage.scene("early error", "the body fails before the child's first turn", || {
            virtually("main", early())
        })?;
    stage.why(
        "A group returns when its body and all of its children have ended, so no child is lost, and none \
         lives on. The first failure cancels the rest; then every error comes back together.",
    );
    stage.slip(
        "It is often said that a task group yields by itself. It does not, there or here: of 10,000 \
         children none started before a body that never awaits was over.",
    );
    stage.by_nature(
        "children hear of the cancellation where they listen, as in the lesson `asked-to-end`; what does \
         not listen is dropped in its next turn. The error names each task and the line that spawned it:",
    );
    stage.quote(&errors.value);
    stage.check(
        "the body never awaited: all spawned, none started; and the group waited for all",
        greedy.is(&["body over: 10000 spawned, 0 started", "left: 10000 started"]),
    );
    stage.check(
        "the body yielded: each had started",
        yielding.is(&["body over: 10000 spawned, 10000 started", "left: 10000 started"]),
    );
    stage.check(
        "the first failure cancelled the rest, and both errors came back, in order",
        errors.is(&["b cleans up", "together: a, b"]),
    );
    stage.check(
        "the error names both tasks and their lines",
        ["\"a\"", "\"b\""].iter().all(|name| errors.value.contains(name))
            && errors.value.matches("task_group.rs:").count() == 2,
    );
    stage.check("the body failed early: the child never ran", early.is(&["failed: the body"]));
    Ok(())
}
