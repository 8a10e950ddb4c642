//! A small web service on hyper.
//!
//!     $ cargo run --release --features hyper --example health -- --addr 127.0.0.1:8080 &
//!     listening on http://127.0.0.1:8080
//!     $ curl http://127.0.0.1:8080/health
//!     ok
//!     $ curl http://127.0.0.1:8080/              # 50 ms of blocking work, on the thread pool
//!     done
//!     $ curl http://127.0.0.1:8080/blocking      # the same on the loop: nobody else is served
//!     done
//!     $ curl -i http://127.0.0.1:8080/elsewhere
//!     HTTP/1.1 404 Not Found
//!     ...
//!     $ wrk -t1 -c64 -d10s --latency http://127.0.0.1:8080/health
//!
//! Asking for `/blocking` during the last line shows in its latencies. Ctrl-C ends the service: no
//! new connections, an answer to each request in flight, a count of those served.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::convert::Infallible;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use taketurns::JoinHandle;
use taketurns::net::{TcpListener, TcpStream};
use taketurns::time::sleep;

const HELP: &str = "\
Usage: health [--addr ADDRESS] [--work MILLISECONDS]

  --addr ADDRESS        where to listen (127.0.0.1:8080); port 0: the system chooses
  --work MILLISECONDS   how long the blocking work takes (50)
  --help                print this

/ does blocking work on the thread pool, /blocking on the loop (the mistake), /health says ok.
Ctrl-C ends it when the requests in flight are answered; a second one, at once.
";

/// How long the end waits for requests in flight, and the work they started.
const GRACE: Duration = Duration::from_secs(5);

struct Options {
    address: SocketAddr,
    work: Duration,
}

fn main() -> ExitCode {
    let arguments = env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned());
    let options = match parse(arguments) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("health: {problem} (see --help)");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = run(&options) {
        eprintln!("health: cannot serve on {}: {error}", options.address);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// `None`: help is asked for.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options =
        Options { address: ([127, 0, 0, 1], 8080).into(), work: Duration::from_millis(50) };
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--help" => return Ok(None),
            "--addr" => options.address = value(&name, arguments.next())?,
            "--work" => options.work = Duration::from_millis(value(&name, arguments.next())?),
            _ => return Err(format!("unknown argument `{name}`")),
        }
    }
    Ok(Some(options))
}

fn value<T: FromStr>(name: &str, text: Option<String>) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("`{name}` needs a value"))?;
    text.parse().map_err(|_| format!("`{name}` does not take `{text}`"))
}

fn run(options: &Options) -> io::Result<()> {
    let ending = ending()?;
    let runtime = taketurns::Builder::new().blocking_deadline(Duration::ZERO).build()?;
    let served = runtime.block_on(serve(options, ending))?;
    println!("served {served} requests");
    let report = runtime.shutdown();
    if !report.lost().is_empty() {
        eprintln!("health: not answered within {GRACE:?}: {report}");
    }
    Ok(())
}

/// Resolves at the first Ctrl-C or SIGTERM. The second ends the process, whatever the loop does.
fn ending() -> io::Result<oneshot::Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (begin, ending) = oneshot::channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut signals = signals.forever();
        signals.next();
        let _ = begin.send(()); // wakes the loop, from this thread
        if let Some(signal) = signals.next() {
            process::exit(128 + signal);
        }
    })?;
    Ok(ending)
}

/// Serves until `ending`; returns the number of requests it answered.
async fn serve(options: &Options, mut ending: oneshot::Receiver<()>) -> io::Result<u64> {
    let listener = TcpListener::bind(options.address)?;
    println!("listening on http://{}", listener.local_addr()?);

    let site = Rc::new(Site { work: options.work, served: Cell::new(0) });
    let mut connections: Vec<(JoinHandle<()>, oneshot::Sender<()>)> = Vec::new();
    loop {
        match select(pin!(listener.accept()), &mut ending).await {
            Either::Left((Ok((stream, _peer)), _)) => {
                connections.retain(|(task, _end)| !task.is_finished());
                let (end, ending) = oneshot::channel();
                let task = taketurns::spawn(Rc::clone(&site).connection(stream, ending));
                connections.push((task, end));
            }
            Either::Left((Err(error), _)) => {
                eprintln!("health: cannot accept: {error}");
                sleep(Duration::from_millis(100)).await; // out of descriptors? some may close
            }
            Either::Right(_) => break,
        }
    }
    drop(listener);
    println!("ending: waiting for requests in flight (Ctrl-C: at once)");
    let tasks = connections.into_iter().map(|(task, end)| {
        let _ = end.send(()); // an error: it has ended already
        task
    });
    select(join_all(tasks), sleep(GRACE)).await;
    Ok(site.served.get())
}

/// What all connections share.
struct Site {
    work: Duration,
    served: Cell<u64>,
}

impl Site {
    async fn connection(self: Rc<Self>, stream: TcpStream, ending: oneshot::Receiver<()>) {
        let service = service_fn(|request| self.answer(request));
        let mut connection = pin!(http1::Builder::new().serve_connection(stream, service));
        // An error is the client's: it went away, or sent what hyper answered with 400.
        if let Either::Right(_) = select(connection.as_mut(), ending).await {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        let work = self.work;
        let (status, body) = match request.uri().path() {
            "/" => match taketurns::spawn_blocking(move || thread::sleep(work)).await {
                Ok(()) => (StatusCode::OK, "done\n"),
                Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed\n"),
            },
            "/blocking" => {
                thread::sleep(work);
                (StatusCode::OK, "done\n")
            }
            "/health" => (StatusCode::OK, "ok\n"),
            _ => (StatusCode::NOT_FOUND, "not found\n"),
        };
        self.served.set(self.served.get() + 1);
        let mut response = Response::new(body.to_owned());
        *response.status_mut() = status;
        Ok(response)
    }
}
