//! Asks this process, or another.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// What takes so long never comes. Only a failing test gets there.
pub(crate) const LOST: Duration = Duration::from_secs(60);

/// A client of the socket.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    pub(crate) fn new(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(LOST)).unwrap();
        Self(BufReader::new(stream))
    }

    /// What it says to a line.
    pub(crate) fn ask(&mut self, line: &str) -> Result<String, String> {
        self.try_ask(line).expect("an answer")
    }

    /// `None`: the connection was closed.
    pub(crate) fn try_ask(&mut self, line: &str) -> Option<Result<String, String>> {
        let _ = writeln!(self.0.get_mut(), "{line}");
        self.answer()
    }

    fn answer(&mut self) -> Option<Result<String, String>> {
        let mut head = String::new();
        match self.0.read_line(&mut head) {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        let head = head.strip_suffix('\n').unwrap();
        if let Some(why) = head.strip_prefix("error ") {
            return Some(Err(why.to_owned()));
        }
        let length: usize = head.strip_prefix("ok ").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?; // cut off, as the server ends
        Some(Ok(String::from_utf8(body).unwrap()))
    }

    pub(crate) fn ask_json(&mut self, line: &str) -> Value {
        serde_json::from_str(&self.ask(line).unwrap()).unwrap()
    }
}

/// Where a page is: its address, and the path with the secret.
pub(crate) fn place(url: &str) -> (SocketAddr, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, _) = rest.split_once('/').unwrap();
    (address.parse().unwrap(), &rest[address.len()..])
}

/// The code, the head in lower case, and the body of what an HTTP server answers.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LOST)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, head.to_lowercase(), body.to_owned())
}

/// Gets a file of the page as its own scripts do.
pub(crate) fn get(url: &str, file: &str) -> (u16, String, String) {
    let (address, path) = place(url);
    exchange(address, &format!("GET {path}{file} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}
