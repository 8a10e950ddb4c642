//! TCP over loopback, both ends on this thread.

use std::future::{Future, poll_fn};
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Context;
use std::thread;

use futures::{AsyncReadExt, AsyncWriteExt, join};
use futures_io::{AsyncRead, AsyncWrite};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use super::{TcpListener, TcpStream};
use crate::reactor::harness::Harness;

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// Both ends of a connection.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let (ours, accepted) = join!(TcpStream::connect(address), listener.accept());
    let (ours, (theirs, peer)) = (ours.unwrap(), accepted.unwrap());
    assert_eq!(peer, ours.local_addr().unwrap());
    assert_eq!(theirs.local_addr().unwrap(), ours.peer_addr().unwrap());
    (ours, theirs)
}

fn panic_text(result: thread::Result<()>) -> String {
    *result.unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn an_echo_server_echoes() {
    let harness = Harness::new();
    let echo = harness.run(async {
        let (mut ours, theirs) = connection().await;
        let serve = async { futures::io::copy(&theirs, &mut &theirs).await.unwrap() };
        let ask = async {
            let mut echo = [0; 5];
            for _ in 0..3 {
                ours.write_all(b"hello").await.unwrap();
                ours.read_exact(&mut echo).await.unwrap();
            }
            ours.close().await.unwrap();
            echo
        };
        let (echoed, echo) = join!(serve, ask);
        assert_eq!(echoed, 15);
        echo
    });
    assert_eq!(&echo, b"hello");
    assert_eq!(harness.reactor.interest(), 0);
}

#[test]
fn large_transfers_in_both_directions_at_once_arrive_whole() {
    const LEN: usize = 6 << 20;
    let message = |seed: usize| -> Vec<u8> { (0..LEN).map(|i| ((i * seed) >> 7) as u8).collect() };
    async fn send(mut stream: &TcpStream, message: &[u8]) {
        stream.write_all(message).await.unwrap();
        stream.close().await.unwrap();
    }
    async fn receive(mut stream: &TcpStream) -> Vec<u8> {
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        received
    }

    let harness = Harness::new();
    let (there, back) = (message(3), message(5));
    harness.run(async {
        let (ours, theirs) = connection().await;
        let (.., received_back, received_there) =
            join!(send(&ours, &there), send(&theirs, &back), receive(&ours), receive(&theirs));
        assert!(received_there == there);
        assert!(received_back == back);
    });
}

#[test]
fn vectored_reads_and_writes_take_several_buffers_at_once() {
    let harness = Harness::new();
    harness.run(async {
        let (mut ours, mut theirs) = connection().await;
        let bufs = [IoSlice::new(b"one"), IoSlice::new(b"two")];
        let written = poll_fn(|cx| Pin::new(&mut ours).poll_write_vectored(cx, &bufs)).await;
        assert_eq!(written.unwrap(), 6);

        let (mut first, mut rest) = ([0; 2], [0; 8]);
        let read = poll_fn(|cx| {
            let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut rest)];
            Pin::new(&mut theirs).poll_read_vectored(cx, &mut bufs)
        });
        assert_eq!(read.await.unwrap(), 6);
        assert_eq!((&first, &rest[..4]), (b"on", &b"etwo"[..]));
    });
}

#[test]
fn a_read_that_filled_all_buffers_the_kernel_takes_is_not_short() {
    let harness = Harness::new();
    let (mut ours, mut theirs) = harness.run(connection());
    let waker = harness.waker("reader");
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut theirs).poll_read(&mut cx, &mut [0]).is_pending());
    harness.look();

    let sent: Vec<u8> = (0..2000).map(|i| i as u8).collect();
    harness.run(ours.write_all(&sent)).unwrap();
    assert_eq!(harness.look_until_woken(), ["reader"]); // the only event there will be
    let mut received = vec![0; sent.len()];
    let mut read = 0;
    while read < sent.len() {
        read += harness
            .run(poll_fn(|cx| {
                let mut bufs: Vec<_> =
                    received[read..].chunks_mut(1).map(IoSliceMut::new).collect();
                Pin::new(&mut theirs).poll_read_vectored(cx, &mut bufs)
            }))
            .unwrap();
    }
    assert_eq!(received, sent);
}

