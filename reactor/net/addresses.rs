//! [`ToSocketAddrs`]: where to listen or to connect to, as an address or as text.
//!
//! The trait of std resolves names while the caller waits, which would block the thread. So this one only reads: an
//! address is used as it is, and a name becomes a [`Target::Name`], to be resolved on the thread pool.

#![forbid(unsafe_code)]

#[cfg(feature = "offload")]
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::panic::Location;

pub(super) use sealed::Target;

#[cfg(feature = "offload")]
use crate::executor::consume_budget;

/// What [`TcpListener::bind`](super::TcpListener::bind) and [`TcpStream::connect`](super::TcpStream::connect) take:
///
/// * a [`SocketAddr`], or a pair of an IP address and a port. They need no resolver and no allocation.
/// * several addresses, as a slice or `Vec` of `SocketAddr`.
/// * text, such as `"127.0.0.1:8080"`, `"[::1]:8080"`, `"localhost:8080"` or `("localhost", 8080)`. If it contains an
///   address, that is used without a resolver. A name needs the system's resolver, which blocks, so it is resolved on the
///   thread pool (feature `offload`). That takes an `.await`: `connect` has one; before `bind` call `net::lookup_host`.
///
/// The trait is sealed: only the types of this crate's choice implement it.
pub trait ToSocketAddrs: sealed::ToTarget {}

impl<T: sealed::ToTarget> ToSocketAddrs for T {}

mod sealed {
    use std::io;
    use std::net::SocketAddr;

    pub trait ToTarget {
        /// # Errors
        ///
        /// Text that is neither an address nor a name with a port.
        fn target(self) -> io::Result<Target>;
    }

    #[derive(Debug, PartialEq)]
    pub enum Target {
        One(SocketAddr),
        Several(Vec<SocketAddr>),
        /// A host and a port.
        Name(String, u16),
    }
}

macro_rules! one {
    ($($address:ty),*) => {$(
        impl sealed::ToTarget for $address {
            fn target(self) -> io::Result<Target> {
                Ok(Target::One(self.into()))
            }
        }
    )*};
}

one!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));
one!(([u8; 4], u16), ([u8; 16], u16), ([u16; 8], u16));

macro_rules! several {
    ($($addresses:ty),*) => {$(
        impl sealed::ToTarget for $addresses {
            fn target(self) -> io::Result<Target> {
                Ok(Target::Several(self.to_vec()))
            }
        }
    )*};
}

several!(&[SocketAddr], &Vec<SocketAddr>, Vec<SocketAddr>);

impl<const N: usize> sealed::ToTarget for [SocketAddr; N] {
    fn target(self) -> io::Result<Target> {
        Ok(Target::Several(self.to_vec()))
    }
}

impl sealed::ToTarget for &SocketAddr {
    fn target(self) -> io::Result<Target> {
        Ok(Target::One(*self))
    }
}

impl sealed::ToTarget for (&str, u16) {
    fn target(self) -> io::Result<Target> {
        let (host, port) = self;
        Ok(match host.parse::<IpAddr>() {
            Ok(ip) => Target::One((ip, port).into()),
            Err(_) => Target::Name(host.to_owned(), port),
        })
    }
}

impl sealed::ToTarget for (String, u16) {
    fn target(self) -> io::Result<Target> {
        (self.0.as_str(), self.1).target()
    }
}

impl sealed::ToTarget for &str {
    fn target(self) -> io::Result<Target> {
        if let Ok(address) = self.parse() {
            return Ok(Target::One(address));
        }
        let host_and_port = self.rsplit_once(':');
        match host_and_port.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
            Some((host, port)) if !host.is_empty() => Ok(Target::Name(host.to_owned(), port)),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{self:?} is no socket address: write host and port, as in \"127.0.0.1:8080\""
                ),
            )),
        }
    }
}

impl sealed::ToTarget for &String {
    fn target(self) -> io::Result<Target> {
        self.as_str().target()
    }
}

impl sealed::ToTarget for String {
    fn target(self) -> io::Result<Target> {
        self.as_str().target()
    }
}

/// The addresses of a target that needs no resolver, for [`bind`](super::TcpListener::bind), which does not wait.
pub(super) fn known(target: Target, function: &str) -> io::Result<Vec<SocketAddr>> {
    match target {
        Target::One(address) => Ok(vec![address]),
        Target::Several(addresses) => Ok(addresses),
        Target::Name(host, port) => {
            let remedy = if cfg!(feature = "offload") {
                "resolve it first, by `net::lookup_host(..).await`"
            } else {
                "turn on the feature `offload` for `net::lookup_host`"
            };
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "`{function}`: \"{host}:{port}\" is a name, and the system's resolver would block the \
                     thread: give an address, as \"127.0.0.1:{port}\", or {remedy}"
                ),
            ))
        }
    }
}

