//! Lesson 15: a loop without an `.await` keeps the thread, and what it spawns only piles up.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fs;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use taketurns::time::sleep;

use crate::lane::{spawn, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
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
    twin: script!("15"),
    play,
};

const BOUND: usize = 10_000;

/// What each child is given to work on.
const PARCEL: usize = 1024;

// [show
async fn child(parcel: Vec<u8>, started: Rc<Cell<usize>>) {
    started.set(started.get() + 1);
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

async fn manager(started: Rc<Cell<usize>>) -> Pile {
    let before = resident();
    say!("Manager started");
    // [show
    for made in 1..=BOUND {
        spawn(child(vec![b'a'; PARCEL], started.clone())).detach();
        if made % 2_500 == 0 {
            say!("{made} tasks made, {} started", started.get());
        }
    }
    // show]
    say!("Manager stopped by its bound");
    Pile {
        // Each live child holds one count; two more are held by the scene and by this function.
        tasks: Rc::strong_count(&started) - 2,
        started: started.get(),
        memory: before.zip(resident()),
    }
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let run = stage.scene("wrong way", "make tasks in a loop that never awaits", || {
        let started = Rc::new(Cell::new(0));
        let pile = virtually("manager", manager(started.clone()))?;
        say!("after the manager: {} started", started.get());
        Ok(pile)
    })?;
    stage.why(
        "A turn ends only where a future returns Pending. The manager's never does, so no child has a \
         turn, and the queue grows by one task a round. The lesson `yielding` puts it right.",
    );
    stage.note(
        "A manager without an end would stop the program for ever. This one stops after 10,000 rounds, \
         and only then do the children have their first turn.",
    );
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
    stage.check("every task it made was waiting, with all it was given", tasks == BOUND);
    stage.check(
        "they started only once it had stopped",
        run.before("Manager stopped by its bound", "after the manager: 10000 started"),
    );
    Ok(())
}

/// Kilobytes of memory this process has in use, on systems with a `/proc`.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
