//! [`TcpStream`] by the traits of futures-io, and for hyper.
//!
//! The traits are implemented for `&TcpStream`, so that one task may read while another writes. `TcpStream` itself
//! passes each call on to that.

#![forbid(unsafe_code)]

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
#[cfg(feature = "hyper")]
use std::mem::MaybeUninit;
use std::net::{self, Shutdown};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::TcpStream;
use crate::reactor::registration::Direction;
#[cfg(feature = "hyper")]
use crate::reactor::sys;

/// How many buffers the kernel takes in one call (`IOV_MAX`). std passes no more.
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
            // The peer has reset the connection, so the writing half is closed already.
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

#[cfg(feature = "hyper")]
impl TcpStream {
    /// `poll_read` into a `buf` that need not be initialised. `take` is called with the bytes read, which are none at
    /// the end of the stream. It is called at most once.
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
