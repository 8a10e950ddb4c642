//! The runtime inside a host loop: one that owns the thread and sleeps in `poll(2)`.
//!
//!     $ cargo run --example foreign_loop
//!
//! So it is in a window toolkit, a game, a database client: they have a loop already, with descriptors of
//! their own, and no part may block on the runtime's. This loop reads lines from a socket of its own and hands them
//! to a task. The task takes them to a TCP server, which is a task too; it sleeps; and it waits for another
//! thread, which answers while the loop sits in `poll`. All of it happens on one thread, between two polls.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::channel::oneshot;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use taketurns::net::{TcpListener, TcpStream};
use taketurns::time::sleep;
use taketurns::{Handle, Runtime};

/// Each follows from the one before, so their order is always the same.
const EXPECTED: [&str; 8] = [
    "loop: read `hello`",
    "loop: read `world`",
    "task: the server echoed `hello`",
    "task: the server echoed `world`",
    "task: slept",
    "a task that the other thread sent",
    "task: the other thread answered 42",
    "loop: the task has ended",
];

/// It takes some 50 ms. A program that loses a wake is told so, instead of waiting for ever.
const GIVE_UP: Duration = Duration::from_secs(10);

type Question = oneshot::Sender<u32>;

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn say(line: String) {
    println!("{line}");
    SAID.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

fn main() -> ExitCode {
    if let Err(error) = run() {
        eprintln!("foreign_loop: {error}");
        return ExitCode::FAILURE;
    }
    let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    for (number, line) in EXPECTED.iter().enumerate() {
        if said.get(number).is_none_or(|said| said != line) {
            eprintln!("foreign_loop: line {} should have been: {line}", number + 1);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let (own, others) = UnixStream::pair()?;
    let (ask, questions) = mpsc::channel();
    let handle = runtime.handle();
    thread::spawn(move || other_thread(others, &questions, &handle));

    let (hand_on, lines) = unbounded();
    let session = runtime.spawn(session(lines, ask));

    let (mut own, mut hand_on) = (Some(own), Some(hand_on));
    let end = Instant::now() + GIVE_UP;
    while Instant::now() < end {
        // Until `false`: then nobody is ready, and from then on a wake makes the runtime's descriptor
        // readable. A loop in a hurry may stop before; the deadline below is zero then, so it does not sleep.
        while runtime.try_tick()? {}
        if session.is_finished() {
            say("loop: the task has ended".to_owned());
            return Ok(runtime.block_on(session)??);
        }

        // The sleep ends for the loop's own reasons too: a descriptor, a time.
        let left = end.saturating_duration_since(Instant::now());
        let limit = runtime.next_deadline().map_or(left, |deadline| deadline.min(left));
        let own_is_readable = wait(&runtime, own.as_ref(), limit)?;

        if let Some(stream) = own.as_mut().filter(|_| own_is_readable) {
            let mut bytes = [0; 64]; // both lines come at once, and fit
            let length = stream.read(&mut bytes)?;
            for line in std::str::from_utf8(&bytes[..length])?.lines() {
                say(format!("loop: read `{line}`"));
                // Wakes the task, from outside of the runtime: the next `try_tick` finds it.
                hand_on.as_ref().ok_or("read after the end")?.unbounded_send(line.to_owned())?;
            }
            if length == 0 {
                (own, hand_on) = (None, None); // no more lines: the task hears of it
            }
        }
    }
    Ok(())
}

/// Sleeps until a descriptor is readable, at most `limit`. Says whether the loop's own is.
fn wait(runtime: &Runtime, own: Option<&UnixStream>, limit: Duration) -> io::Result<bool> {
    let mut watched = vec![PollFd::new(runtime, PollFlags::IN)];
    watched.extend(own.map(|own| PollFd::new(own, PollFlags::IN)));
    // Rounded to whole milliseconds it would come back before the deadline, and try again in vain.
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    match poll(&mut watched, Some(&limit)) {
        // The runtime's descriptor is only waited for: what it has to say, the next tick hears.
        Ok(_) => Ok(watched.get(1).is_some_and(|own| !own.revents().is_empty())),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

async fn session(
    mut lines: UnboundedReceiver<String>,
    ask: mpsc::Sender<Question>,
) -> io::Result<()> {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
    let mut server = TcpStream::connect(listener.local_addr()?).await?;
    let echo = taketurns::spawn(echo(listener));
    while let Some(line) = lines.next().await {
        server.write_all(line.as_bytes()).await?;
        let mut answer = vec![0; line.len()];
        server.read_exact(&mut answer).await?;
        say(format!("task: the server echoed `{}`", String::from_utf8_lossy(&answer)));
    }
    drop(server);
    echo.await.map_err(io::Error::other)??;

    sleep(Duration::from_millis(20)).await; // `next_deadline` ends the poll
    say("task: slept".to_owned());

    let (question, answer) = oneshot::channel();
    ask.send(question).map_err(io::Error::other)?;
    let answer = answer.await.map_err(io::Error::other)?; // only the descriptor can end this poll
    say(format!("task: the other thread answered {answer}"));
    Ok(())
}

/// Serves one connection.
async fn echo(listener: TcpListener) -> io::Result<()> {
    let (mut stream, _peer) = listener.accept().await?;
    let mut bytes = [0; 64];
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            length => stream.write_all(&bytes[..length]).await?,
        }
    }
}

/// Types two lines and leaves; then answers one question, in its own time.
fn other_thread(mut typed: UnixStream, questions: &mpsc::Receiver<Question>, handle: &Handle) {
    typed.write_all(b"hello\nworld\n").expect("the loop reads");
    drop(typed);
    if let Ok(question) = questions.recv() {
        thread::sleep(Duration::from_millis(20)); // the loop is in its poll by now
        drop(handle.spawn(async { say("a task that the other thread sent".to_owned()) }));
        let _ = question.send(42); // wakes the task, from this thread
    }
}
