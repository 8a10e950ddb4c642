//! [`TcpStream`]: one connection.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
#[cfg(feature = "hyper")]
use std::mem::MaybeUninit;
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::reactor::core::Reactor;
use crate::reactor::source::{Direction, Source};
use crate::reactor::sys;

/// A TCP connection.
///
/// Reads and writes are independent: one task may wait for each. When two tasks read the same
/// stream at once, or two write it, only the last one to ask is woken.
///
/// Bytes leave as they are written ([`flush`](futures_io::AsyncWrite::poll_flush) has nothing to
/// do). Closing ([`poll_close`](futures_io::AsyncWrite::poll_close)) ends the writing half: the
/// peer reads an end, and can still answer. Dropping the stream closes it.
///
/// For options that have no method here, [`AsFd`] lends the descriptor to crates such as `socket2`.
///
/// # Errors
///
/// Reads and writes fail as those of [`std::net::TcpStream`] do, except that they never fail with
/// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`Interrupted`](io::ErrorKind::Interrupted). An
/// error of kind [`Other`](io::ErrorKind::Other): it is used outside the runtime it was made in.
///
/// # Cancellation
///
/// A dropped `read` or `write` has moved nothing: bytes move only in the poll that says so. A
/// dropped `write_all` or `read_exact` has moved an unknown part.
pub struct TcpStream {
    source: Source<net::TcpStream>,
}

impl TcpStream {
    /// Connects to `addr`.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use taketurns::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// taketurns::block_on(async {
    ///     let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    ///     let address = listener.local_addr()?;
    ///     let stream = TcpStream::connect(address).await?;
    ///     assert_eq!(stream.peer_addr()?, address);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`, such as [`ConnectionRefused`](io::ErrorKind::ConnectionRefused), and
    /// those of making and registering a descriptor. How long an address that does not answer takes
    /// is the system's choice, and may be minutes: race it with a timer of your own.
    ///
    /// # Panics
    ///
    /// Outside a runtime, when polled.
    ///
    /// # Cancellation
    ///
    /// Closes the socket; the peer may have seen a connection.
    pub async fn connect(addr: impl Into<SocketAddr>) -> io::Result<Self> {
        let reactor = Reactor::current("TcpStream::connect");
        // Registered after it is connecting: before, a socket reports that its peer hung up.
        let stream = Self::register(reactor, sys::start_connect(addr.into())?)?;
        poll_fn(|cx| stream.source.poll_io(Direction::Write, cx, connected)).await?;
        Ok(stream)
    }

    /// Takes a stream of std into this runtime, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// It cannot be made non-blocking, or not be registered.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        let reactor = Reactor::current("TcpStream::from_std");
        stream.set_nonblocking(true)?;
        Self::register(reactor, stream)
    }

    pub(super) fn register(reactor: Rc<Reactor>, stream: net::TcpStream) -> io::Result<Self> {
        Ok(TcpStream { source: Source::new(reactor, stream)? })
    }

    /// Gives it back as a stream of std, which blocks again.
    ///
    /// This takes a connection to another thread, whose runtime takes it in by
    /// [`from_std`](Self::from_std).
    ///
    /// # Errors
    ///
    /// It cannot be made blocking; it is closed then.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        let stream = self.source.into_io();
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// Those of [`std::net::TcpStream::peer_addr`]: the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// Those of [`std::net::TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// Sends small writes at once (`true`) instead of holding them back while earlier bytes are
    /// unacknowledged (`false`, as it begins: Nagle's algorithm). Whoever writes whole messages
    /// wants `true`.
    ///
    /// # Errors
    ///
    /// Those of [`std::net::TcpStream::set_nodelay`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.source.io().set_nodelay(nodelay)
    }

    /// Ends the reading half, the writing half or both. A task that waits for that half is woken.
    ///
    /// # Errors
    ///
    /// Those of [`std::net::TcpStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }

    /// `poll_read` through a `buf` that need not be initialised: `take` gets what came, at most
    /// once, and nothing at the end.
    #[cfg(feature = "hyper")]
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [MaybeUninit<u8>],
        mut take: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        let len = buf.len();
        let receive = |io: &net::TcpStream| {
            let received = sys::receive(io, buf)?;
            take(received);
            Ok(received.len())
        };
        self.source.poll_transfer(Direction::Read, cx, len, receive).map_ok(drop)
    }
}

/// Whether the connection that was started is made.
fn connected(stream: &net::TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        peer => peer.map(drop),
    }
}

/// Most buffers the kernel takes in one call (`IOV_MAX`); std hands it no more.
const MAX_BUFFERS: usize = 1024;

/// How many bytes a vectored call asks for.
fn total(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.take(MAX_BUFFERS).fold(0, usize::saturating_add)
}

impl AsyncRead for &TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.source.poll_transfer(Direction::Read, cx, buf.len(), |mut io| io.read(buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        self.source.poll_transfer(Direction::Read, cx, len, |mut io| io.read_vectored(bufs))
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.source.poll_transfer(Direction::Write, cx, buf.len(), |mut io| io.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        self.source.poll_transfer(Direction::Write, cx, len, |mut io| io.write_vectored(bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.shutdown(Shutdown::Write) {
            // The peer closed it first: the half is as closed as it can be.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        })
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.io().fmt(f)
    }
}
