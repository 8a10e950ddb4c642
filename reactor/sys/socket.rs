//! The socket calls std lacks: a listener that shares its port, an accept that makes the socket non-blocking in the same system
//! call, a connect that does not wait, and a receive into uninitialised memory.

#![forbid(unsafe_code)]

use std::io;
#[cfg(feature = "hyper")]
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_reuseaddr, set_socket_reuseport};
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, acceptfrom_with, bind, connect, listen, socket_with,
};
#[cfg(feature = "hyper")]
use rustix::net::{RecvFlags, recv};

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// How many connections may wait to be accepted: as many as by std.
const BACKLOG: i32 = 128;

fn tcp_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(socket_with(family, SocketType::STREAM, FLAGS, None)?)
}

/// Listens on an address that other sockets with `SO_REUSEPORT` may listen on too.
pub(crate) fn listen_sharing_port(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = tcp_socket(address)?;
    set_socket_reuseaddr(&socket, true)?; // as std
    set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

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
    let socket = tcp_socket(peer)?;
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
