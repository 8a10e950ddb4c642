//! [`TcpListener`]: accepts the connections that peers make.

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
/// One task accepts at a time. While one waits in [`accept`](Self::accept), another `accept` is an error.
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
    /// Listens on `addr`. For port 0 the system chooses a free port, which [`local_addr`](Self::local_addr) returns.
    /// Of several addresses, listens on the first that is free.
    ///
    /// The options are std's: the address can be used again at once after the process ends (`SO_REUSEADDR`), and the
    /// queue of connections not yet accepted has the same length.
    ///
    /// # Errors
    ///
    /// The errors of [`std::net::TcpListener::bind`], such as [`AddrInUse`](io::ErrorKind::AddrInUse), and of registering a
    /// descriptor. [`InvalidInput`](io::ErrorKind::InvalidInput) for text that has no port, and for a name, as the
    /// system's resolver would block the thread. The text of the error names the remedy.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
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
        let reactor = Reactor::needed_by("TcpListener::bind");
        let listener = match addr.target()? {
            Target::One(address) => net::TcpListener::bind(address)?,
            target => net::TcpListener::bind(&*addresses::known(target, "TcpListener::bind")?)?,
        };
        listener.set_nonblocking(true)?;
        Ok(TcpListener { source: Source::new(reactor, listener)? })
    }

    /// As [`bind`](Self::bind), on a port that several listeners share, each perhaps on a thread of its own (`SO_REUSEPORT`). The
    /// kernel gives each connection to one of them.
    ///
    /// So each loop of a [`PerCore`](crate::PerCore) can have a listener of its own, and none waits for another. The kernel chooses
    /// by the addresses and ports of the connection, not by load. Every listener of the port must set the option, and belong
    /// to the same user.
    ///
    /// A listener takes the connections that are queued for it with it when it is closed: those peers see a reset. So stop
    /// accepting on all of them together.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind). Of several addresses that are all taken, the error of the last;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for none.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// ```
    /// # use taketurns::net::TcpListener;
    /// # taketurns::block_on(async {
    /// let first = TcpListener::bind_reuse_port("127.0.0.1:0")?;
    /// let second = TcpListener::bind_reuse_port(first.local_addr()?)?;
    /// assert_eq!(second.local_addr()?, first.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn bind_reuse_port<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        let reactor = Reactor::needed_by("TcpListener::bind_reuse_port");
        let mut refused = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
        for address in addresses::known(addr.target()?, "TcpListener::bind_reuse_port")? {
            match sys::listen_sharing_port(address) {
                Ok(listener) => return Ok(TcpListener { source: Source::new(reactor, listener)? }),
                Err(error) => refused = error,
            }
        }
        Err(refused)
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
    /// The listener cannot be made non-blocking, or cannot be registered.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        let reactor = Reactor::needed_by("TcpListener::from_std");
        listener.set_nonblocking(true)?;
        Ok(TcpListener { source: Source::new(reactor, listener)? })
    }

    /// Turns it back into a listener of std, which blocks again.
    ///
    /// # Errors
    ///
    /// The listener cannot be made blocking. Then it is closed.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        let listener = self.source.into_io();
        listener.set_nonblocking(false)?;
        Ok(listener)
    }

    /// Waits for the next connection, and returns it with the peer's address.
    ///
    /// Skips connections that the peer gave up while they were queued.
    ///
    /// # Errors
    ///
    /// * The errors of `accept(2)`. If the process or the system is out of descriptors, the connection stays queued and
    ///   the next `accept` fails at once in the same way. A loop that only tries again would keep the thread busy, so
    ///   sleep a little first.
    /// * The errors of registering the connection's descriptor. They close the connection.
    /// * [`ResourceBusy`](io::ErrorKind::ResourceBusy): another task waits in `accept` of this listener. Let one task
    ///   accept, and spawn a task for each connection.
    /// * [`Other`](io::ErrorKind::Other): this is not the runtime the listener was made in. The text says where it was made.
    ///
    /// # Cancellation
    ///
    /// A dropped future loses no connection, as only the poll that returns a connection takes it. It drops the task's
    /// waker at once.
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
    /// The errors of [`std::net::TcpListener::local_addr`].
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
