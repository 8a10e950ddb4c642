//! The site of lessons 20 and 21: `/` has blocking work to do, `/health` has none.
//!
//! The visitor asks for `/`, and for `/health` once `/` is at work. What differs between the two
//! lessons is the handler of `/`, and nothing else.

#![forbid(unsafe_code)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use taketurns::net::{TcpListener, TcpStream};

use crate::http::{Get, read_request, respond};
use crate::lane::{self, spawn_named};
use crate::report::Report;
use crate::timeline::{self, Recorded};
use crate::trace::say;

const HELLO: &str = r#"{"message": "Hello World"}"#;
const HEALTHY: &str = r#"{"status": "ok"}"#;
const LOST: &str = r#"{"detail": "Not Found"}"#;

/// A turn that has lasted so long is told of.
const THRESHOLD: Duration = Duration::from_millis(100);

/// What the visitor says when it leaves.
type Left = oneshot::Receiver<io::Result<()>>;

/// What `/` must do before it can answer: a blocking call of 0.2 s.
pub(crate) struct Work {
    begun: Sender<()>,
    answered: Receiver<()>,
    patience: Duration,
    report: Option<Report>,
}

impl Work {
    /// Blocks the thread it is called on; for at most `patience` more, until `/health` has been
    /// answered, so that no order depends on how busy the machine is.
    pub(crate) fn run(self) {
        lane::thread("pool", || {
            say!("/ works");
            let _ = self.begun.send(());
            thread::sleep(Duration::from_millis(200));
            let _ = self.answered.recv_timeout(self.patience);
            self.report.iter().for_each(Report::wait);
            say!("/ is done");
        });
    }
}

/// Serves the two requests of a visitor, with `root` as the handler of `/`. With a report, the loop has a watchdog, and `/` is
/// at work until that has told of it.
pub(crate) fn serve<F>(root: F, patience: Duration, report: Option<&Report>) -> io::Result<()>
where
    F: AsyncFn(Work) -> io::Result<()> + Copy + 'static,
{
    let (begun, begins) = mpsc::channel();
    let (answers, answered) = mpsc::channel();
    let (leaves, mut left) = oneshot::channel();
    let mut builder = timeline::builder();
    if let Some(told) = report.cloned() {
        builder = builder.stall_threshold(THRESHOLD).on_stall(move |stall| told.note(stall));
    }
    let (runtime, report) = (Recorded::from(builder.build()?), report.cloned());
    runtime.block_on(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || leaves.send(visit(address, &begins, &answers)));

        let first = accept(&listener, &mut left).await?;
        let work = Work { begun, answered, patience, report };
        let first = spawn_named("/", connection(first, root, Some(work)));
        let second = accept(&listener, &mut left).await?;
        let second = spawn_named("/health", connection(second, root, None));
        first.await.map_err(io::Error::other)??;
        second.await.map_err(io::Error::other)??;
        left.await.map_err(io::Error::other)?
    })
}

/// The next connection; the visitor's error, should it leave without having made one.
async fn accept(listener: &TcpListener, left: &mut Left) -> io::Result<TcpStream> {
    match select(pin!(listener.accept()), left).await {
        Either::Left((accepted, _)) => Ok(accepted?.0),
        Either::Right((left, _)) => match left {
            Ok(Err(error)) => Err(error),
            _ => Err(io::Error::other("the visitor left early")),
        },
    }
}

/// One connection: a task of its own.
async fn connection<F>(stream: TcpStream, root: F, work: Option<Work>) -> io::Result<()>
where
    F: AsyncFn(Work) -> io::Result<()>,
{
    let path = read_request(&stream).await?;
    // [show
    match (path.as_str(), work) {
        ("/", Some(work)) => {
            root(work).await?;
            respond(&stream, "200 OK", HELLO).await
        }
        ("/health", _) => respond(&stream, "200 OK", HEALTHY).await,
        _ => respond(&stream, "404 Not Found", LOST).await,
    }
    // show]
}

/// A plain thread, as a browser would be another program.
fn visit(address: SocketAddr, begins: &Receiver<()>, answers: &Sender<()>) -> io::Result<()> {
    let root = Get::send(address, "/")?;
    begins.recv().map_err(io::Error::other)?;
    let health = Get::send(address, "/health")?.answer()?;
    say!("/health answered {health}");
    let _ = answers.send(());
    say!("/ answered {}", root.answer()?);
    Ok(())
}
