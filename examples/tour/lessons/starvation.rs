//! Lesson 15: a loop without an `.await` keeps the thread, and what it spawns only piles up.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fs;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use taketurns::insight::Doing;
use taketurns::time::{Clock, sleep};

use crate::exercise::exercise;
use crate::lane::{spawn, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::report::Report;
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 15,
    slug: "starvation",
    title: "a manager that makes tasks and never yields",
    moral: "A loop without an `.await` keeps the thread.",
    source: include_str!("starvation.rs"),
    next: Next {
        file: "executor/run.rs",
        item: "fn turn",
        why: "one turn of the loop: nothing in it interrupts a poll",
    },
    exercise: exercise!("starvation"),
    twin: script!("15"),
    play,
};

const BOUND: usize = 10_000;

/// A turn that has lasted so long is told of.
const THRESHOLD: Duration = Duration::from_millis(50);

/// How many bytes each child is given to work on.
const PARCEL: usize = 1024;

thread_local! {
    /// How many bytes all parcels hold.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// What a child is given to work on.
struct Parcel(Vec<u8>);

impl Parcel {
    fn new() -> Parcel {
        let content = vec![b'a'; PARCEL];
        HELD.set(HELD.get() + content.len());
        Parcel(content)
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        HELD.set(HELD.get() - self.0.len());
    }
}

/// How many children have started.
struct Started(Cell<usize>);

impl Started {
    fn count(&self, child: usize) {
        if self.0.get() == 0 {
            say!("the first to start: child {child}");
        }
        self.0.set(self.0.get() + 1);
    }
}

// [show
async fn child(number: usize, parcel: Parcel, started: Rc<Started>) {
    started.count(number);
    sleep(Duration::from_secs(1)).await;
    drop(parcel);
}
// show]

/// What the manager left behind.
struct Pile {
    tasks: usize,
    started: usize,
    /// Kilobytes of memory in use before and after, where the system tells.
    memory: Option<(u64, u64)>,
}

async fn manager(started: Rc<Started>, report: Report) -> Pile {
    let before = resident();
    say!("Manager started");
    // [show
    for made in 1..=BOUND {
        spawn(child(made, Parcel::new(), started.clone())).detach();
        if made % 2_500 == 0 {
            say!("{made} tasks made, {} started", started.0.get());
        }
    }
    // show]
    report.compute();
    say!("Manager stopped by its bound, {} bytes held", HELD.get());
    Pile {
        // Each live child holds one count; two more are held by the scene and by this function.
        tasks: Rc::strong_count(&started) - 2,
        started: started.0.get(),
        memory: before.zip(resident()),
    }
}

/// Runs the manager as a task of a loop that has a watchdog.
fn watched(started: Rc<Started>, report: &Report) -> io::Result<Pile> {
    let told = report.clone();
    let builder = timeline::builder().clock(Clock::AutoAdvance).on_lost(|_| {});
    let builder = builder.stall_threshold(THRESHOLD).on_stall(move |stall| told.note(stall));
    let runtime = Recorded::from(builder.build()?);
    let manager = manager(started, report.clone());
    runtime.block_on(async { spawn_named("manager", manager).await }).map_err(io::Error::other)
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let report = Report::of("manager");
    let run = stage.scene("wrong way", "make tasks in a loop that never awaits", || {
        let started = Rc::new(Started(Cell::new(0)));
        let pile = watched(started.clone(), &report)?;
        say!("after the manager: {} started", started.0.get());
        report.say();
        Ok(pile)
    })?;
    stage.why(
        "A turn ends only where a future returns Pending. The manager's never does, so no child has a \
         turn, and the queue grows by one task a round. The lesson `yielding` puts it right.",
    );
    stage.note(
        "A manager without an end would stop the program for ever. This one stops after 10,000 rounds, \
         once a watchdog has told of it, and only then do the children have their first turn.",
    );
    let stall = report.first();
    if let Some(stall) = &stall {
        stage.note(&format!("The watchdog said, while the manager had its turn: {stall}."));
    }
    let Pile { tasks, started, memory } = run.value;
    if let Some((before, after)) = memory {
        stage.note(&format!(
            "The backlog: {tasks} tasks of at least {PARCEL} bytes each. This process grew from {} to \
             {} MB meanwhile.",
            before / 1000,
            after / 1000,
        ));
    }
    stage.check("no child ran while the manager did", started == 0);
    stage.check(
        "every task it made was waiting, with all it was given",
        tasks == BOUND && run.count("Manager stopped by its bound, 10240000 bytes held") == 1,
    );
    stage.check(
        "they started only once it had stopped, the first that was spawned first",
        run.right_after(
            "Manager stopped by its bound, 10240000 bytes held",
            "the first to start: child 1",
        ) && run.count("after the manager: 10000 started") == 1,
    );
    stage.check(
        "a watchdog named the manager while it had its turn, with how many waited behind it",
        stall.as_ref().is_some_and(|stall| stall.name() == Some("manager") && stall.ready() > 0),
    );
    stage.check(
        "it says that the thread computed, where the system tells, or had no core to do so",
        stall.is_some_and(|stall| !matches!(stall.doing(), Doing::Blocked(_))),
    );
    stage.check(
        "asyncio tells of it when the manager has stopped",
        run.asyncio_alone(&["told of the manager after its turn"]),
    );
    Ok(())
}

/// Kilobytes of memory this process has in use, on systems with a `/proc`.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
