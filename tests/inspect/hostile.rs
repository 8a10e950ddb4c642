//! Clients that send nonsense, nothing, too much, or come in crowds: those that ask still get answers.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use taketurns::Runtime;
use taketurns::insight::{Serve, Server};

use super::client::{Client, LOST, get, place};
use super::program::{Demo, Folder};

fn serve() -> (Runtime, Server) {
    let runtime = Runtime::new().unwrap();
    let server = Serve::new().http(0).start(&runtime.handle()).unwrap();
    (runtime, server)
}

/// What comes until the connection is closed.
fn rest(mut stream: impl Read) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    answer
}

#[test]
fn nonsense_is_answered_and_ends_the_connection() {
    let (_runtime, server) = serve();
    let (address, _) = place(server.url().unwrap());
    for nonsense in [&b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"[..], b"\0\r\n\r\n", b"hello\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(nonsense).unwrap();
        assert!(rest(stream).starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    }
    let mut stream = UnixStream::connect(server.path()).unwrap();
    stream.write_all(b"\xff\xfe\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let why = b"error a question is a line of text, in UTF-8\n";
    assert_eq!(rest(stream), why);
    let mut stream = UnixStream::connect(server.path()).unwrap();
    stream.write_all(b"dump").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rest(stream), b"error a question ends with a line break\n");
    assert!(Client::new(server.path()).ask("loops").is_ok());
}

#[test]
fn what_is_too_long_is_not_read_to_its_end() {
    let (_runtime, server) = serve();
    let (address, path) = place(server.url().unwrap());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LOST)).unwrap();
    let long = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nX: {}", "x".repeat(10_000));
    stream.write_all(long.as_bytes()).unwrap(); // without an end
    assert!(rest(stream).starts_with(b"HTTP/1.1 431 "));

    let mut stream = UnixStream::connect(server.path()).unwrap();
    stream.set_read_timeout(Some(LOST)).unwrap();
    let _ = stream.write_all(&[b'x'; 1_000_000]); // it may be closed before all is sent
    assert!(rest(stream).starts_with(b"error a question is a line of at most 256 bytes"));

    // Endless: it may send until it is cut off.
    let mut stream = TcpStream::connect(address).unwrap();
    while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_is_cut_off() {
    let (_runtime, server) = serve();
    let (address, _) = place(server.url().unwrap());
    let page = TcpStream::connect(address).unwrap();
    page.set_read_timeout(Some(LITTLE)).unwrap();
    (&page).write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    let socket = UnixStream::connect(server.path()).unwrap();
    socket.set_read_timeout(Some(LITTLE)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| drip(&page));
        scope.spawn(|| drip(&socket));
    });
}

const LITTLE: Duration = Duration::from_millis(50);

/// Sends a byte now and then, until the server closes. Each read waits a little.
fn drip(mut stream: impl Read + Write) {
    let mut buffer = [0; 100];
    for _ in 0..LOST.as_millis() / LITTLE.as_millis() {
        if stream.write_all(b"x").is_err() {
            return;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => panic!("there is no answer to that"),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    panic!("it is never cut off");
}

#[test]
fn a_client_that_does_not_read_holds_up_no_other() {
    let (_runtime, server) = serve();
    let mut deaf = UnixStream::connect(server.path()).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    while deaf.write_all(&b"help\n".repeat(1000)).is_ok() {} // until the server cannot answer
    assert!(Client::new(server.path()).ask("loops").is_ok());
    drop(deaf);
}

#[test]
fn a_crowd_that_asks_for_nothing_makes_place() {
    let folder = Folder::new("silent");
    let demo = Demo::start(&folder);
    let url = &demo.url;
    let (address, _) = place(url);
    let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert_eq!(get(url, "state").0, 200);
    let mut first = &silent[0];
    first.set_read_timeout(Some(LOST)).unwrap();
    assert_eq!(rest(&mut first), b"", "the oldest had to go");

    let silent: Vec<_> = (0..100).map(|_| UnixStream::connect(&demo.socket).unwrap()).collect();
    assert!(Client::new(&demo.socket).ask("loops").is_ok());
    drop(silent);
}

#[test]
fn a_crowd_that_asks_keeps_its_places_until_one_leaves() {
    let folder = Folder::new("crowd");
    let demo = Demo::start(&folder);
    let mut asking: Vec<_> = (0..16).map(|_| Client::new(&demo.socket)).collect();
    for client in &mut asking {
        client.ask("page").unwrap();
    }
    let mut late = UnixStream::connect(&demo.socket).unwrap();
    late.set_read_timeout(Some(LOST)).unwrap();
    let _ = late.write_all(b"page\n"); // it may be closed already
    assert_eq!(rest(late), b"", "closed at once");
    for client in &mut asking {
        assert!(client.ask("page").is_ok(), "those that were there stay");
    }
    drop(asking.pop());
    // Its thread takes a moment to leave.
    while Client::new(&demo.socket).try_ask("page").is_none() {}
}

#[test]
fn many_clients_at_once_are_all_answered() {
    let folder = Folder::new("many");
    let demo = Demo::start(&folder);
    let path = &demo.socket;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::new(path);
                for _ in 0..100 {
                    client.ask_json("loops json");
                }
            });
        }
    });
}