#[test]
fn a_refused_connection_is_an_error() {
    let harness = Harness::new();
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&bound, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap(); // and does not listen
    let address = SocketAddr::try_from(getsockname(&bound).unwrap()).unwrap();
    let refused = harness.run(TcpStream::connect(address)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(harness.reactor.interest(), 0);
}

#[test]
fn connect_takes_the_first_of_several_addresses_that_answers() {
    let harness = Harness::new();
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&bound, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap(); // and does not listen
    let silent = SocketAddr::try_from(getsockname(&bound).unwrap()).unwrap();
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let stream = harness.run(TcpStream::connect([silent, address])).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    let refused = harness.run(TcpStream::connect(&[silent, silent][..])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let none = harness.run(TcpStream::connect(&[][..])).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::InvalidInput);
}

#[test]
fn addresses_may_be_given_as_text() {
    let harness = Harness::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stream = harness.run(TcpStream::connect(address.to_string())).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[test]
fn binding_to_a_name_is_an_error_that_names_the_remedy() {
    let _harness = Harness::new();
    let error = TcpListener::bind("localhost:80").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let text = error.to_string();
    let begin = "`TcpListener::bind`: \"localhost:80\" is a name";
    assert!(text.starts_with(begin) && text.contains("`net::lookup_host"), "{text}");
}

#[cfg(feature = "offload")]
#[test]
fn connect_resolves_a_name() {
    crate::block_on(async {
        let listener = TcpListener::bind(super::lookup_host("localhost:0").await.unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(("localhost", port)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    });
}

#[cfg(not(feature = "offload"))]
#[test]
fn without_the_pool_connecting_to_a_name_is_an_error_that_names_the_remedy() {
    let harness = Harness::new();
    let error = harness.run(TcpStream::connect("localhost:80")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("the feature `offload` resolves: turn it on"), "{error}");
}

#[test]
fn an_address_in_use_is_an_error() {
    let _harness = Harness::new();
    let listener = listener();
    let taken = TcpListener::bind(listener.local_addr().unwrap()).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_read_that_was_dropped_while_it_waited_takes_nothing() {
    let harness = Harness::new();
    let (mut ours, theirs) = harness.run(connection());
    let mut buf = [0; 8];
    {
        let dropped = harness.waker("dropped");
        let mut read = pin!(theirs.read(&mut buf));
        assert!(read.as_mut().poll(&mut Context::from_waker(&dropped)).is_pending());
    }
    harness.run(ours.write_all(b"kept")).unwrap();
    assert_eq!(harness.run(theirs.read(&mut buf)).unwrap(), 4);
}

#[test]
fn an_accept_that_was_dropped_while_it_waited_loses_no_connection() {
    let harness = Harness::new();
    let listener = listener();
    {
        let dropped = harness.waker("dropped");
        let mut accept = pin!(listener.accept());
        assert!(accept.as_mut().poll(&mut Context::from_waker(&dropped)).is_pending());
    }
    let address = listener.local_addr().unwrap();
    let stream = harness.run(TcpStream::connect(address)).unwrap();
    let (_, peer) = harness.run(listener.accept()).unwrap();
    assert_eq!(peer, stream.local_addr().unwrap());
}

#[test]
fn several_queued_connections_are_accepted_without_another_event() {
    let harness = Harness::new();
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let streams: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    for stream in &streams {
        let (_, peer) = harness.run(listener.accept()).unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
    }
}

#[test]
fn close_ends_the_writing_half_only() {
    let harness = Harness::new();
    harness.run(async {
        let (mut ours, mut theirs) = connection().await;
        ours.write_all(b"question").await.unwrap();
        ours.close().await.unwrap();
        let mut question = String::new();
        theirs.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "question");
        theirs.write_all(b"answer").await.unwrap();
        drop(theirs);
        let mut answer = String::new();
        ours.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
        assert_eq!(ours.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        ours.close().await.unwrap(); // again, and the peer is gone
    });
}

#[test]
fn shutdown_wakes_the_task_that_reads() {
    let harness = Harness::new();
    let (ours, _theirs) = harness.run(connection());
    let waker = harness.waker("reader");
    let mut cx = Context::from_waker(&waker);
    let mut buf = [0; 8];
    assert!(Pin::new(&mut &ours).poll_read(&mut cx, &mut buf).is_pending());
    harness.look();
    ours.shutdown(Shutdown::Read).unwrap();
    assert_eq!(harness.look_until_woken(), ["reader"]);
    assert_eq!(harness.run(ours.read(&mut buf)).unwrap(), 0);
}

#[test]
fn a_connection_can_move_to_another_thread() {
    let harness = Harness::new();
    let (ours, theirs) = harness.run(connection());
    let ours = ours.into_std().unwrap();
    let there = thread::spawn(move || {
        let harness = Harness::new();
        let mut ours = TcpStream::from_std(ours).unwrap();
        harness.run(ours.write_all(b"from there")).unwrap();
    });
    let mut said = String::new();
    harness.run((&theirs).read_to_string(&mut said)).unwrap();
    assert_eq!(said, "from there");
    there.join().unwrap();
}

/// The flags of an open descriptor, as the kernel tells them.
fn flags(io: &impl AsFd) -> u32 {
    let info = format!("/proc/self/fdinfo/{}", io.as_fd().as_raw_fd());
    let info = std::fs::read_to_string(info).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap()
}

#[test]
fn sockets_are_non_blocking_here_and_blocking_again_in_std() {
    const NONBLOCK: u32 = 0o4000;
    const CLOEXEC: u32 = 0o2_000_000;
    let harness = Harness::new();
    let (ours, theirs) = harness.run(connection());
    let listener = listener();
    for flags in [flags(&ours), flags(&theirs), flags(&listener)] {
        assert_eq!(flags & (NONBLOCK | CLOEXEC), NONBLOCK | CLOEXEC);
    }
    let (stream, listener) = (ours.into_std().unwrap(), listener.into_std().unwrap());
    assert_eq!([flags(&stream) & NONBLOCK, flags(&listener) & NONBLOCK], [0, 0]);
    let stream = TcpStream::from_std(stream).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    assert_eq!([flags(&stream) & NONBLOCK, flags(&listener) & NONBLOCK], [NONBLOCK, NONBLOCK]);
}

#[test]
fn outside_a_runtime_each_constructor_names_itself_and_the_remedy() {
    let remedy = "needs a runtime: call it inside `taketurns::block_on` or a task";
    let bind = catch_unwind(|| drop(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))));
    let says = |caught, name| panic_text(caught).starts_with(&format!("`{name}` {remedy}"));
    assert!(says(bind, "TcpListener::bind"));

    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let stream = std::net::TcpStream::connect(address).unwrap();
    let from_std = catch_unwind(|| drop(TcpStream::from_std(stream)));
    assert!(says(from_std, "TcpStream::from_std"));
    let from_std = catch_unwind(|| drop(TcpListener::from_std(plain)));
    assert!(says(from_std, "TcpListener::from_std"));

    let connect = catch_unwind(AssertUnwindSafe(|| {
        let connect = pin!(TcpStream::connect(address));
        let _ = connect.poll(&mut Context::from_waker(std::task::Waker::noop()));
    }));
    let text = panic_text(connect);
    assert!(text.starts_with(&format!("`TcpStream::connect` at {}:", file!())), "{text}");
    assert!(
        text.ends_with("needs a runtime: await it inside `taketurns::block_on` or a task"),
        "{text}"
    );
}

#[cfg(feature = "offload")]
#[test]
fn a_lookup_outside_of_a_runtime_names_itself_and_where_it_was_called() {
    let line = line!() + 2;
    let lookup = catch_unwind(AssertUnwindSafe(|| {
        let lookup = pin!(super::lookup_host("localhost:80"));
        let _ = lookup.poll(&mut Context::from_waker(std::task::Waker::noop()));
    }));
    let remedy = "needs a runtime: await it inside `taketurns::block_on` or a task";
    let begin = format!("`net::lookup_host` at {}:{line}:", file!());
    let text = panic_text(lookup);
    assert!(text.starts_with(&begin) && text.ends_with(remedy), "{text}");
}

#[cfg(feature = "offload")]
#[test]
fn an_empty_list_of_addresses_is_an_error() {
    let harness = Harness::new();
    harness.run(async {
        let none: [SocketAddr; 0] = [];
        let connect = TcpStream::connect(none).await.unwrap_err();
        let lookup = super::lookup_host(none).await.unwrap_err();
        for error in [connect, lookup] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().starts_with("no address: "), "{error}");
        }
    });
}
