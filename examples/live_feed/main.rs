//! A live feed: messages from a source that blocks, shown in every browser that listens.
//!
//!     $ cargo run --release --features hyper --example live_feed -- messages.json &
//!     listening on http://127.0.0.1:8080
//!     $ echo '{"text": "hello"}' >>messages.json       # appears in every browser, and here:
//!     $ curl -N http://127.0.0.1:8080/events
//!     $ curl -d '{"text": "to all"}' http://127.0.0.1:8080/messages
//!     $ curl http://127.0.0.1:8080/status
//!
//! The source is a file that grows, or a FIFO, with one JSON object a line. It stands in for a message queue whose client
//! library knows no async. Reading it on the server's loop would stop every client until the next message comes. So two
//! loops share the work, and each does what it is for:
//!
//! ```text
//!   the consumer's loop                            the server's loop
//!   spawn_blocking(read) -> decode -- Handle --> inbox -> the feed -+-> queue -> /events of client 1
//!                                                  ^                +-> queue -> /events of client 2
//!                          POST /messages ---------+
//! ```
//!
//! # What it promises
//!
//! * **Order.** Every client gets the messages in one order, and each of them once: also a client that was cut off and comes
//!   back, as long as the last 256 messages reach back to where it was.
//! * **Nothing read is lost** when the source fails (it is not there, cannot be read, has no writer). It is tried again after
//!   0.1 s, then 0.2 s, up to every 5 s, and goes on where it was, within a line too. A file that was replaced is read from
//!   its beginning; so is one that was truncated, if that is seen before it has grown as long again. A malformed message is
//!   counted and shown, and the next one is read.
//! * **A slow client costs the others little.** Each has a queue of its own (`--queue`). When it is full the feed waits for
//!   it, 0.2 s in all and then 1 ms an event, and drops that client's oldest messages, which are counted and told to it. The
//!   feed waits for all slow clients at the same time.
//! * **An empty source costs next to nothing**: it is asked ten times a second. The last line has the processor time.
//! * **Ctrl-C drains.** What was read is delivered, each client is told the end, both loops are joined. A second one ends
//!   the program at once.
//!
//! It is for one machine: it listens on 127.0.0.1, and anyone there may read and post.
//!
//! # Layout
//!
//! 1. `main.rs`: both loops, and how they end; `options.rs`.
//! 2. `source.rs`: reading for a limited time; `lines.rs`, `decode.rs`: what was read, as messages.
//! 3. `consumer.rs`: the task that reads, decodes, hands over, and waits before it tries again.
//! 4. `feed.rs`: one order for all, and what a client that comes back has missed; `client.rs`: the queue of one.
//! 5. `server.rs`, `page.html`: what a browser sees of it.

#![forbid(unsafe_code)]

mod client;
mod consumer;
mod decode;
mod feed;
mod lines;
mod options;
mod server;
mod source;

use std::env;
use std::fmt;
use std::io::{self, Write};
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use taketurns::cancel::CancellationToken;
use taketurns::offload::Limiter;
use taketurns::task::JoinSet;
use taketurns::time::timeout;
use taketurns::{Background, BlockingHandle, Builder, Handle, Runtime, spawn, spawn_blocking};

use consumer::consume;
use feed::{Feed, Totals};
use options::Options;
use server::Server;
use source::Source;

