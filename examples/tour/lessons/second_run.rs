//! Lesson 29: each run makes and ends a loop of its own. What belongs to the first is of no use in the second.

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::net::{self, Ipv4Addr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::net::TcpStream;
use taketurns::time::{Sleep, sleep};
use taketurns::{Builder, JoinHandle, Runtime, spawn};

use crate::exercise::exercise;
use crate::lane::panic_of;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 29,
    slug: "second-run",
    title: "each run makes and ends a loop of its own",
    moral: "One runtime for what lives from run to run.",
    source: include_str!("second_run.rs"),
    next: Next {
        file: "runtime/mod.rs",
        item: "pub struct Runtime",
        why: "what it owns, and that tasks stay in it between runs",
    },
    exercise: exercise!("second-run"),
    twin: script!("29"),
    play,
};

/// A task that waits for `ready`, a timer, and a socket with its peer.
struct Made {
    ready: oneshot::Sender<()>,
    task: JoinHandle<()>,
    timer: Sleep,
    socket: TcpStream,
    peer: net::TcpStream,
}

async fn make() -> io::Result<Made> {
    let listener = net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let socket = net::TcpStream::connect(listener.local_addr()?)?;
    let (peer, _) = listener.accept()?;
    let (ready, told) = oneshot::channel();
    Ok(Made {
        ready,
        task: spawn(async {
            let _ = told.await;
        }),
        timer: sleep(Duration::from_millis(1)),
        socket: TcpStream::from_std(socket)?,
        peer,
    })
}

/// Says how `what` of the first run could be used. Returns the refusal, if it is one.
fn tell(what: &str, used: Result<String, String>) -> Option<String> {
    say!("{what} of the first run: {}", used.as_deref().unwrap_or("refused"));
    used.err()
}

async fn end_of(task: JoinHandle<()>) {
    let end = match task.await {
        Ok(()) => "ended".into(),
        Err(error) if error.is_shutdown() => "ended with it".into(),
        Err(error) => error.to_string(),
    };
    tell("task", Ok(end));
}

async fn firing(timer: Sleep) -> Option<String> {
    let mut timer = pin!(timer);
    let fired = poll_fn(|cx| {
        let mut polled = Poll::Pending;
        match panic_of(|| polled = timer.as_mut().poll(cx)) {
            Some(refusal) => Poll::Ready(Err(refusal)),
            None => polled.map(|()| Ok("fired".into())),
        }
    });
    tell("timer", fired.await)
}

async fn read(socket: TcpStream) -> Option<String> {
    let mut buffer = [0; 5];
    let read = socket.read(&mut buffer).await;
    let text = read.map(|bytes| String::from_utf8_lossy(&buffer[..bytes]).into());
    tell("socket", text.map_err(|error| error.to_string()))
}

/// As `block_on`: a runtime of its own for one run.
fn run<F: Future>(root: F) -> io::Result<F::Output> {
    Ok(Builder::new().on_lost(|_| {}).build()?.block_on(root))
}

/// Returns what the timer and the socket say as they are refused.
fn apart() -> io::Result<[Option<String>; 2]> {
    // [show
    // a loop for each run
    let Made { task, timer, socket, .. } = run(make())??;
    run(end_of(task))?;
    let refusals = [run(firing(timer))?, run(read(socket))?];
    // show]
    Ok(refusals)
}

fn together() -> io::Result<()> {
    // [show
    // one loop for all runs
    let runtime = Runtime::new()?;
    let mut made = runtime.block_on(make())?;
    // show]
    let _ = made.ready.send(());
    made.peer.write_all(b"hello")?;
    // [show
    runtime.block_on(end_of(made.task));
    runtime.block_on(firing(made.timer));
    runtime.block_on(read(made.socket));
    // show]
    Ok(())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let apart = stage.scene("wrong way", "a runtime for each run", apart)?;
    let together = stage.scene("right way", "one runtime, run four times", together)?;
    stage.why(
        "`block_on` makes a runtime, runs its future, and ends the runtime. A task ends with the runtime \
         that it was spawned in. A timer is in that runtime's wheel, and a socket in its reactor; no \
         other loop looks there. A `Runtime` of your own keeps all three between its runs.",
    );
    stage.by_nature(
        "the refusals say where the timer and the socket were made, and what to do instead. A timer's is a \
         panic, as `sleep` has no error to give; a socket's is an `io::Error`:",
    );
    let refusals: Vec<String> = apart.value.iter().flatten().cloned().collect();
    stage.quote(&refusals.join("\n"));
    stage.check(
        "a runtime for each run: the task has ended, timer and socket are refused",
        apart.is(&[
            "task of the first run: ended with it",
            "timer of the first run: refused",
            "socket of the first run: refused",
        ]),
    );
    stage.check(
        "each refusal names the file and the line where the thing was made",
        refusals.len() == 2
            && refusals
                .iter()
                .all(|refusal| refusal.contains("made at examples/tour/lessons/second_run.rs:")),
    );
    stage.check(
        "one runtime: the task goes on, the timer fires, the socket reads",
        together.is(&[
            "task of the first run: ended",
            "timer of the first run: fired",
            "socket of the first run: hello",
        ]),
    );
    Ok(())
}
