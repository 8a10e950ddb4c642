//! The socket calls std lacks: an accept that makes the socket non-blocking in the same system call, a connect that
//! does not wait, and a receive into uninitialised memory.

#![forbid(unsafe_code)]

use std::io;
#[cfg(feature = "hyper")]
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, acceptfrom_with, connect, socket_with};
#[cfg(feature = "hyper")]
use rustix::net::{RecvFlags, recv};

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// Takes the next connection. Skips those that the peer gave up while they were queued.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match acceptfrom_with(listener, FLAGS) {
            Ok((socket, peer)) => {
                let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                let peer =
                    peer.ok_or_else(|| io::Error::other("`accept`: the peer has no IP address"))?;
                return Ok((socket.into(), peer));
            }
            Err(Errno::CONNABORTED | Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Begins to connect. Once the socket is writable, it is connected or has an error.
pub(crate) fn start_connect(peer: SocketAddr) -> io::Result<TcpStream> {
    let family = if peer.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, FLAGS, None)?;
    match connect(&socket, &peer) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket.into()),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads into the beginning of `buf` and returns the bytes read.
#[cfg(feature = "hyper")]
pub(crate) fn receive<'a>(
    stream: &TcpStream,
    buf: &'a mut [MaybeUninit<u8>],
) -> io::Result<&'a [u8]> {
    let ((received, _rest), _len) = recv(stream, buf, RecvFlags::empty())?;
    Ok(received)
}
