//! The two socket calls std lacks: an accept that gives a non-blocking socket in one system call,
//! and a connect that does not wait.

#![forbid(unsafe_code)]

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, acceptfrom_with, connect, socket_with};

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// Takes the next connection, passing over those whose peer gave up while they were queued.
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

/// A socket that is connecting. Once it is writable, it is connected or has an error to tell.
pub(crate) fn start_connect(peer: SocketAddr) -> io::Result<TcpStream> {
    let family = if peer.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, FLAGS, None)?;
    match connect(&socket, &peer) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket.into()),
        Err(errno) => Err(errno.into()),
    }
}
