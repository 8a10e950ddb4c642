//! The site of lessons 20 and 21: `/` has blocking work to do, `/health` has none.
//!
//! The visitor asks for `/`, and for `/health` once `/` is at work. What differs between the two
//! lessons is the handler of `/`, and nothing else.

#![forbid(unsafe_code)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use taketurns::net::{TcpListener, TcpStream};
use taketurns::{block_on, spawn};

use crate::http::{Get, read_request, respond};
use crate::trace::say;

/// What `/` must do before it can answer: a blocking call of 0.2 s.
pub(crate) struct Work {
    begun: Sender<()>,
    answered: Receiver<()>,
    patience: Duration,
}

impl Work {
    /// Blocks the thread it is called on; for at most `patience` more, until `/health` has been
    /// answered, so that no order depends on how busy the machine is.
    pub(crate) fn run(self) {
        say!("/ works");
        let _ = self.begun.send(());
        thread::sleep(Duration::from_millis(200));
        let _ = self.answered.recv_timeout(self.patience);
        say!("/ is done");
    }
}

/// Serves the two requests of a visitor, with `root` as the handler of `/`.
pub(crate) fn serve<F>(root: F, patience: Duration) -> io::Result<()>
where
    F: AsyncFn(Work) -> io::Result<()> + Copy + 'static,
{
    let (begun, begins) = mpsc::channel();
    let (answers, answered) = mpsc::channel();
    let visitor = block_on(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let visitor = thread::spawn(move || visit(address, &begins, &answers));

        let (first, _) = listener.accept().await?;
        let work = Work { begun, answered, patience };
        let first = spawn(connection(first, root, Some(work)));
        let (second, _) = listener.accept().await?;
        let second = spawn(connection(second, root, None));
        first.await.map_err(io::Error::other)??;
        second.await.map_err(io::Error::other)??;
        io::Result::Ok(visitor)
    })?;
    visitor.join().map_err(|_| io::Error::other("the visitor panicked"))?
}

/// One connection: a task of its own.
async fn connection<F>(stream: TcpStream, root: F, work: Option<Work>) -> io::Result<()>
where
    F: AsyncFn(Work) -> io::Result<()>,
{
    let path = read_request(&stream).await?;
    match (path.as_str(), work) {
        ("/", Some(work)) => {
            root(work).await?;
            respond(&stream, "200 OK", r#"{"message": "Hello World"}"#).await
        }
        ("/health", _) => respond(&stream, "200 OK", r#"{"status": "ok"}"#).await,
        _ => respond(&stream, "404 Not Found", r#"{"detail": "Not Found"}"#).await,
    }
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
