//! Operations that wait: which waker is woken, when a waker is dropped, and the error of a second operation.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Write};
use std::net::Ipv4Addr;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures::{AsyncReadExt, join};
use futures_io::{AsyncRead, AsyncWrite};

use super::{TcpListener, TcpStream};
use crate::executor::{EVENT_INTERVAL, Executor, ParkThread};
use crate::reactor::Reactor;
use crate::reactor::harness::Harness;

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

async fn connection() -> (TcpStream, TcpStream) {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let (ours, accepted) = join!(TcpStream::connect(address), listener.accept());
    (ours.unwrap(), accepted.unwrap().0)
}

fn poll<F: Future>(waker: &Waker, future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

fn poll_read(waker: &Waker, mut stream: &TcpStream) -> Poll<io::Result<usize>> {
    Pin::new(&mut stream).poll_read(&mut Context::from_waker(waker), &mut [0; 8])
}

/// Fills the connection, so that the next write waits.
fn fill(stream: &TcpStream) {
    let write = |stream: &mut &TcpStream| {
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(stream).poll_write(&mut cx, &[7; 1 << 16])
    };
    while write(&mut &*stream).is_ready() {}
}

#[track_caller]
fn assert_busy<T>(polled: Poll<io::Result<T>>, function: &str) {
    let Poll::Ready(Err(error)) = polled else { panic!("it is no error") };
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    let text = error.to_string();
    let begin = format!("`{function}`: another task waits for the same socket");
    assert!(text.starts_with(&begin) && text.contains("have one task do it"), "{text}");
}

#[test]
fn an_operation_dropped_while_it_waits_drops_its_waker_at_once() {
    let harness = Harness::new();
    let (_reads, writes) = harness.run(connection());
    fill(&writes);
    harness.look();
    let listener = listener();
    let mut buf = [0; 8];
    assert_eq!(harness.reactor.interest(), 1); // of the last poll in `fill`
    {
        let mut write = pin!(writes.write(b"more")); // `TcpStream::write`, not that of `AsyncWriteExt`
        assert!(poll(&harness.waker("write"), write.as_mut()).is_pending());
        let mut accept = pin!(listener.accept());
        assert!(poll(&harness.waker("accept"), accept.as_mut()).is_pending());
        assert_eq!(harness.reactor.interest(), 2);
    }
    assert_eq!(harness.reactor.interest(), 0);

    let (reads_too, _peer) = harness.run(connection());
    {
        let mut read = pin!(reads_too.read(&mut buf));
        assert!(poll(&harness.waker("read"), read.as_mut()).is_pending());
        assert_eq!(harness.reactor.interest(), 1);
    }
    assert_eq!(harness.reactor.interest(), 0);
    assert_eq!(harness.woken(), [""; 0]);
}

#[test]
fn a_second_accept_is_an_error_and_the_first_gets_the_connection() {
    let harness = Harness::new();
    let listener = listener();
    let mut first = Box::pin(listener.accept());
    assert!(poll(&harness.waker("first"), first.as_mut()).is_pending());
    assert_busy(poll(&harness.waker("second"), pin!(listener.accept())), "TcpListener::accept");

    let _stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(harness.look_until_woken(), ["first"]);
    // The first is woken and has not accepted yet: the connection stays reserved for it.
    assert_busy(poll(&harness.waker("second"), pin!(listener.accept())), "TcpListener::accept");
    assert!(poll(&harness.waker("first"), first.as_mut()).is_ready());
    drop(first);

    let mut given_up = Box::pin(listener.accept());
    assert!(poll(&harness.waker("given up"), given_up.as_mut()).is_pending());
    drop(given_up);
    let mut next = pin!(listener.accept());
    assert!(poll(&harness.waker("next"), next.as_mut()).is_pending());
    let _stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(harness.look_until_woken(), ["next"]);
}

#[test]
fn a_second_read_or_write_is_an_error_and_the_other_direction_is_free() {
    let harness = Harness::new();
    let (ours, _theirs) = harness.run(connection());
    fill(&ours);
    let (mut first, mut second) = ([0; 8], [0; 8]);
    let mut read = pin!(ours.read(&mut first));
    let mut write = pin!(ours.write(b"more"));
    assert!(poll(&harness.waker("read"), read.as_mut()).is_pending());
    assert!(poll(&harness.waker("write"), write.as_mut()).is_pending());
    let second = pin!(ours.read(&mut second));
    assert_busy(poll(&harness.waker("second"), second), "TcpStream::read");
    assert_busy(poll(&harness.waker("second"), pin!(ours.write(b"more"))), "TcpStream::write");
    assert_busy(poll_read(&harness.waker("polls"), &ours), "poll_read");
}

#[test]
fn a_read_wakes_the_task_whose_poll_it_replaces_and_its_next_poll_is_an_error() {
    let harness = Harness::new();
    let (ours, theirs) = harness.run(connection());
    let mut buf = [0; 8];
    assert!(poll_read(&harness.waker("polls"), &ours).is_pending());
    let mut read = pin!(ours.read(&mut buf));
    assert!(poll(&harness.waker("reads"), read.as_mut()).is_pending());
    assert_eq!(harness.woken(), ["polls"]);
    assert_busy(poll_read(&harness.waker("polls"), &ours), "poll_read");
    assert!(poll(&harness.waker("moved"), read.as_mut()).is_pending());
    assert_eq!(harness.woken(), [""; 0]); // a replaced waker of its own is not woken
    harness.run(theirs.write(b"x")).unwrap();
    assert_eq!(harness.look_until_woken(), ["moved"]);
}

#[test]
fn of_two_tasks_that_poll_the_last_wakes_the_one_it_replaces() {
    let harness = Harness::new();
    let (ours, _theirs) = harness.run(connection());
    assert!(poll_read(&harness.waker("first"), &ours).is_pending());
    let second = harness.waker("second");
    assert!(poll_read(&second, &ours).is_pending());
    assert_eq!(harness.woken(), ["first"]);
    assert!(poll_read(&second, &ours).is_pending());
    assert_eq!(harness.woken(), [""; 0]);
    assert!(poll_read(&harness.waker("first"), &ours).is_pending());
    assert_eq!(harness.woken(), ["second"]);
}

#[test]
fn a_poll_with_a_noop_waker_removes_the_registered_waker() {
    let harness = Harness::new();
    let (ours, theirs) = harness.run(connection());
    assert!(poll_read(&harness.waker("a"), &ours).is_pending());
    assert_eq!(harness.reactor.interest(), 1);
    assert!(poll_read(Waker::noop(), &ours).is_pending());
    // Woken, as it may be of another task, which then polls again.
    assert_eq!((harness.reactor.interest(), harness.woken()), (0, vec!["a"]));

    let (mut buf, mut other) = ([0; 8], [0; 8]);
    let mut read = pin!(ours.read(&mut buf));
    assert!(poll(&harness.waker("a"), read.as_mut()).is_pending());
    assert!(poll(Waker::noop(), read.as_mut()).is_pending());
    assert_eq!((harness.reactor.interest(), harness.woken()), (0, vec![]));
    assert!(poll(&harness.waker("b"), pin!(ours.read(&mut other))).is_pending()); // the direction is free
    assert!(poll(&harness.waker("a"), read.as_mut()).is_pending());
    harness.run(theirs.write(b"x")).unwrap();
    assert_eq!(harness.look_until_woken(), ["a"]);
}

#[test]
fn an_empty_read_or_write_does_not_wait() {
    let harness = Harness::new();
    let (mut ours, _theirs) = harness.run(connection());
    fill(&ours);
    let waker = harness.waker("a");
    let mut cx = Context::from_waker(&waker);
    let is_none = |polled: Poll<io::Result<usize>>| matches!(polled, Poll::Ready(Ok(0)));
    assert!(is_none(poll(&waker, pin!(ours.read(&mut [])))));
    assert!(is_none(poll(&waker, pin!(ours.write(&[])))));
    assert!(is_none(poll(&waker, Pin::new(&mut AsyncReadExt::read(&mut ours, &mut [])))));
    assert!(is_none(Pin::new(&mut ours).poll_write(&mut cx, &[])));
    let mut empty = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut [])];
    assert!(is_none(Pin::new(&mut ours).poll_read_vectored(&mut cx, &mut empty)));
    assert!(is_none(Pin::new(&mut ours).poll_read_vectored(&mut cx, &mut [])));
    assert!(is_none(Pin::new(&mut ours).poll_write_vectored(&mut cx, &[IoSlice::new(&[])])));
}

