//! TCP: [`TcpListener`] and [`TcpStream`].
//!
//! The sockets of std can be made non-blocking, but then a read of an empty socket returns
//! [`WouldBlock`](std::io::ErrorKind::WouldBlock), and all a program can do is to try again. So each socket here is one of
//! std's, registered in the reactor of its runtime: a task that would block waits for the kernel's event instead.
//!
//! The streams implement [`AsyncRead`](futures_io::AsyncRead) and [`AsyncWrite`](futures_io::AsyncWrite) of
//! `futures-io`. `AsyncReadExt` and `AsyncWriteExt` of the crate `futures` add `read_exact`, `write_all` and the rest.
//! `&TcpStream` implements both too, so one task may read while another writes, each with an `Rc` of the stream.
//!
//! A socket belongs to the runtime it was made in, and to that runtime's thread. Using it inside another runtime is an
//! error. `into_std` and `from_std` move it there.
//!
//! Addresses are given as values or as text, see [`ToSocketAddrs`]. The system's resolver blocks, so names are resolved on
//! the thread pool: by [`TcpStream::connect`], or beforehand by
#![cfg_attr(feature = "offload", doc = "[`lookup_host`].")]
#![cfg_attr(not(feature = "offload"), doc = "`lookup_host` of the feature `offload`.")]
//!
//! # Layout
//!
//! 1. `addresses.rs`: where to listen or to connect to.
//! 2. `tcp_stream.rs`: a connection. `stream_traits.rs`: the same by the traits of futures-io.
//! 3. `tcp_listener.rs`: accepts connections.
#![forbid(unsafe_code)]

mod addresses;
mod stream_traits;
mod tcp_listener;
mod tcp_stream;

pub use addresses::ToSocketAddrs;
#[cfg(feature = "offload")]
pub use addresses::lookup_host;
pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod waiting_tests;
