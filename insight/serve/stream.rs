//! What a Unix socket and a TCP socket have in common here, and [`Timed`]: a stream with a deadline.
//!
//! A socket's own timeouts are for one call each. A peer that sends a byte now and then would never reach one, so here the
//! time that is left until the deadline is set before each call.

#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A connection.
pub(super) trait Stream: Read + Write + Send + Sized + 'static {
    fn try_clone(&self) -> io::Result<Self>;
    fn set_timeouts(&self, limit: Option<Duration>) -> io::Result<()>;
    fn shut_down(&self, how: Shutdown);
}

macro_rules! streams {
    ($($stream:ty)*) => {$(
        impl Stream for $stream {
            fn try_clone(&self) -> io::Result<Self> {
                self.try_clone()
            }

            fn set_timeouts(&self, limit: Option<Duration>) -> io::Result<()> {
                self.set_read_timeout(limit)?;
                self.set_write_timeout(limit)
            }

            fn shut_down(&self, how: Shutdown) {
                let _ = self.shutdown(how); // it may be closed already
            }
        }
    )*};
}
streams!(UnixStream TcpStream);

/// A socket that listens.
pub(super) trait Listener: Send + 'static {
    type Stream: Stream;

    fn accept(&self) -> io::Result<Self::Stream>;

    /// A function that ends an `accept` on another thread.
    fn waker(&self) -> io::Result<Box<dyn Fn() + Send>>;
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    fn accept(&self) -> io::Result<UnixStream> {
        self.accept().map(|(stream, _)| stream)
    }

    fn waker(&self) -> io::Result<Box<dyn Fn() + Send>> {
        let listening = UnixStream::from(OwnedFd::from(self.try_clone()?));
        let path = self.local_addr()?.as_pathname().map(PathBuf::from);
        Ok(Box::new(move || {
            // On Linux the first is enough; other systems need a connection.
            listening.shut_down(Shutdown::Both);
            let _ = path.as_ref().map(UnixStream::connect);
        }))
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn accept(&self) -> io::Result<TcpStream> {
        self.accept().map(|(stream, _)| stream)
    }

    fn waker(&self) -> io::Result<Box<dyn Fn() + Send>> {
        let listening = TcpStream::from(OwnedFd::from(self.try_clone()?));
        let address: SocketAddr = self.local_addr()?;
        Ok(Box::new(move || {
            listening.shut_down(Shutdown::Both);
            let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        }))
    }
}

/// A stream whose reads and writes fail at a deadline.
pub(super) struct Timed<S> {
    pub(super) stream: S,
    deadline: Instant,
}

impl<S: Stream> Timed<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, deadline: Instant::now() + limit }
    }

    /// Begins anew: so long from now.
    pub(super) fn set_limit(&mut self, limit: Duration) {
        self.deadline = Instant::now() + limit;
    }

    fn set_timeouts(&self) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_timeouts(Some(left))
    }
}

impl<S: Stream> Read for Timed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.set_timeouts()?;
        self.stream.read(buffer)
    }
}

impl<S: Stream> Write for Timed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.set_timeouts()?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
