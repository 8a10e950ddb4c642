//! Lesson 10: at most three of ten at once, first come, first served.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::Semaphore;
use taketurns::time::sleep;

use crate::exercise::exercise;
use crate::lane::{spawn, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 10,
    slug: "limited-workers",
    title: "at most three of ten workers at once",
    moral: "A permit is held across the awaits of the work.",
    source: include_str!("limited_workers.rs"),
    next: Next {
        file: "sync/semaphore.rs",
        item: "pub fn acquire(",
        why: "permits, and the fair queue in front of them",
    },
    exercise: exercise!("limited-workers"),
    twin: script!("10"),
    play,
};

/// How many workers are at work, and the most that were.
#[derive(Default)]
struct Busy {
    now: Cell<u32>,
    peak: Cell<u32>,
}

async fn worker(permits: Rc<Semaphore>, number: u32, work: Duration, busy: Rc<Busy>) {
    // [show
    let permit = permits.acquire().await.expect("it is never closed");
    busy.now.set(busy.now.get() + 1);
    busy.peak.set(busy.peak.get().max(busy.now.get()));
    say!("worker {number} is running, {} busy", busy.now.get());
    sleep(work).await;
    say!("worker {number} is done");
    busy.now.set(busy.now.get() - 1);
    drop(permit); // to the worker that has waited longest
    // show]
}

/// Ten workers, each at work for `more` longer than the one before. Returns the peak.
async fn ten(limit: usize, more: Duration) -> u32 {
    let (permits, busy) = (Rc::new(Semaphore::new(limit)), Rc::<Busy>::default());
    let start = |number| {
        let work = Duration::from_secs(1) + number * more;
        spawn(worker(permits.clone(), number, work, busy.clone()))
    };
    for worker in (0..10).map(start).collect::<Vec<_>>() {
        worker.await.expect("it neither panics nor is aborted");
    }
    busy.peak.get()
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let all = stage.timed_scene("wrong way", "ten permits for ten workers", || {
        virtually("main", ten(10, Duration::from_millis(10)))
    })?;
    let three = stage.timed_scene("right way", "three permits for ten workers", || {
        virtually("main", ten(3, Duration::ZERO))
    })?;
    stage.why(
        "A worker takes a permit before it begins, and gives it back when `permit` is dropped. Without a \
         permit left it waits, in a queue: the permit that comes back goes to the worker that has waited \
         longest, and no worker can overtake it.",
    );
    stage.by_nature(
        "timers of the same deadline fire in the order of arming. asyncio fires more than three of them \
         in the order of its heap, so in the wrong way each worker works a little longer than the one \
         before.",
    );
    stage.note(&format!("Peak: {} of 10 at once, and {} of 10.", all.value, three.value));
    stage.check("ten permits: all ten ran at once", all.value == 10 && all.count("worker") == 20);
    let mut rounds = Vec::new();
    for round in [0..3, 3..6, 6..9, 9..10] {
        let running = |(busy, number)| format!("worker {number} is running, {busy} busy");
        rounds.extend((1..).zip(round.clone()).map(running));
        rounds.extend(round.map(|number| format!("worker {number} is done")));
    }
    let rounds: Vec<&str> = rounds.iter().map(String::as_str).collect();
    stage.check(
        "three permits: never more than three, first come, first served, in 4 s",
        three.value == 3 && three.is(&rounds) && three.took == Duration::from_secs(4),
    );
    stage.check(
        "as long in asyncio",
        three.asyncio_at("worker 9 is done") == Some(Duration::from_secs(4)),
    );
    stage.check(
        "in asyncio ten sleeps of one deadline do not end in the order of arming",
        three.asyncio_alone(&["ten sleeps of one deadline end in order: False"]),
    );
    Ok(())
}
