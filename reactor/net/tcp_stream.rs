//! [`TcpStream`]: one connection.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::rc::Rc;

use super::addresses::{self, Target, ToSocketAddrs};
use crate::executor::consume_budget;
use crate::reactor::Reactor;
use crate::reactor::registration::Direction;
use crate::reactor::source::Source;
use crate::reactor::sys;

/// A TCP connection.
///
/// [`read`](Self::read) and [`write`](Self::write) move the bytes that can be moved at once, which may be a part.
/// `read_exact`, `write_all` and the like come from the extension traits of futures:
/// `use futures::{AsyncReadExt, AsyncWriteExt}`.
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
/// Reads and writes are independent: one task may wait to read while another waits to write. Two tasks that read (or
/// write) the same stream get in each other's way, as the stream can wake only one of them:
///
/// * While a [`read`](Self::read) waits, any other read is an error of kind
///   [`ResourceBusy`](io::ErrorKind::ResourceBusy). The same holds for [`write`](Self::write).
/// * Of two tasks that wait by the traits of futures-io (`read_exact`, `write_all`, `poll_read` and so on), the last to
///   poll replaces the other and wakes it. The other then polls again. Both make progress, but they keep the thread busy.
///
/// So let one task do it and pass on what it gets.
///
/// Bytes are sent as they are written ([`flush`](futures_io::AsyncWrite::poll_flush) has nothing to do). Closing
/// ([`poll_close`](futures_io::AsyncWrite::poll_close)) ends the writing half: the peer reads the end of the stream and
/// can still answer. Dropping the stream closes both halves.
///
/// For options that have no method here, [`AsFd`] lends the descriptor to crates such as `socket2`.
///
/// # Errors
///
/// Reads and writes fail as those of [`std::net::TcpStream`] do, but never with
/// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`Interrupted`](io::ErrorKind::Interrupted). Used outside of the runtime
/// it was made in, the stream gives an error of kind [`Other`](io::ErrorKind::Other) whose text says where it was made.
///
/// A read into an empty buffer and a write from one return 0 at once.
///
/// # Cancellation
///
/// A dropped `read` or `write` has moved nothing: bytes move only in the poll that returns their number. A dropped
/// `write_all` or `read_exact` has moved an unknown part. docs/cancellation.md has each of them beside the other awaits.
///
/// A dropped [`read`](Self::read) or [`write`](Self::write) of this type drops the task's waker at once. The methods of
/// `AsyncReadExt` and `AsyncWriteExt` cannot, as the traits are never told that a wait was given up. Then the stream keeps
/// the waker of the last poll until the next event or poll, or until it is dropped, and may wake the task once for nothing.
///
/// With those traits in scope, the names `read` and `write` exist twice. The compiler chooses by the variable's type:
///
/// | `stream` is a    | `stream.read(..)`, `stream.write(..)`                                            |
/// |------------------|----------------------------------------------------------------------------------|
/// | `TcpStream`      | this type's                                                                      |
/// | `&TcpStream`     | this type's                                                                      |
/// | `&mut TcpStream` | the trait's; `TcpStream::read(stream, &mut buf)` is this type's                  |
pub struct TcpStream {
    pub(super) source: Source<net::TcpStream>,
}

impl TcpStream {
    /// Connects to `addr`. Several addresses are tried in turn until one answers.
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
    /// * The errors of `connect(2)`, such as [`ConnectionRefused`](io::ErrorKind::ConnectionRefused), and of making and
    ///   registering a descriptor. If several addresses fail, the error of the last.
    /// * For a name: the errors of the resolver. Without the feature `offload`:
    ///   [`Unsupported`](io::ErrorKind::Unsupported).
    /// * [`InvalidInput`](io::ErrorKind::InvalidInput) for text without a port, and for an empty list.
    ///
    /// The system decides when it gives up on an address that does not answer. That may take minutes: set a limit
    #[cfg_attr(feature = "time", doc = "by [`time::timeout`](crate::time::timeout).")]
    #[cfg_attr(not(feature = "time"), doc = "by `time::timeout` of the feature `time`.")]
    ///
    /// # Panics
    ///
    /// When polled outside of a runtime.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the socket. The peer may have seen a connection.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(addr: A) -> impl Future<Output = io::Result<Self>> {
        let (target, site) = (addr.target(), Location::caller());
        async move {
            let reactor = Reactor::needed_for("TcpStream::connect", site);
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
        consume_budget().await; // the system may refuse at once, and a loop that tries again must yield
        // Registered only now: a socket that is not connecting yet reports that its peer hung up.
        let stream = Self::register(site, reactor, sys::start_connect(peer)?)?;
        stream.source.operate(Direction::Write, "TcpStream::connect", connected).await?;
        Ok(stream)
    }

    /// Takes a stream of std into this runtime, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// The stream cannot be made non-blocking, or cannot be registered.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        let reactor = Reactor::needed_by("TcpStream::from_std");
        stream.set_nonblocking(true)?;
        Self::register(Location::caller(), reactor, stream)
    }

    pub(super) fn register(
        site: &'static Location<'static>,
        reactor: Rc<Reactor>,
        stream: net::TcpStream,
    ) -> io::Result<Self> {
        Ok(TcpStream { source: Source::new_at(site, reactor, stream)? })
    }

    /// Turns it back into a stream of std, which blocks again.
    ///
    /// This is how a connection moves to another thread: the runtime there takes it in by
    /// [`from_std`](Self::from_std).
    ///
    /// # Errors
    ///
    /// The stream cannot be made blocking. Then it is closed.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        let stream = self.source.into_io();
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    /// Waits for bytes, reads as many as there are and fit into `buf`, and returns their number. 0 means the end of
    /// the stream, or an empty `buf`.
    ///
    /// Prefer it to the method of `AsyncReadExt`: it takes `&self`, and drops the task's waker when it is dropped.
    ///
    /// # Errors
    ///
    /// See the [type](Self).
    ///
    /// # Cancellation
    ///
    /// A dropped future has read nothing, and drops the task's waker at once.
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

    /// Waits for room, writes as many bytes of `buf` as there is room for, and returns their number. It is 0 only for
    /// an empty `buf`. `AsyncWriteExt::write_all` writes all of them.
    ///
    /// Prefer it to the method of `AsyncWriteExt`: it takes `&self`, and drops the task's waker when it is dropped.
    ///
    /// # Errors
    ///
    /// See the [type](Self).
    ///
    /// # Cancellation
    ///
    /// A dropped future has written nothing, and drops the task's waker at once.
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let write = |mut io: &net::TcpStream| io.write(buf);
        self.source.transfer(Direction::Write, "TcpStream::write", buf.len(), write).await
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// The errors of [`std::net::TcpStream::peer_addr`]: the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// The errors of [`std::net::TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// `true` sends small writes at once. `false`, the default, delays them while earlier bytes are unacknowledged
    /// (Nagle's algorithm). A program that writes whole messages wants `true`.
    ///
    /// # Errors
    ///
    /// The errors of [`std::net::TcpStream::set_nodelay`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.source.io().set_nodelay(nodelay)
    }

    /// Ends the reading half, the writing half or both. Wakes a task that waits for that half.
    ///
    /// # Errors
    ///
    /// The errors of [`std::net::TcpStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }
}

/// What became of a connection attempt: an error, `WouldBlock` while it is still in progress, or success.
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
