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
//! Names are not resolved here, since the system's resolver blocks. Ask it on the thread pool:
//!
//! ```
//! # #[cfg(not(feature = "offload"))]
//! # fn main() {}
//! # #[cfg(feature = "offload")]
//! # fn main() -> std::io::Result<()> {
//! # taketurns::block_on(async {
//! use std::net::{SocketAddr, ToSocketAddrs};
//!
//! let found = taketurns::spawn_blocking(|| "localhost:0".to_socket_addrs()).await;
//! let addresses: Vec<SocketAddr> = found.expect("a job that does not panic")?.collect();
//! # assert!(!addresses.is_empty());
//! # Ok(())
//! # })
//! # }
//! ```

#![forbid(unsafe_code)]

mod tcp_listener;
mod tcp_stream;

pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod waiting_tests;
