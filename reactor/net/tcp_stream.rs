//! [`TcpStream`]: one connection.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
#[cfg(feature = "hyper")]
use std::mem::MaybeUninit;
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::addresses::{self, Target, ToSocketAddrs};
use crate::executor::consume_budget;
use crate::reactor::Reactor;
use crate::reactor::registration::Direction;
use crate::reactor::source::Source;
use crate::reactor::sys;

/// A TCP connection.
///
/// [`read`](Self::read) and [`write`](Self::write) move what can be moved at once, which may be a part. `read_exact`,
/// `write_all` and the like are those of futures' extension traits: `use futures::{AsyncReadExt, AsyncWriteExt}`.
///
/// ```
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// # use std::net::Ipv4Addr;
/// # use taketurns::net::{TcpListener, TcpStream};
/// # fn main() -> std::io::Result<()> {
/// # taketurns::block_on(async {
/// # let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
/// # let mut stream = TcpStream::connect(listener.local_addr()?).await?;
/// # let (mut peer, _) = listener.accept().await?;
/// peer.write_all(b"hello").await?;
/// let mut buf = [0; 5];
/// stream.read_exact(&mut buf).await?;
/// assert_eq!(&buf, b"hello");
/// # Ok(())
/// # })
/// # }
/// ```
///
/// Reads and writes are independent: one task may wait for each. Two that read the same stream at once, or write
/// it, get in each other's way, since one of them can be woken:
///
/// * While [`read`](Self::read) of one task waits, any other read is an error of kind
///   [`ResourceBusy`](io::ErrorKind::ResourceBusy). So it is for [`write`](Self::write).
/// * Of two that wait by the traits of futures-io (`read_exact`, `write_all`, `poll_read` and so on), the last to ask
///   takes the other's place and wakes it. That one asks again: each has its turn, at the cost of a busy thread.
///
/// Have one task do it and hand on what it gets.
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
/// error of kind [`Other`](io::ErrorKind::Other): it is used outside the runtime it was made in; the text says where
/// it was made.
///
/// A read into an empty buffer, and a write of none, give 0 at once.
///
/// # Cancellation
///
/// A dropped `read` or `write` has moved nothing: bytes move only in the poll that says so. A
/// dropped `write_all` or `read_exact` has moved an unknown part.
///
/// A dropped [`read`](Self::read) or [`write`](Self::write) of this type lets go of the task's waker at once. What
/// waits by the traits of futures-io cannot: the traits are told of polls alone. There the stream keeps the waker of the
/// last poll until the next event, poll or the end of the stream, and a task that has gone on is woken once for nothing.
/// Those are the methods of `AsyncReadExt` and `AsyncWriteExt` but for these two names. With the traits in scope, the
/// compiler chooses by what the variable is:
///
/// | `stream` is a    | `stream.read(..)`, `stream.write(..)`                                            |
/// |------------------|----------------------------------------------------------------------------------|
/// | `TcpStream`      | this type's                                                                      |
/// | `&TcpStream`     | this type's                                                                      |
/// | `&mut TcpStream` | the trait's; `TcpStream::read(stream, &mut buf)` is this type's                  |
pub struct TcpStream {
    source: Source<net::TcpStream>,
}

