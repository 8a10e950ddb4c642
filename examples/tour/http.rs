//! Enough HTTP/1.1 for two lessons: one GET a connection, answered with JSON.

#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use futures::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use taketurns::net::TcpStream;

/// A longer request head is not read to its end.
const HEAD_LIMIT: u64 = 8 * 1024;

/// How long the visitor waits for bytes, so that a broken server cannot hang the tour.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a request's head and gives the path it asks for.
pub(crate) async fn read_request(stream: &TcpStream) -> io::Result<String> {
    let mut input = BufReader::new(stream).take(HEAD_LIMIT);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "half a request"));
        }
    }
    let mut words = head.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some("GET"), Some(path)) => Ok(path.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not a GET request")),
    }
}

/// Answers with a status such as `200 OK` and a body of JSON, and ends the connection.
pub(crate) async fn respond(mut stream: &TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(response.as_bytes()).await?;
    stream.close().await
}

/// A request on its way, sent by a plain thread: a browser knows nothing of our loop.
pub(crate) struct Get {
    stream: std::net::TcpStream,
}

impl Get {
    pub(crate) fn send(address: SocketAddr, path: &str) -> io::Result<Get> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        Ok(Get { stream })
    }

    /// Waits for the answer: the status code and the body, as `200: {...}`.
    pub(crate) fn answer(mut self) -> io::Result<String> {
        let mut response = String::new();
        self.stream.read_to_string(&mut response)?;
        let code = response.split(' ').nth(1);
        match (code, response.split_once("\r\n\r\n")) {
            (Some(code), Some((_, body))) => Ok(format!("{code}: {body}")),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not an HTTP response")),
        }
    }
}
