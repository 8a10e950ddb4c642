//! [`TcpListener`]: connections that others make.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;

use super::TcpStream;
use super::addresses::{self, Target, ToSocketAddrs};
use crate::reactor::Reactor;
use crate::reactor::registration::Direction;
use crate::reactor::source::Source;
use crate::reactor::sys;

/// Listens for TCP connections.
///
/// One task accepts at a time: while one waits, [`accept`](Self::accept) in another is an error.
///
/// ```
/// use std::net::Ipv4Addr;
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use taketurns::net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// taketurns::block_on(async {
///     let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
///     let address = listener.local_addr()?;
///     let serve = async move {
///         let (mut stream, _peer) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     };
///     taketurns::spawn(taketurns::task::reported(serve)).detach();
///
///     let mut stream = TcpStream::connect(address).await?;
///     let mut said = String::new();
///     stream.read_to_string(&mut said).await?;
///     assert_eq!(said, "hello");
///     Ok(())
/// })
/// # }
/// ```
pub struct TcpListener {
    source: Source<net::TcpListener>,
}

impl TcpListener {
    /// Listens on `addr`; port 0 has the system choose one, which [`local_addr`](Self::local_addr)
    /// tells. Of several addresses, on the first that can be had.
    ///
    /// The options are std's: the address can be taken again at once after the process ends
    /// (`SO_REUSEADDR`), and the same number of connections may wait to be accepted.
    ///
    /// # Errors
    ///
    /// Those of [`std::net::TcpListener::bind`], such as
    /// [`AddrInUse`](io::ErrorKind::AddrInUse), and those of registering a descriptor. Of kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): the text is a name, which the system's resolver would block the
    /// thread for, or has no port. The error names the remedy.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// ```
    /// # use taketurns::net::TcpListener;
    /// # taketurns::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        let reactor = Reactor::current("TcpListener::bind");
        let listener = match addr.target()? {
            Target::One(address) => net::TcpListener::bind(address)?,
            target => net::TcpListener::bind(&*addresses::known(target, "TcpListener::bind")?)?,
        };
        listener.set_nonblocking(true)?;
        Ok(TcpListener { source: Source::new(reactor, listener)? })
    }

    /// Takes a listener of std into this runtime, and makes it non-blocking.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # taketurns::block_on(async {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listener = taketurns::net::TcpListener::from_std(listener)?;
    /// # drop(listener);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// It cannot be made non-blocking, or not be registered.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        let reactor = Reactor::current("TcpListener::from_std");
        listener.set_nonblocking(true)?;
        Ok(TcpListener { source: Source::new(reactor, listener)? })
    }

    /// Gives it back as a listener of std, which blocks again.
    ///
    /// # Errors
    ///
    /// It cannot be made blocking; it is closed then.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        let listener = self.source.into_io();
        listener.set_nonblocking(false)?;
        Ok(listener)
    }

    /// Waits for the next connection; gives it and the peer's address.
    ///
    /// Connections that their peer gave up while they were queued are passed over.
    ///
    /// # Errors
    ///
    /// Those of `accept(2)`. When the process or the system is out of descriptors, the connection
    /// stays queued and the next `accept` fails at once in the same way: a loop that merely goes on
    /// would keep the thread busy, so sleep a little first. Errors of
    /// registering the connection's descriptor close the connection.
    ///
    /// Of kind [`ResourceBusy`](io::ErrorKind::ResourceBusy): another task waits in `accept` of this listener. Have
    /// one task accept, and spawn a task for each connection. Of kind [`Other`](io::ErrorKind::Other): it is used
    /// outside the runtime it was made in; the text says where that was.
    ///
    /// # Cancellation
    ///
    /// No connection is lost: one is taken only by the poll that returns it. The task's waker is let go at once.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + '_ {
        let site = Location::caller();
        async move {
            let accepting =
                self.source.operate(Direction::Read, "TcpListener::accept", sys::accept);
            let (stream, peer) = accepting.await?;
            Ok((TcpStream::register(site, self.source.reactor().clone(), stream)?, peer))
        }
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// Those of [`std::net::TcpListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.io().fmt(f)
    }
}
