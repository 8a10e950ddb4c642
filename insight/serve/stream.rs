//! What a Unix socket and a TCP socket have in common here, and [`Timed`]: a stream with a deadline.
//!
//! A socket's own timeouts are for one call each. A peer that sends a byte now and then would never reach one, so here the
//! time that is left until the deadline is set before each call.

#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A connection.
pub(super) trait Stream: Read + Write + Send + Sized + 'static {
    fn try_clone(&self) -> io::Result<Self>;
    fn set_timeouts(&self, limit: Option<Duration>) -> io::Result<()>;
    fn shut_down(&self, how: Shutdown);

    /// Whether the peer will not read an answer, as far as the system says so.
    fn is_gone(&self) -> bool;
}

/// A peer of the Unix socket may close its own direction alone: it has no more to ask, and still reads.
const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR);

/// A browser does not do that. All that tells of a page that was closed is the end of what it sends.
#[cfg(target_os = "linux")]
const BROWSER_GONE: PollFlags = GONE.union(PollFlags::RDHUP);
#[cfg(not(target_os = "linux"))]
const BROWSER_GONE: PollFlags = GONE;

macro_rules! streams {
    ($($stream:ty: $gone:expr,)*) => {$(
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

            fn is_gone(&self) -> bool {
                let mut asked = [PollFd::new(self, $gone)];
                let found = poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
                found.is_ok() && asked[0].revents().intersects($gone)
            }
        }
    )*};
}
streams!(UnixStream: GONE, TcpStream: BROWSER_GONE,);

/// A socket that listens.
pub(super) trait Listener: AsFd + Send + 'static {
    type Stream: Stream;

    /// Without waiting.
    fn try_accept(&self) -> io::Result<Self::Stream>;

    fn set_nonblocking(&self) -> io::Result<()>;
}

macro_rules! listeners {
    ($($listener:ty: $stream:ty,)*) => {$(
        impl Listener for $listener {
            type Stream = $stream;

            fn try_accept(&self) -> io::Result<$stream> {
                let (stream, _) = self.accept()?;
                stream.set_nonblocking(false)?; // some systems hand it on
                Ok(stream)
            }

            fn set_nonblocking(&self) -> io::Result<()> {
                self.set_nonblocking(true)
            }
        }
    )*};
}
listeners!(UnixListener: UnixStream, TcpListener: TcpStream,);

/// Waits until a client connects, or the other end of `end` is dropped. (A `shutdown` of the listener would end an `accept`
/// on Linux alone, and a connection to it only while its name is there.)
pub(super) fn wait(listener: &impl Listener, end: &UnixStream) {
    let mut awaited = [PollFd::new(listener, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
    let _ = poll(&mut awaited, None); // a signal may end it sooner
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
