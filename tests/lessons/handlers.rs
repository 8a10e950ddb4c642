//! Lessons 20 and 21: a handler with blocking work to do, and another connection that waits for it or does not.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use taketurns::net::{TcpListener, TcpStream};
use taketurns::{block_on, spawn, spawn_blocking};

type Said = Arc<Mutex<Vec<&'static str>>>;

/// The work of `/`: blocks until `/health` is answered; gives up after `patience`.
struct Work {
    said: Said,
    begun: Sender<()>,
    answered: Receiver<()>,
    patience: Duration,
}

impl Work {
    fn run(self) {
        self.said.lock().unwrap().push("/ works");
        self.begun.send(()).unwrap();
        let outcome = self.answered.recv_timeout(self.patience);
        let done = if outcome.is_ok() { "/ is done" } else { "/ is done, without /health" };
        self.said.lock().unwrap().push(done);
    }
}

/// Answers one request: a byte, which is sent back.
async fn connection(
    mut stream: TcpStream,
    root: impl AsyncFnOnce(Work),
    work: Option<Work>,
) -> std::io::Result<()> {
    let mut request = [0];
    stream.read_exact(&mut request).await?;
    if let Some(work) = work {
        root(work).await;
    }
    stream.write_all(&request).await
}

/// Asks for `/`, and for `/health` once that is at work.
fn visit(address: SocketAddr, said: &Said, begins: &Receiver<()>, answers: &Sender<()>) {
    let ask = || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"?").unwrap();
        stream
    };
    let mut root = ask();
    begins.recv().unwrap();
    ask().read_exact(&mut [0]).unwrap();
    said.lock().unwrap().push("/health answered");
    let _ = answers.send(());
    root.read_exact(&mut [0]).unwrap();
    said.lock().unwrap().push("/ answered");
}

/// What is said while a visitor is served, by `root` as the handler of `/`.
fn served(root: impl AsyncFn(Work) + Copy + 'static, patience: Duration) -> String {
    let said = Said::default();
    let (begun, begins) = mpsc::channel();
    let (answers, answered) = mpsc::channel();
    let visitor = block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, telling) = (listener.local_addr().unwrap(), said.clone());
        let visitor = thread::spawn(move || visit(address, &telling, &begins, &answers));
        let (first, _) = listener.accept().await.unwrap();
        let work = Work { said: said.clone(), begun, answered, patience };
        let first = spawn(connection(first, root, Some(work)));
        let (second, _) = listener.accept().await.unwrap();
        let second = spawn(connection(second, root, None));
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        visitor
    });
    visitor.join().unwrap();
    let said = said.lock().unwrap();
    said.join(", ")
}

/// Lesson 20.
#[test]
fn one_that_blocks_keeps_every_other_connection_waiting() {
    // Its patience is in vain however long it is: the loop cannot answer.
    let said = served(async |work| work.run(), Duration::from_millis(20));
    assert_eq!(said, "/ works, / is done, without /health, /health answered, / answered");
}

/// Lesson 21.
#[test]
fn one_that_is_offloaded_keeps_no_connection_waiting() {
    let root = async |work: Work| spawn_blocking(|| work.run()).await.unwrap();
    // Not used up: `/health` is answered at once.
    let said = served(root, Duration::from_secs(30));
    assert_eq!(said, "/ works, /health answered, / is done, / answered");
}
