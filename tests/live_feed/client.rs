//! A client of the example: one exchange, or the events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use serde_json::Value;

use super::program::LOST;

/// In HTTP/1.0 the body ends with the connection, and is sent as it is.
fn ask(address: SocketAddr, request: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LOST)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    BufReader::new(stream)
}

pub(crate) struct Answer {
    pub(crate) code: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = ask(address, request);
    let (code, head) = head(&mut stream);
    let mut body = String::new();
    stream.read_to_string(&mut body).unwrap();
    Answer { code, head, body }
}

/// Posts a message as a browser on this page does.
pub(crate) fn post(address: SocketAddr, message: &str) -> Answer {
    let len = message.len();
    let head = format!(
        "POST /messages HTTP/1.0\r\nhost: {address}\r\norigin: http://{address}\r\ncontent-length: {len}\r\n\r\n"
    );
    exchange(address, &(head + message))
}

fn head(stream: &mut BufReader<TcpStream>) -> (u16, String) {
    let status = line(stream);
    let code = status.split(' ').nth(1).unwrap_or_else(|| panic!("{status}")).parse().unwrap();
    let mut head = String::new();
    loop {
        match line(stream).as_str() {
            "" => return (code, head),
            line => head += &(line.to_lowercase() + "\n"),
        }
    }
}

/// Empty at the end.
fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// What a client is sent.
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Events {
    /// Of a client that has seen the message with the id `seen`.
    pub(crate) fn of(address: SocketAddr, seen: Option<&str>) -> Self {
        let seen = seen.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let request = format!("GET /events HTTP/1.0\r\nhost: {address}\r\n{seen}\r\n");
        let mut stream = ask(address, &request);
        let (code, head) = head(&mut stream);
        assert_eq!(code, 200);
        assert!(head.contains("content-type: text/event-stream\n"), "{head}");
        Events { stream }
    }

    /// The next event; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let mut event = Event { name: "message".into(), id: String::new(), data: String::new() };
        let mut has_data = false;
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < LOST, "only comments come"); // they keep the socket's own limit off
            let mut line = String::new();
            if self.stream.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                None if has_data => return Some(event),
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("data", data)) => {
                    data.clone_into(&mut event.data);
                    has_data = true;
                }
                None | Some(("retry" | "", _)) => {} // a comment, the time for a retry, the end of either
                Some(other) => panic!("not an event: {other:?}"),
            }
        }
    }

    /// The next message, with its id. What is said of the source is skipped, and anything else is a failure.
    pub(crate) fn message(&mut self) -> (String, Value) {
        loop {
            let event = self.next().expect("the feed has ended");
            match event.name.as_str() {
                "state" => {}
                "message" => return (event.id, serde_json::from_str(&event.data).unwrap()),
                _ => panic!("{event:?}"),
            }
        }
    }

    /// The `n` of the next message from the source.
    pub(crate) fn n(&mut self) -> u64 {
        let (_id, data) = self.message();
        assert_eq!(data["from"], "source");
        data["message"]["n"].as_u64().unwrap_or_else(|| panic!("{data}"))
    }

    /// What is said of the source, as soon as it is as wanted. Messages before it are a failure.
    pub(crate) fn state_when(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let event = self.next().expect("the feed has ended");
            assert_eq!(event.name, "state", "{event:?}");
            let state = serde_json::from_str(&event.data).unwrap();
            if is_wanted(&state) {
                return state;
            }
            assert!(start.elapsed() < LOST, "not the wanted state: {state:#}");
        }
    }
}
