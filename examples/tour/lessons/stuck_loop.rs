//! Lesson 38: a loop that is stuck in a call can still be asked, by another thread and by another program.

#![forbid(unsafe_code)]

use std::io;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use taketurns::insight::Dump;
use taketurns::sync::Event;
use taketurns::task::State;
use taketurns::time::sleep;
use taketurns::{spawn_blocking, yield_now};

use crate::exercise::exercise;
use crate::lane::{self, lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::socket::Socket;
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 38,
    slug: "stuck-loop",
    title: "a program that does not answer",
    moral: "Ask a stuck loop from another thread.",
    source: include_str!("stuck_loop.rs"),
    next: Next {
        file: "insight/slab.rs",
        item: "pub(crate) struct Slab",
        why: "what a loop writes down for the case that it gets stuck",
    },
    exercise: exercise!("stuck-loop"),
    twin: script!("38"),
    play,
};

/// A loop that has been silent for so long does not answer.
const LIMIT: Duration = Duration::from_millis(50);
/// For a loop that answers.
const LONG: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// Tells that the loop was asked.
type Answered = Receiver<()>;

/// What is told of a loop.
struct Told {
    dump: Dump,
    /// What another program is told.
    over_the_socket: Option<String>,
}

/// Says of each task whether it has its turn.
fn say_tasks(dump: &Dump) {
    for task in dump.tasks() {
        let task = task.info();
        let name = task.name().unwrap_or("main"); // the future of `block_on` has none
        let has_turn = task.state() == State::Running;
        say!("{name} {}", if has_turn { "has its turn" } else { "waits" });
    }
}

/// A thread asks a loop once `main` sends a word; `main` hears when it has asked.
fn asked<F>(limit: Duration, main: impl FnOnce(Sender<()>, Answered) -> F) -> io::Result<Told>
where
    F: Future<Output = ()>,
{
    // [show
    // the loop
    let builder = timeline::builder().task_slab(true);
    // show]
    let runtime = Recorded::from(builder.on_lost(|_| {}).build()?);
    let handle = runtime.handle();
    let socket = Socket::of(&handle)?;
    let (ask, may_ask) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let asks = move || {
        // [show
        // another thread
        let dump = handle.dump(limit);
        // show]
        say_tasks(&dump);
        Ok(Told { dump, over_the_socket: socket.ask("loops")? })
    };
    let thread = thread::spawn(move || {
        may_ask.recv().map_err(io::Error::other)?;
        let told = lane::thread("thread", asks);
        let _ = answer.send(());
        told
    });
    runtime.block_on(lane("main", main(ask, answered)));
    thread.join().map_err(|_| io::Error::other("the thread panicked"))?
}

async fn stuck(ask: Sender<()>, answered: Answered) {
    let event = Rc::new(Event::new());
    let waits = event.clone();
    spawn_named("sleeper", sleep(HOUR)).detach();
    spawn_named("late", async move { waits.wait().await }).detach();
    let culprit = spawn_named("culprit", async move {
        event.set();
        let _ = ask.send(());
        // [show
        // the culprit
        let _ = answered.recv(); // blocks the loop
        // show]
    });
    let _ = culprit.await;
}

async fn not_stuck(ask: Sender<()>, answered: Answered) {
    let outer = spawn_named("outer", async { spawn_named("sleeper", sleep(HOUR)).await });
    let asked = spawn_blocking(move || answered.recv());
    yield_now().await; // both tasks have had their first turns when the loop answers
    yield_now().await;
    let _ = ask.send(());
    let _ = asked.await;
    drop(outer);
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let stuck = stage.scene("stuck loop", "a thread asks while a task blocks the loop", || {
        asked(LIMIT, stuck)
    })?;
    let answers = stage.scene("loop that answers", "the same while no task blocks it", || {
        asked(LONG, not_stuck)
    })?;
    let (told, answered) = (&stuck.value, &answers.value);
    let text = told.dump.to_string();
    let says = |task: &str, what: &str| {
        text.lines().any(|line| line.contains(&format!(" \"{task}\", ")) && line.contains(what))
    };
    stage.why(
        "A loop answers between two turns, and this turn does not end. But with `task_slab` it writes down what each task does \
         where any thread can read it. So after 50 ms without an answer that is the dump:",
    );
    stage.quote(&text);
    stage.note("The loop that is not stuck knows more, such as which task awaits which:");
    stage.quote(&answered.dump.to_string());
    match &told.over_the_socket {
        Some(line) => {
            stage.note("Another program asks over a socket, as by `cargo run --example inspect -- ps`. It was told:");
            stage.quote(line);
        }
        None => stage.note(
            "Another program can ask, too: with the feature `inspect` by `insight::serve`, and `cargo run \
             --features inspect --example inspect -- ps`. Play this lesson with that feature to see it.",
        ),
    }
    stage.by_nature(
        "in asyncio another thread can ask the same, and sees the line at which the task stands, as a coroutine has a frame. \
         A future has none: a dump has where the task was spawned. (From another process `python -m asyncio ps PID` \
         asks, from Python 3.14 on.)",
    );
    stage.check(
        "the loop gave no answer, and the dump names the task that has its turn, and the line that spawned it",
        !told.dump.is_answered()
            && stuck.count("culprit has its turn") == 1
            && text.contains("it is in the turn of task #3 \"culprit\", spawned at examples/tour/lessons/stuck_loop.rs:"),
    );
    stage.check(
        "it says which tasks wait, which is ready behind it, and what woke that",
        stuck.is(&["main waits", "sleeper waits", "late waits", "culprit has its turn"])
            && says("sleeper", ", polled once, waiting;")
            && says("late", ", polled once, ready to run; woken last by task #3"),
    );
    stage.check(
        "a loop that goes on answers itself, between two turns",
        answered.dump.is_answered() && answers.is(&["main waits", "outer waits", "sleeper waits"]),
    );
    stage.check(
        "asyncio knows the line at which the task stands",
        stuck.asyncio_alone(&["the line it stands at is known: in blocks"]),
    );
    Ok(())
}
