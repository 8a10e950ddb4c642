//! What another program is told of a loop, over the socket of `insight::serve`.
//!
//! Without the feature `inspect` there is no such socket, and no answer.

#![forbid(unsafe_code)]

use std::io;

use taketurns::Handle;

#[cfg(feature = "inspect")]
pub(crate) struct Socket(taketurns::insight::Server);

#[cfg(feature = "inspect")]
impl Socket {
    /// From now on a loop can be asked.
    ///
    /// # Errors
    ///
    /// When the socket cannot be made.
    pub(crate) fn of(handle: &Handle) -> io::Result<Socket> {
        taketurns::insight::Serve::new().name("tour").start(handle).map(Socket)
    }

    /// The answer to a question, as `examples/inspect` asks it in a process of its own.
    ///
    /// # Errors
    ///
    /// When the socket fails, or refuses the question.
    pub(crate) fn ask(&self, question: &str) -> io::Result<Option<String>> {
        use std::io::{BufRead, BufReader, Read, Write};
        use std::os::unix::net::UnixStream;

        let mut stream = UnixStream::connect(self.0.path())?;
        writeln!(stream, "{question}")?;
        let (mut answer, mut head) = (BufReader::new(stream), String::new());
        answer.read_line(&mut head)?;
        let length = head.strip_prefix("ok ").and_then(|length| length.trim_end().parse().ok());
        let mut body = vec![0; length.ok_or_else(|| io::Error::other(head.clone()))?];
        answer.read_exact(&mut body)?;
        String::from_utf8(body).map(Some).map_err(io::Error::other)
    }
}

#[cfg(not(feature = "inspect"))]
pub(crate) struct Socket;

#[cfg(not(feature = "inspect"))]
impl Socket {
    pub(crate) fn of(_: &Handle) -> io::Result<Socket> {
        Ok(Socket)
    }

    pub(crate) fn ask(&self, _: &str) -> io::Result<Option<String>> {
        Ok(None)
    }
}
