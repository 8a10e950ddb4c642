//! hyper 1 on this runtime: the traits of `hyper::rt` for our types.
//!
//! [`TcpStream`] implements hyper's `Read` and `Write`, and [`Sleep`] hyper's `Sleep`, without a wrapper around them. Give
//! [`Timer`] to the `timer` of hyper's builders: it switches their timeouts on. Give [`Executor`] to HTTP/2, which spawns.
//!
//! Streams and tasks stay on the runtime's thread, so services and bodies may hold an `Rc`. hyper's `with_upgrades` wants a
//! stream that is `Send`, which these are not. Use `without_shutdown` instead, and take the stream from its parts.
//!
//! hyper depends on the crate tokio, but only for a channel (feature `sync`); no runtime of tokio comes with it.
//!
//! ```
//! use std::convert::Infallible;
//! use std::net::Ipv4Addr;
//!
//! use futures::{AsyncReadExt, AsyncWriteExt};
//! use hyper::Response;
//! use hyper::server::conn::http1;
//! use hyper::service::service_fn;
//! use taketurns::net::{TcpListener, TcpStream};
//!
//! # fn main() -> std::io::Result<()> {
//! taketurns::block_on(async {
//!     let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
//!     let address = listener.local_addr()?;
//!     taketurns::spawn(async move {
//!         let (stream, _peer) = listener.accept().await.unwrap();
//!         let answer = service_fn(|_request| async {
//!             Ok::<_, Infallible>(Response::new("hello\n".to_owned()))
//!         });
//!         http1::Builder::new()
//!             .timer(taketurns::hyper::Timer) // with it, a slow client is cut off after 30 s
//!             .serve_connection(stream, answer)
//!             .await
//!     })
//!     .detach();
//!
//!     let mut stream = TcpStream::connect(address).await?;
//!     stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await?;
//!     let mut response = String::new();
//!     stream.read_to_string(&mut response).await?;
//!     assert!(response.starts_with("HTTP/1.1 200 OK\r\n"));
//!     assert!(response.ends_with("\r\n\r\nhello\n"));
//!     Ok(())
//! })
//! # }
//! ```

#![forbid(unsafe_code)]

use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant as SystemInstant};

use futures_io::AsyncWrite;

use crate::executor::spawn;
use crate::reactor::net::TcpStream;
use crate::timer::{Instant, Sleep, sleep, sleep_until};

/// Spawns hyper's tasks on the runtime this thread is inside of, detached.
///
/// # Panics
///
/// `execute` panics outside of a runtime.
///
/// ```
/// use hyper::rt::Executor as _;
///
/// # taketurns::block_on(async {
/// let (sender, receiver) = futures::channel::oneshot::channel();
/// taketurns::hyper::Executor.execute(async { sender.send("from a task") });
/// assert_eq!(receiver.await, Ok("from a task"));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> ::hyper::rt::Executor<F> for Executor
where
    F: Future<Output: 'static> + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        spawn(future).detach();
    }
}

/// The clock of the runtime this thread is inside of, for hyper's timeouts.
///
/// hyper counts in std's instants. One of those stands here for the moment at which a real clock of this crate shows the
/// same time. So a [manual](crate::time::Clock::Manual) clock moves hyper's timeouts too.
///
/// # Panics
///
/// `sleep` and `sleep_until` panic outside of a runtime. What they return panics when it is polled in another runtime. It
/// may be dropped anywhere.
///
/// ```
/// use std::time::Duration;
/// use hyper::rt::Timer as _;
/// use taketurns::time::{advance, pause};
///
/// taketurns::block_on(async {
///     pause();
///     let timer = taketurns::hyper::Timer;
///     let deadline = timer.now() + Duration::from_secs(30);
///     advance(Duration::from_secs(30)).await;
///     assert_eq!(timer.now(), deadline);
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl ::hyper::rt::Timer for Timer {
    #[track_caller]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn ::hyper::rt::Sleep>> {
        Box::pin(sleep(duration))
    }

    #[track_caller]
    fn sleep_until(&self, deadline: SystemInstant) -> Pin<Box<dyn ::hyper::rt::Sleep>> {
        Box::pin(sleep_until(Instant::from_system(deadline)))
    }

    fn now(&self) -> SystemInstant {
        Instant::now().to_system()
    }

    /// Changes the deadline in place: no allocation, and no new waker.
    fn reset(&self, sleep: &mut Pin<Box<dyn ::hyper::rt::Sleep>>, deadline: SystemInstant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(ours) => ours.get_mut().reset(Instant::from_system(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

impl ::hyper::rt::Sleep for Sleep {}

/// How many bytes one read moves at most: twice what hyper begins with, and little enough for the stack.
const CHUNK: usize = 16 * 1024;

impl ::hyper::rt::Read for TcpStream {
    /// Without `unsafe`, hyper's buffer can be filled only by copying. So the kernel writes to an array on the stack, which
    /// need not be zeroed and is not kept by each connection. Then the bytes are copied, which takes some nanoseconds for a
    /// request.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ::hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [const { MaybeUninit::uninit() }; CHUNK];
        let len = buf.remaining().min(CHUNK);
        self.poll_receive(cx, &mut chunk[..len], |received| buf.put_slice(received))
    }
}

impl ::hyper::rt::Write for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(self, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(self, cx, bufs)
    }
}

#[cfg(test)]
mod tests;