/// At the end, clients take what is theirs. When hyper takes no event for any of them for this long, those that are left
/// are cut off. hyper and the system hold half a megabyte for a client, of which this sees nothing.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments = env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned());
    let options = match options::parse(arguments) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("live_feed: {problem} (see --help)");
            return ExitCode::from(2);
        }
    };
    if let Err(problem) = run(options) {
        eprintln!("live_feed: {problem}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Prints a line, on a thread of the pool: while the reader of a pipe or a terminal stands still, writing blocks.
fn say(line: impl fmt::Display) -> BlockingHandle<()> {
    print(io::stdout, line.to_string())
}

/// As [`say`], to stderr.
fn complain(line: impl fmt::Display) -> BlockingHandle<()> {
    print(io::stderr, format!("live_feed: {line}"))
}

fn print<W: Write + 'static>(to: fn() -> W, line: String) -> BlockingHandle<()> {
    /// One line after the other, in their order.
    static LINES: LazyLock<Limiter> = LazyLock::new(|| Limiter::new(1));
    LINES.spawn_blocking(move || {
        let _ = writeln!(to(), "{line}"); // a reader that has left is no reason to end
    })
}

fn run(options: Options) -> Result<(), String> {
    let start = Instant::now();
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone()).map_err(|error| format!("cannot listen to signals: {error}"))?;
    let runtime = Runtime::new().map_err(|error| format!("cannot start a loop: {error}"))?;
    runtime.block_on(serve(options, stop))?;
    drop(runtime);
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = Duration::new(cpu.tv_sec.unsigned_abs(), cpu.tv_nsec as u32);
    // The loops have ended: nothing waits for this thread.
    let _ = writeln!(io::stdout(), "{cpu:.1?} of processor time in {:.1?}", start.elapsed());
    Ok(())
}

/// The first Ctrl-C or SIGTERM cancels `stop`. The second ends the process, whatever its loops do.
fn stop_on_signals(stop: CancellationToken) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut signals = signals.forever();
        signals.next();
        stop.cancel("Ctrl-C"); // wakes the server's loop, from this thread
        if let Some(signal) = signals.next() {
            process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// Runs the server here and the consumer beside it until `stop`, and then everything that was read to its end.
async fn serve(options: Options, stop: CancellationToken) -> Result<(), String> {
    let (listener, address) = server::listen(options.port).map_err(|error| {
        format!("cannot serve on 127.0.0.1:{}: {error} (see --port)", options.port)
    })?;
    let (feed, news) = Feed::new(options.queue);
    let publishing = spawn(Rc::clone(&feed).run(news));
    let reads = Arc::new(AtomicU64::new(0));
    let consumer = {
        let (source, server_loop) = (Source::new(options.path), Handle::current());
        let (reads, stop) = (Arc::clone(&reads), stop.clone());
        Background::start(Builder::new().thread_name("consumer"), move |asked| async move {
            let _guard = stop.drop_guard("the consumer has ended"); // also by a panic
            consume(source, server_loop, reads, asked).await
        })
    };
    let consumer = consumer.map_err(|error| format!("cannot start a second loop: {error}"))?;
    say(format_args!("listening on http://{address}")).detach();

    let server = Rc::new(Server { feed: Rc::clone(&feed), reads: Arc::clone(&reads) });
    let closing = CancellationToken::new();
    let mut connections = server.serve(listener, &stop, &closing).await;

    say("ending: what was read is delivered (Ctrl-C: at once)").detach();
    consumer.stop();
    // `join` blocks, and the consumer hands over what it has read to *this* loop: so another thread waits.
    let consumed = spawn_blocking(move || consumer.join()).await;
    feed.close();
    let published = publishing.await;
    closing.cancel("the feed has ended");
    drain(&mut connections, &feed).await;
    let undelivered = feed.queued();
    connections.shutdown().await;

    let unfinished = consumed
        .and_then(|joined| joined.and_then(|consumed| consumed))
        .map_err(|error| format!("the consumer failed: {error}"))?;
    published.map_err(|error| format!("the feed failed: {error}"))?;
    let reads = reads.load(Ordering::Relaxed);
    let Totals { messages, posted, malformed, retries, new_files, clients, dropped } =
        feed.totals();
    let counts = format!(
        "source: {reads} reads, {retries} retries, {new_files} new files, {unfinished} bytes of an unfinished line\n\
        feed: {messages} messages, {posted} of them posted; {malformed} malformed\n\
        clients: {clients}; {dropped} messages dropped, {undelivered} events undelivered"
    );
    say(counts).await.map_err(|error| format!("cannot print: {error}")) // after all other lines
}

/// Waits until all connections have ended, or until clients take nothing for [`GRACE`].
async fn drain(connections: &mut JoinSet<()>, feed: &Feed) {
    let mut taken = feed.taken();
    loop {
        let all = async {
            while let Some(ended) = connections.join_next().await {
                server::report(ended);
            }
        };
        if timeout(GRACE, all).await.is_ok() || feed.taken() == taken {
            return;
        }
        taken = feed.taken();
    }
}
