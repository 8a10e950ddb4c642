//! Lesson 33: a clock that goes to the next deadline by itself, so that a limit of an hour can be tried out.

#![forbid(unsafe_code)]

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use taketurns::time::{Clock, Instant, sleep, timeout};
use taketurns::{Runtime, spawn_blocking};

use crate::exercise::exercise;
use crate::lane::{lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 33,
    slug: "virtual-time",
    title: "an hour in a millisecond",
    moral: "A virtual clock plays an hour in no time.",
    source: include_str!("virtual_time.rs"),
    next: Next {
        file: "timer/clock.rs",
        item: "pub enum Clock",
        why: "the real clock and the virtual ones",
    },
    exercise: exercise!("virtual-time"),
    twin: script!("33"),
    play,
};

const HOUR: Duration = Duration::from_secs(3600);

/// Says a line with the time since the start, by the runtime's clock.
#[derive(Clone, Copy)]
struct Clerk(Instant);

impl Clerk {
    fn say(self, text: &str) {
        say!("after {} s: {text}", self.0.elapsed().as_secs_f64());
    }
}

async fn long_running_task(clerk: Clerk) {
    clerk.say("started");
    sleep(2 * HOUR).await;
    clerk.say("completed");
}

async fn heartbeat(clerk: Clerk) {
    for _ in 0..4 {
        sleep(Duration::from_secs(1000)).await;
        clerk.say("still alive");
    }
}

// [show
async fn entry() {
    let clerk = Clerk(Instant::now());
    let beats = spawn_named("heartbeat", heartbeat(clerk));
    if timeout(HOUR, long_running_task(clerk)).await.is_err() {
        clerk.say("Task timed out!");
    }
    beats.await.expect("the task neither panics nor is aborted");
}
// show]

/// How long a job waits to be told that it may end, so that one that runs in place cannot hang the tour.
const PATIENCE: Duration = Duration::from_secs(30);

/// Work on another thread under a limit of an hour, while the loop looks again and again.
fn offloaded(runtime: &Runtime) -> bool {
    let (finish, finished) = mpsc::channel();
    let job = async move {
        timeout(HOUR, spawn_blocking(move || finished.recv_timeout(PATIENCE))).await.is_ok()
    };
    let in_time = runtime.spawn(job);
    for _ in 0..100 {
        while runtime.try_tick().is_ok_and(|ready| ready) {}
    }
    finish.send(()).is_ok() && runtime.block_on(in_time).is_ok_and(|in_time| in_time)
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let runtime = Recorded::from(timeline::builder().clock(Clock::AutoAdvance).build()?);
    let run =
        stage.scene("right way", "more than an hour, by a clock that does not wait", || {
            runtime.block_on(lane("entry", entry()));
            Ok(())
        })?;
    stage.why(
        "When no task is ready, a loop can only wait for its next timer. Under `Clock::AutoAdvance` it \
         moves the clock there instead: the same tasks run in the same order and see exactly the same \
         times, and the thread waits for none of them. The wrong way is not shown: a test in real time \
         would take more than an hour.",
    );
    stage.by_nature(
        "it is an option of the runtime. asyncio has none, so the twin brings a selector that moves the \
         clock. That clock runs ahead of work on other threads: `run_in_executor` under a limit times \
         out at once. Here the clock stands still while a blocking job runs, and `time::hold` stops \
         it for work that the runtime cannot know of.",
    );
    stage.check(
        "each line at its time, to the nanosecond, in exact order",
        run.is(&[
            "after 0 s: started",
            "after 1000 s: still alive",
            "after 2000 s: still alive",
            "after 3000 s: still alive",
            "after 3600 s: Task timed out!",
            "after 4000 s: still alive",
        ]),
    );
    stage.check("in less than a minute", run.took < Duration::from_secs(60));
    stage.check("a job on another thread is not overtaken", offloaded(&runtime));
    stage.check(
        "by the twin's clock it is",
        run.asyncio_alone(&["a job of 0.2 s is overtaken by a limit of an hour"]),
    );
    Ok(())
}
