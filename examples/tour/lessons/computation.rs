//! Lesson 30: work for the processor. On a thread the loop goes on; in a process it survives a crash too.

#![forbid(unsafe_code)]

use std::io;
use std::process;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, ThreadId};
use std::time::Duration;

use taketurns::spawn_blocking;

use crate::child::{self, Part};
use crate::exercise::exercise;
use crate::lane::{lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::block_on;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 30,
    slug: "computation",
    title: "a computation, on a thread and in a process",
    moral: "A thread leaves the loop free; a process, alive.",
    source: include_str!("computation.rs"),
    next: Next {
        file: "offload/mod.rs",
        item: "A job costs two thread switches",
        why: "when work is better done in place, and why there is a pool",
    },
    exercise: exercise!("computation"),
    twin: script!("30"),
    play,
};

/// What the child processes of this lesson play.
pub(crate) const COMPUTES: Part = ("compute", || println!("{}", compute()));
pub(crate) const CRASHES: Part = ("crash", || process::exit(3));

fn compute() -> u64 {
    (0..123_457).map(|i: u64| i * i).sum::<u64>() % 1000
}

/// A job's meeting with the task beside it.
struct Meeting {
    seen: Receiver<()>,
    loops: ThreadId,
}

impl Meeting {
    /// Waits until the task beside has had its turn, so that no order depends on how busy the machine is. On the loop's
    /// own thread that would be in vain.
    fn wait(&self) {
        if thread::current().id() != self.loops {
            let _ = self.seen.recv_timeout(Duration::from_secs(30));
        }
    }
}

async fn in_place(_: Meeting) -> io::Result<u64> {
    // [show
    let result = compute(); // the loop stands still
    // show]
    Ok(result)
}

async fn on_a_thread(meeting: Meeting) -> io::Result<u64> {
    // [show
    let result = spawn_blocking(move || {
        meeting.wait();
        compute()
    });
    result.await.map_err(io::Error::other)
    // show]
}

/// Has a child process play `part`.
async fn in_a_process(part: &'static str, meeting: Meeting) -> io::Result<u64> {
    // [show
    let child = spawn_blocking(move || {
        meeting.wait();
        child::run(part) // `std::process::Command::output`
    });
    let output = child.await.map_err(io::Error::other)??;
    // show]
    match output.status.code() {
        Some(0) => String::from_utf8_lossy(&output.stdout).trim().parse().map_err(io::Error::other),
        Some(code) => Err(io::Error::other(format!("exit code {code}"))),
        None => Err(io::Error::other(output.status.to_string())),
    }
}

/// Does `work` in a task, with another task beside it that is ready for its turn.
fn beside(work: impl AsyncFnOnce(Meeting) -> io::Result<u64>) -> io::Result<()> {
    block_on(lane("main", async {
        let (tell, seen) = mpsc::channel();
        let neighbour = spawn_named("neighbour", async move {
            say!("the neighbour has its turn");
            let _ = tell.send(());
        });
        match work(Meeting { seen, loops: thread::current().id() }).await {
            Ok(result) => say!("result {result}"),
            Err(error) => say!("no result: {error}"),
        }
        neighbour.await.map_err(io::Error::other)
    }))
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let in_place = stage.scene("wrong way", "compute in the task", || beside(in_place))?;
    let thread =
        stage.scene("right way", "compute on a thread of the pool", || beside(on_a_thread))?;
    let process = stage.scene("isolated way", "compute in a process of its own", || {
        beside(async |meeting| in_a_process(COMPUTES.0, meeting).await)
    })?;
    let crash = stage.scene("crash", "the process crashes", || {
        beside(async |meeting| in_a_process(CRASHES.0, meeting).await)
    })?;
    stage.why(
        "A computation has nothing to await, so in a task it keeps the thread until it is done. On another \
         thread it leaves the loop free. A panic there is an error of its handle, but an abort, a stack that \
         overflows, or memory that is used up ends the whole program. A process keeps even that to itself, \
         and its exit code is an error like any other.",
    );
    stage.by_nature(
        "a thread of Python shares one lock with the loop (the GIL) and slows it down while it computes; \
         there a process is needed for speed too. Here threads compute side by side. There is no type for \
         processes: std's `Command`, awaited through the pool, is enough.",
    );
    stage.note(
        "A job costs some microseconds of its own, a process some milliseconds. Shorter work is better done \
         in place.",
    );
    stage.check(
        "in place: no other task had a turn before the result",
        in_place.is(&["result 816", "the neighbour has its turn"]),
    );
    stage.check(
        "on a thread: the loop went on meanwhile",
        thread.is(&["the neighbour has its turn", "result 816"]),
    );
    stage.check(
        "in a process: the loop went on meanwhile",
        process.is(&["the neighbour has its turn", "result 816"]),
    );
    stage.check(
        "the crash of the process was an error, and the loop went on",
        crash.is(&["the neighbour has its turn", "no result: exit code 3"]),
    );
    Ok(())
}
