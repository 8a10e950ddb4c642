//! Clients that wait for their answers, while others come and the server ends.

#![forbid(unsafe_code)]

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::crowd::{Crowd, MOST, THREADS};

/// What takes so long never comes. Only a failing test gets there.
const LOST: Duration = Duration::from_secs(60);

/// Connections that are all served until the sender is dropped. The receiver is told of each that begins.
struct Waiting {
    /// Dropped first, so that a failing test ends.
    answer: mpsc::Sender<()>,
    crowd: Crowd<TcpStream>,
    address: SocketAddr,
    begun: mpsc::Receiver<()>,
}

fn waiting(has_each_asked: bool) -> Waiting {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (begins, begun) = mpsc::channel();
    let (answer, answered) = mpsc::channel::<()>();
    let answered = Mutex::new(answered);
    let crowd = Crowd::start(listener, move |_stream: TcpStream, has_asked| {
        if has_each_asked {
            has_asked();
        }
        let _ = begins.send(());
        let _ = answered.lock().unwrap().recv();
    });
    Waiting { answer, crowd: crowd.unwrap(), address, begun }
}

#[test]
fn a_thread_that_still_works_for_a_client_that_was_cut_off_keeps_none_out() {
    let waiting = waiting(false);
    let clients: Vec<_> = (0..MOST + 3)
        .map(|_| {
            let client = TcpStream::connect(waiting.address).unwrap();
            waiting.begun.recv_timeout(LOST).expect("it is served");
            client
        })
        .collect();
    let mut oldest = &clients[0];
    oldest.set_read_timeout(Some(LOST)).unwrap();
    match oldest.read(&mut [0]) {
        Ok(read) => assert_eq!(read, 0, "cut off"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// As many clients as there are threads.
fn fill(waiting: &Waiting) -> Vec<TcpStream> {
    (0..THREADS)
        .map(|_| {
            let client = TcpStream::connect(waiting.address).unwrap();
            waiting.begun.recv_timeout(LOST).expect("it is served");
            client
        })
        .collect()
}

#[test]
fn when_too_many_threads_still_work_one_more_client_is_served_as_soon_as_one_is_done() {
    let waiting = waiting(false);
    let _clients = fill(&waiting);
    let _late = TcpStream::connect(waiting.address).unwrap();
    assert!(waiting.begun.recv_timeout(Duration::from_millis(10)).is_err());
    waiting.answer.send(()).unwrap();
    waiting.begun.recv_timeout(LOST).expect("it is served");
}

#[test]
fn the_end_does_not_wait_for_a_thread_that_still_works_nor_a_client_for_its_place() {
    for late in [false, true] {
        ends(waiting(!late), late);
    }
}

/// With `late`, one more client comes than there are threads.
fn ends(waiting: Waiting, late: bool) {
    let _clients = if late { fill(&waiting) } else { Vec::new() };
    let Waiting { answer: _answer, crowd, address, begun } = waiting;
    let _client = TcpStream::connect(address).unwrap();
    if !late {
        begun.recv_timeout(LOST).unwrap();
    }
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || {
        drop(crowd);
        tell.send(()).unwrap();
    });
    ended.recv_timeout(LOST).expect("it ends while the client is not answered");
}