/// The addresses of a target, which has at least one. Names are resolved on the thread pool.
#[cfg(feature = "offload")]
pub(super) async fn resolve(
    target: Target,
    function: &str,
    site: &'static Location<'static>,
) -> io::Result<Vec<SocketAddr>> {
    consume_budget().await; // without a name nothing below suspends
    let addresses = match target {
        Target::One(address) => vec![address],
        Target::Several(addresses) => addresses,
        Target::Name(host, port) => {
            let ask = move || std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port));
            let room = crate::offload::reserve_for(function, site).await;
            let asked = room.put_in(site, ask, None);
            asked.await.map_err(io::Error::other)??.collect()
        }
    };
    at_least_one(addresses)
}

/// The addresses of a target, which has at least one.
#[cfg(not(feature = "offload"))]
pub(super) async fn resolve(
    target: Target,
    function: &str,
    _: &'static Location<'static>,
) -> io::Result<Vec<SocketAddr>> {
    match target {
        Target::One(address) => Ok(vec![address]),
        Target::Several(addresses) => at_least_one(addresses),
        Target::Name(host, port) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "`{function}`: \"{host}:{port}\" is a name, which the feature `offload` resolves: turn it \
                 on, or give an address, as \"127.0.0.1:{port}\""
            ),
        )),
    }
}

fn at_least_one(addresses: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    if addresses.is_empty() {
        let text = "no address: the list is empty, or the name has none";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(addresses)
}

/// Asks the system's resolver, on the thread pool, for the addresses of a host.
///
/// Call it before a [`bind`](super::TcpListener::bind) to a name. [`connect`](super::TcpStream::connect) resolves names by
/// itself. Text that contains an address needs no resolver.
///
/// # Errors
///
/// The errors of the resolver, such as an unknown name, and of [`spawn_blocking`](crate::spawn_blocking).
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that has no port, for an empty list, and for a name without an
/// address.
///
/// # Panics
///
/// When polled for a name outside of a runtime.
///
/// # Cancellation
///
/// Dropping the future does not interrupt the resolver; its answer is dropped. A runtime that ends meanwhile waits for the
/// resolver for at most [`Builder::blocking_deadline`](crate::Builder::blocking_deadline), 5 s by default. Then it leaves
/// the thread alone, and names it in the [`ExitReport`](crate::ExitReport).
///
/// ```
/// use taketurns::net::{TcpListener, lookup_host};
///
/// # fn main() -> std::io::Result<()> {
/// taketurns::block_on(async {
///     let listener = TcpListener::bind(lookup_host("localhost:0").await?)?;
///     assert!(listener.local_addr()?.ip().is_loopback());
///     Ok(())
/// })
/// # }
/// ```
#[cfg(feature = "offload")]
#[track_caller]
pub fn lookup_host<A: ToSocketAddrs>(host: A) -> impl Future<Output = io::Result<Vec<SocketAddr>>> {
    let (target, site) = (host.target(), Location::caller());
    async move { resolve(target?, "net::lookup_host", site).await }
}

#[cfg(test)]
mod tests {
    use super::sealed::ToTarget;
    use super::*;

    #[test]
    fn an_address_in_text_needs_no_resolver_and_a_name_does() {
        let four = SocketAddr::from(([127, 0, 0, 1], 80));
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
        assert_eq!("127.0.0.1:80".target().unwrap(), Target::One(four));
        assert_eq!(("127.0.0.1", 80).target().unwrap(), Target::One(four));
        assert_eq!("[::1]:80".target().unwrap(), Target::One(six));
        assert_eq!(("::1".to_owned(), 80).target().unwrap(), Target::One(six));
        let name = || Target::Name("a.host".to_owned(), 80);
        assert_eq!("a.host:80".target().unwrap(), name());
        assert_eq!(("a.host", 80).target().unwrap(), name());
        assert_eq!("a.host:80".to_owned().target().unwrap(), name());
    }

    #[test]
    fn text_without_a_host_or_a_port_is_an_error_that_names_the_remedy() {
        for text in ["localhost", "localhost:", "localhost:http", "localhost:65536", ":80", ""] {
            let error = text.target().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            let expected = format!("{text:?} is no socket address: write host and port");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}
