//! Sockets and names.

use std::fs;
use std::io::{Read, Write};
use std::net::{self, Ipv4Addr, SocketAddr};
use std::pin::pin;
#[cfg(feature = "offload")]
use std::sync::mpsc;
use std::task::Poll;

use futures::{AsyncReadExt, AsyncWriteExt, poll};
use rustix::event::{PollFd, PollFlags};
use taketurns::block_on;
#[cfg(feature = "offload")]
use taketurns::net::lookup_host;
use taketurns::net::{TcpListener, TcpStream};
use taketurns::task::unconstrained;
#[cfg(feature = "offload")]
use taketurns::{Builder, spawn_blocking};

use super::{LIMIT, until_woken};

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// A connection whose peer is a stream of std, which blocks.
async fn connection() -> (TcpStream, net::TcpStream) {
    let listener = listener();
    let peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().await.unwrap().0, peer)
}

#[test]
fn an_accept_that_is_dropped_after_its_wake_leaves_the_connection_to_the_next() {
    block_on(async {
        let listener = listener();
        let mut accept = Box::pin(listener.accept());
        assert!(poll!(&mut accept).is_pending());
        let peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        until_woken().await;
        drop(accept);
        let (_, address) = listener.accept().await.unwrap();
        assert_eq!(address, peer.local_addr().unwrap());
    });
}

#[test]
fn a_read_that_is_dropped_after_its_wake_leaves_the_bytes_to_the_next() {
    block_on(async {
        let (stream, mut peer) = connection().await;
        let (mut given_up, mut buf) = ([0; 8], [0; 8]);
        let mut read = Box::pin(stream.read(&mut given_up));
        assert!(poll!(&mut read).is_pending());
        peer.write_all(b"kept").unwrap();
        until_woken().await;
        drop(read);
        assert_eq!((stream.read(&mut buf).await.unwrap(), given_up), (4, [0; 8]));
        assert_eq!(&buf[..4], b"kept");
    });
}

#[test]
fn a_read_by_the_traits_that_is_given_up_takes_nothing_and_leaves_its_waker() {
    block_on(async {
        let (mut stream, mut peer) = connection().await;
        let (mut given_up, mut buf) = ([0; 8], [0; 8]);
        assert!(poll!(AsyncReadExt::read(&mut stream, &mut given_up)).is_pending());
        peer.write_all(b"kept").unwrap();
        until_woken().await;
        assert_eq!((stream.read(&mut buf).await.unwrap(), given_up), (4, [0; 8]));
    });
}

#[test]
fn a_read_exact_that_is_given_up_has_taken_what_had_come() {
    block_on(async {
        let (mut stream, mut peer) = connection().await;
        let (mut given_up, mut buf) = ([0; 8], [0; 8]);
        let mut read = stream.read_exact(&mut given_up);
        assert!(poll!(&mut read).is_pending());
        peer.write_all(b"lost").unwrap();
        until_woken().await;
        assert!(poll!(&mut read).is_pending());
        peer.write_all(b"next").unwrap();
        assert_eq!(stream.read(&mut buf).await.unwrap(), 4);
        assert_eq!((&given_up[..4], &buf[..4]), (&b"lost"[..], &b"next"[..]));
    });
}

#[test]
fn a_write_that_is_given_up_has_sent_nothing() {
    let (sent, mut peer) = block_on(async {
        let (stream, peer) = connection().await;
        let mut sent = 0;
        // Without a budget, so that it is the socket that has no room.
        while let Poll::Ready(len) = poll!(pin!(unconstrained(stream.write(&[7; 1 << 16])))) {
            sent += len.unwrap();
        }
        (sent, peer)
    });
    assert_eq!(peer.read_to_end(&mut Vec::new()).unwrap(), sent);
}

#[test]
fn a_write_all_that_is_given_up_has_sent_a_part() {
    let all = vec![7; 1 << 26];
    let mut peer = block_on(async {
        let (mut stream, peer) = connection().await;
        assert!(poll!(stream.write_all(&all)).is_pending());
        peer
    });
    let sent = peer.read_to_end(&mut Vec::new()).unwrap();
    assert!(0 < sent && sent < all.len(), "{sent}");
}

/// Whether a socket of this machine is connecting to `peer`. The kernel's table may name a socket twice, or pass it over,
/// while others come and go.
fn is_connecting_to(peer: SocketAddr) -> bool {
    const SYN_SENT: &str = "02";
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let port = format!(":{:04X}", peer.port());
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(2);
        let remote = fields.next().unwrap();
        remote.ends_with(&port) && fields.next() == Some(SYN_SENT)
    })
}

#[test]
fn a_connect_that_is_given_up_closes_its_socket_though_the_peer_may_see_a_connection() {
    block_on(async {
        let busy = net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        rustix::net::listen(&busy, 0).unwrap(); // one connection may wait, and a second is not answered
        let address = busy.local_addr().unwrap();
        let _waits = net::TcpStream::connect(address).unwrap();
        let is_in_the_queue = &mut [PollFd::new(&busy, PollFlags::IN)];
        rustix::event::poll(is_in_the_queue, None).unwrap();
        {
            let mut connect = pin!(TcpStream::connect(address));
            assert!(poll!(&mut connect).is_pending());
            while !is_connecting_to(address) {}
        }
        assert!(!is_connecting_to(address));

        let mut connect = Box::pin(TcpStream::connect(address));
        assert!(poll!(&mut connect).is_pending());
        busy.accept().unwrap();
        until_woken().await; // the kernel has asked again, and was answered
        drop(connect);
        let (mut seen, _) = busy.accept().unwrap();
        seen.set_read_timeout(Some(LIMIT)).unwrap();
        assert_eq!(seen.read(&mut [0; 8]).unwrap(), 0);
    });
}

#[cfg(feature = "offload")]
#[test]
fn a_lookup_may_be_given_up_and_made_again() {
    let runtime = Builder::new().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        let busy = spawn_blocking(move || _ = gate.recv()); // so that the lookup has to wait
        assert!(poll!(pin!(lookup_host("localhost:80"))).is_pending());
        drop(open);
        busy.await.unwrap();
        let found = lookup_host("localhost:80").await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
    });
}