impl TcpStream {
    /// Connects to `addr`. Of several addresses, each is tried in turn until one answers.
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
    /// those of making and registering a descriptor; of several addresses, the last one's. For a name, those of the
    /// resolver, and without the feature `offload` [`Unsupported`](io::ErrorKind::Unsupported). Of kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): text without a port, or no address. How long an address that does not answer takes
    /// is the system's choice, and may be minutes: set a limit
    #[cfg_attr(feature = "time", doc = "by [`time::timeout`](crate::time::timeout).")]
    #[cfg_attr(not(feature = "time"), doc = "by `time::timeout` of the feature `time`.")]
    ///
    /// # Panics
    ///
    /// Outside a runtime, when polled.
    ///
    /// # Cancellation
    ///
    /// Closes the socket; the peer may have seen a connection.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(addr: A) -> impl Future<Output = io::Result<Self>> {
        let (target, site) = (addr.target(), Location::caller());
        async move {
            let reactor = Reactor::current_for("TcpStream::connect", site);
            let peers = match target? {
                Target::One(peer) => return Self::connect_to(peer, reactor, site).await,
                target => addresses::resolve(target, "TcpStream::connect", site).await?,
            };
            let mut refused = None;
            for peer in peers {
                match Self::connect_to(peer, Rc::clone(&reactor), site).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => refused = Some(error),
                }
            }
            Err(refused.expect("there is an address to try"))
        }
    }

    async fn connect_to(
        peer: SocketAddr,
        reactor: Rc<Reactor>,
        site: &'static Location<'static>,
    ) -> io::Result<Self> {
        consume_budget().await; // the system may refuse at once, and a loop that tries again must give way
        // Registered after it is connecting: before, a socket reports that its peer hung up.
        let stream = Self::register(site, reactor, sys::start_connect(peer)?)?;
        stream.source.operate(Direction::Write, "TcpStream::connect", connected).await?;
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
        Self::register(Location::caller(), reactor, stream)
    }

    pub(super) fn register(
        site: &'static Location<'static>,
        reactor: Rc<Reactor>,
        stream: net::TcpStream,
    ) -> io::Result<Self> {
        Ok(TcpStream { source: Source::made_at(site, reactor, stream)? })
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

    /// Waits for bytes and reads what there is, as much as fits into `buf`: how many. 0 is the end, or an empty `buf`.
    ///
    /// Preferred to the method of futures' `AsyncReadExt`: takes `&self`, and frees its waker when dropped.
    ///
    /// # Errors
    ///
    /// See the [type](Self).
    ///
    /// # Cancellation
    ///
    /// Nothing was read. The task's waker is let go at once.
    ///
    /// ```
    /// # use std::net::Ipv4Addr;
    /// # use taketurns::net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # taketurns::block_on(async {
    /// # let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// assert_eq!(peer.write(b"hello").await?, 5);
    /// let mut buf = [0; 64];
    /// let len = stream.read(&mut buf).await?;
    /// assert_eq!(&buf[..len], b"hello");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let (len, read) = (buf.len(), |mut io: &net::TcpStream| io.read(buf));
        self.source.transfer(Direction::Read, "TcpStream::read", len, read).await
    }

    /// Waits for room and writes as much of `buf` as there is room for: how much, which is 0 for an empty `buf`
    /// alone. `AsyncWriteExt::write_all` of futures writes all of it.
    ///
    /// Preferred to the method of futures' `AsyncWriteExt`: takes `&self`, and frees its waker when dropped.
    ///
    /// # Errors
    ///
    /// See the [type](Self).
    ///
    /// # Cancellation
    ///
    /// Nothing was written. The task's waker is let go at once.
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let write = |mut io: &net::TcpStream| io.write(buf);
        self.source.transfer(Direction::Write, "TcpStream::write", buf.len(), write).await
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
    /// unacknowledged (`false`, as it begins: Nagle's algorithm). A program that writes whole
    /// messages wants `true`.
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
        self.source.poll_transfer(Direction::Read, "poll_read", cx, len, receive).map_ok(drop)
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
        let (len, read) = (buf.len(), |mut io: &net::TcpStream| io.read(buf));
        self.source.poll_transfer(Direction::Read, "poll_read", cx, len, read)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        let read = |mut io: &net::TcpStream| io.read_vectored(bufs);
        self.source.poll_transfer(Direction::Read, "poll_read_vectored", cx, len, read)
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = |mut io: &net::TcpStream| io.write(buf);
        self.source.poll_transfer(Direction::Write, "poll_write", cx, buf.len(), write)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        let write = |mut io: &net::TcpStream| io.write_vectored(bufs);
        self.source.poll_transfer(Direction::Write, "poll_write_vectored", cx, len, write)
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
