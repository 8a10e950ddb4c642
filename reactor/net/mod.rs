//! TCP: [`TcpListener`] and [`TcpStream`].
//!
//! The streams implement [`AsyncRead`](futures_io::AsyncRead) and
//! [`AsyncWrite`](futures_io::AsyncWrite) of `futures-io`; `AsyncReadExt` and `AsyncWriteExt` of the
//! crate `futures` give them `read`, `write_all` and the rest. `&TcpStream` implements both too, so
//! one task may read while another writes, each holding an `Rc` of the stream.
//!
//! Sockets belong to the runtime they are made in, and to its thread. Another runtime's use of one
//! is an error; `into_std` and `from_std` take it there.
//!
//! Addresses are given as such or as text, see [`ToSocketAddrs`]. Names in it are resolved on the thread pool, since the
//! system's resolver blocks: by [`TcpStream::connect`], or beforehand by
#![cfg_attr(feature = "offload", doc = "[`lookup_host`].")]
#![cfg_attr(not(feature = "offload"), doc = "`lookup_host` of the feature `offload`.")]
#![forbid(unsafe_code)]

mod addresses;
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