#[test]
fn use_inside_another_runtime_is_an_error_that_names_where_the_socket_was_made() {
    let harness = Harness::new();
    let bound = line!() + 1;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut plain = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = line!() + 1;
    let (stream, _) = harness.run(listener.accept()).unwrap();
    let connected = line!() + 1;
    let other = harness.run(TcpStream::connect(listener.local_addr().unwrap())).unwrap();
    plain.write_all(b"x").unwrap();

    let elsewhere = Reactor::new().unwrap();
    let _inside = elsewhere.enter();
    let texts = [
        (bound, poll(Waker::noop(), pin!(listener.accept())).map_ok(drop)),
        (accepted, poll(Waker::noop(), pin!(stream.read(&mut [0]))).map_ok(drop)),
        (connected, poll(Waker::noop(), pin!(other.write(&[]))).map_ok(drop)),
    ];
    for (line, polled) in texts {
        let Poll::Ready(Err(error)) = polled else { panic!("it is no error") };
        let place = format!("the socket made at {}:{line}:", file!());
        assert!(error.to_string().starts_with(&place), "{error}");
    }
}

#[test]
fn sockets_are_unwind_safe() {
    fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    unwind_safe::<TcpListener>();
    unwind_safe::<TcpStream>();
}

#[test]
fn reads_that_are_always_ready_end_the_turn_when_its_budget_is_spent() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let harness = Harness::new();
    let (ours, _theirs) = harness.run(connection());
    let mut done = 0;
    executor.block_on(async {
        let mut reads = pin!(async {
            loop {
                ours.read(&mut []).await.unwrap();
                done += 1;
            }
        });
        poll_fn(|cx| {
            let _: Poll<()> = reads.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    });
    assert_eq!(done, 128);
}
