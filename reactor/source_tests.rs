//! One descriptor: when an operation is tried, when it waits, and which waker is woken.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::{Context, Poll};

use rustix::net::{SendFlags, send};

use super::harness::Harness;
use super::reactor::Reactor;
use super::registration::Direction;
use super::source::Source;

/// Reads through a source, counting the system calls.
struct Reader<'a> {
    source: &'a Source<UnixStream>,
    calls: Cell<usize>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source<UnixStream>) -> Self {
        Reader { source, calls: Cell::new(0) }
    }

    fn read(&self, harness: &Harness, len: usize) -> Poll<io::Result<usize>> {
        let waker = harness.waker("reader");
        let mut cx = Context::from_waker(&waker);
        self.source.poll_transfer(Direction::Read, "test", &mut cx, len, |mut io| {
            self.calls.set(self.calls.get() + 1);
            io.read(&mut vec![0; len])
        })
    }
}

#[track_caller]
fn ready(polled: Poll<io::Result<usize>>) -> usize {
    match polled {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => panic!("the operation waits"),
    }
}

#[test]
fn reading_a_message_costs_one_system_call() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    let reader = Reader::new(&source);
    assert!(reader.read(&harness, 64).is_pending()); // the first try of a new descriptor
    assert_eq!(reader.calls.take(), 1);
    for _ in 0..3 {
        peer.write_all(b"request").unwrap();
        assert_eq!(harness.look_until_woken(), ["reader"]);
        assert_eq!(ready(reader.read(&harness, 64)), 7);
        assert!(reader.read(&harness, 64).is_pending());
        assert_eq!(reader.calls.take(), 1);
    }
}

#[test]
fn after_a_read_that_filled_its_buffer_the_next_read_is_tried() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    let reader = Reader::new(&source);
    peer.write_all(b"request").unwrap();
    assert_eq!(ready(reader.read(&harness, 4)), 4);
    assert_eq!(ready(reader.read(&harness, 4)), 3);
    assert!(reader.read(&harness, 4).is_pending());
    assert_eq!(reader.calls.get(), 2);
}

#[test]
fn the_end_is_seen_right_after_a_short_read() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    let reader = Reader::new(&source);
    assert!(reader.read(&harness, 64).is_pending());
    peer.write_all(b"last").unwrap();
    drop(peer);
    assert_eq!(harness.look_until_woken(), ["reader"]); // one event for the bytes and the end
    assert_eq!(ready(reader.read(&harness, 64)), 4);
    assert_eq!(ready(reader.read(&harness, 64)), 0);
}

#[test]
fn the_end_is_seen_when_it_comes_before_the_first_look() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    let reader = Reader::new(&source);
    peer.write_all(b"last").unwrap();
    drop(peer);
    assert_eq!(ready(reader.read(&harness, 64)), 4);
    assert!(reader.read(&harness, 64).is_pending());
    assert_eq!(harness.look_until_woken(), ["reader"]);
    assert_eq!(ready(reader.read(&harness, 64)), 0);
}

#[test]
fn the_end_stays_the_end() {
    let harness = Harness::new();
    let (source, peer) = harness.pair();
    drop(peer);
    let reader = Reader::new(&source);
    assert_eq!(ready(reader.read(&harness, 64)), 0);
    assert_eq!(ready(reader.read(&harness, 64)), 0);
}

#[test]
fn after_a_short_read_up_to_an_urgent_mark_the_next_read_is_tried() {
    let harness = Harness::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    let source = Source::new(Rc::clone(&harness.reactor), ours).unwrap();

    let waker = harness.waker("reader");
    let mut cx = Context::from_waker(&waker);
    let polled = source.poll_io(Direction::Read, "test", &mut cx, |mut io| io.read(&mut [0; 64]));
    assert!(polled.is_pending());
    harness.look();
    send(&peer, b"before", SendFlags::empty()).unwrap();
    send(&peer, b"!", SendFlags::OOB).unwrap();
    send(&peer, b"after", SendFlags::empty()).unwrap();
    assert_eq!(harness.look_until_woken(), ["reader"]);

    let mut said = Vec::new();
    harness.run(std::future::poll_fn(|cx| {
        while said.len() < "beforeafter".len() {
            let mut buf = [0; 64];
            let polled =
                source.poll_transfer(Direction::Read, "test", cx, 64, |mut io| io.read(&mut buf));
            let Poll::Ready(read) = polled else { return Poll::Pending };
            said.extend_from_slice(&buf[..read.unwrap()]);
        }
        Poll::Ready(())
    }));
    assert_eq!(said, b"beforeafter");
}

#[test]
fn a_short_write_waits_for_room_without_another_try() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    let message = vec![7; 8 << 20];
    let tries = Cell::new(0);
    let write = || {
        let waker = harness.waker("writer");
        let mut cx = Context::from_waker(&waker);
        source.poll_transfer(Direction::Write, "test", &mut cx, message.len(), |mut io| {
            tries.set(tries.get() + 1);
            io.write(&message)
        })
    };
    harness.look();
    let written = ready(write());
    assert!(written < message.len());
    assert!(write().is_pending());
    assert_eq!(tries.get(), 1);

    peer.read_exact(&mut vec![0; written]).unwrap();
    assert_eq!(harness.look_until_woken(), ["writer"]);
    assert!(write().is_ready());
}

#[test]
fn each_direction_has_its_own_waker_and_an_event_wakes_the_last_one() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    harness.look();
    let wait = |direction, name| {
        let waker = harness.waker(name);
        let would_block = |_: &UnixStream| Err::<(), _>(ErrorKind::WouldBlock.into());
        let polled =
            source.poll_io(direction, "test", &mut Context::from_waker(&waker), would_block);
        assert!(polled.is_pending());
    };
    wait(Direction::Read, "first reader");
    wait(Direction::Write, "writer");
    wait(Direction::Read, "last reader");
    assert_eq!(harness.woken(), ["first reader"]);
    peer.write_all(b"x").unwrap();
    assert_eq!(harness.look_until_woken(), ["last reader", "writer"]);
}

#[test]
fn an_interrupted_operation_is_tried_again() {
    let harness = Harness::new();
    let (source, _peer) = harness.pair();
    let mut answers = [Err(ErrorKind::Interrupted.into()), Ok(3)].into_iter();
    let waker = harness.waker("reader");
    let mut cx = Context::from_waker(&waker);
    let polled = source.poll_io(Direction::Read, "test", &mut cx, |_| answers.next().unwrap());
    assert_eq!(ready(polled), 3);
}

#[test]
fn use_inside_another_runtime_is_an_error_that_names_the_remedy() {
    let harness = Harness::new();
    let (source, _peer) = harness.pair();
    let reader = Reader::new(&source);
    let other = Reactor::new().unwrap();
    let _inside = other.enter();
    let Poll::Ready(Err(error)) = reader.read(&harness, 8) else { panic!("it is no error") };
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.to_string().contains("`into_std` and `from_std`"), "{error}");
    assert_eq!(reader.calls.get(), 0);
}

#[test]
fn a_descriptor_taken_out_of_its_source_is_open_and_no_longer_watched() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    assert!(Reader::new(&source).read(&harness, 8).is_pending());
    let mut io = source.into_io();
    assert_eq!(harness.reactor.interest(), 0);
    peer.write_all(b"x").unwrap();
    assert_eq!(io.read(&mut [0; 8]).unwrap(), 1);
    let again = Source::new(Rc::clone(&harness.reactor), io).unwrap();
    assert!(Reader::new(&again).read(&harness, 8).is_pending());
}
