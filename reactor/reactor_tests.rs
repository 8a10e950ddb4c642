//! The reactor, with looks made by the test.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};

use super::harness::Harness;
use super::reactor::Reactor;
use super::registration::Direction;
use super::source::Source;

/// Polls a read that finds nothing, so that `name` waits.
fn wait_to_read(harness: &Harness, source: &Source<UnixStream>, name: &'static str) {
    wait_to_read_with(source, &harness.waker(name));
}

fn wait_to_read_with(source: &Source<UnixStream>, waker: &Waker) {
    let mut cx = Context::from_waker(waker);
    let polled = source.poll_io(Direction::Read, "test", &mut cx, |mut io| io.read(&mut [0; 8]));
    assert!(polled.is_pending());
}

#[test]
fn unpark_ends_a_wait_of_another_thread() {
    let harness = Harness::new();
    let unparker = harness.reactor.unparker();
    let other = thread::spawn(move || unparker.unpark());
    harness.collect();
    other.join().unwrap();
}

#[test]
fn an_unpark_before_a_wait_ends_that_wait() {
    let harness = Harness::new();
    let unparker = harness.reactor.unparker();
    for _ in 0..3 {
        unparker.unpark();
        harness.collect();
        harness.reactor.dispatch();
    }
}

#[test]
fn the_longest_limit_is_accepted() {
    let reactor = Reactor::new().unwrap();
    reactor.unparker().unpark();
    reactor.wait(Some(Duration::MAX));
}

#[test]
fn wait_wakes_no_task_and_dispatch_wakes_in_the_order_of_events() {
    let harness = Harness::new();
    let (first, mut to_first) = harness.pair();
    let (second, mut to_second) = harness.pair();
    let (third, mut to_third) = harness.pair();
    harness.look(); // takes the events that registering makes
    wait_to_read(&harness, &first, "first");
    wait_to_read(&harness, &second, "second");
    wait_to_read(&harness, &third, "third");
    harness.look();

    to_third.write_all(b"x").unwrap();
    to_first.write_all(b"x").unwrap();
    to_second.write_all(b"x").unwrap();
    harness.collect();
    assert_eq!(harness.woken(), [""; 0]);
    harness.reactor.dispatch();
    assert_eq!(harness.woken(), ["third", "first", "second"]);
}

#[test]
fn a_look_asks_the_kernel_only_while_a_task_waits() {
    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    wait_to_read(&harness, &source, "reader");
    peer.write_all(b"1").unwrap();
    assert_eq!(harness.look_until_woken(), ["reader"]);

    let mut cx = Context::from_waker(Waker::noop());
    let mut tries = 0;
    let mut poll = |cx: &mut Context<'_>| {
        source
            .poll_transfer(Direction::Read, "test", cx, 8, |mut io| {
                tries += 1;
                io.read(&mut [0; 8])
            })
            .is_ready()
    };
    assert!(poll(&mut cx)); // a short transfer, so not ready any more
    peer.write_all(b"2").unwrap();
    harness.look(); // no task waits: the kernel is not asked, and the readiness stays as it was
    assert!(!poll(&mut cx));
    harness.look();
    assert!(poll(&mut cx));
    assert_eq!(tries, 2);
}

#[test]
fn an_event_for_a_dropped_source_does_not_wake_the_next_one_in_its_place() {
    let harness = Harness::new();
    let (old, mut to_old) = harness.pair();
    wait_to_read(&harness, &old, "old");
    harness.look();
    to_old.write_all(b"x").unwrap();
    harness.collect(); // collected, not dispatched

    drop(old);
    let (new, _to_new) = harness.pair(); // in the same place of the slab
    wait_to_read(&harness, &new, "new");
    harness.reactor.dispatch();
    assert_eq!(harness.woken(), [""; 0]);
    assert_eq!(harness.reactor.interest(), 1);
}

#[test]
fn a_look_takes_at_most_256_events_and_the_next_look_takes_the_rest() {
    let harness = Harness::new();
    let waker = harness.waker("waiter");
    let mut cx = Context::from_waker(&waker);
    let sources: Vec<_> = (0..300)
        .map(|_| {
            let readable = eventfd(1, EventfdFlags::CLOEXEC).unwrap();
            let source = Source::new(Rc::clone(&harness.reactor), readable).unwrap();
            let would_block = |_: &_| Err::<(), _>(ErrorKind::WouldBlock.into());
            assert!(source.poll_io(Direction::Read, "test", &mut cx, would_block).is_pending());
            source
        })
        .collect();
    harness.look();
    assert_eq!(harness.woken().len(), 256);
    harness.look();
    assert_eq!(harness.woken().len(), sources.len() - 256);
}

#[test]
fn a_second_wait_does_not_lose_events_that_were_collected() {
    let harness = Harness::new();
    let (first, mut to_first) = harness.pair();
    let (second, mut to_second) = harness.pair();
    wait_to_read(&harness, &first, "first");
    wait_to_read(&harness, &second, "second");
    harness.look();

    to_first.write_all(b"x").unwrap();
    harness.collect();
    to_second.write_all(b"x").unwrap();
    harness.collect();
    assert_eq!(harness.look_until_woken(), ["first"]);
    assert_eq!(harness.look_until_woken(), ["second"]);
}

#[test]
fn after_wakers_that_panic_the_others_of_the_look_are_still_woken() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics");
        }
    }

    let harness = Harness::new();
    let [bad, good] = [(); 2].map(|()| [(); 2].map(|()| harness.pair()));
    for (source, _) in &bad {
        wait_to_read_with(source, &Arc::new(Panics).into());
    }
    wait_to_read(&harness, &good[0].0, "first");
    wait_to_read(&harness, &good[1].0, "last");
    harness.look();

    for (_, mut peer) in [&good[0], &bad[0], &bad[1], &good[1]].map(|pair| (&pair.0, &pair.1)) {
        peer.write_all(b"x").unwrap();
    }
    harness.collect();
    harness.reactor.dispatch();
    assert_eq!(harness.woken(), ["first", "last"]);
    assert!(!harness.reactor.has_events());
}

#[test]
fn a_waker_whose_drop_panics_is_still_replaced_and_removed() {
    struct PanicsInDrop;
    impl Wake for PanicsInDrop {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("a waker whose drop panics");
        }
    }

    let harness = Harness::new();
    let (source, mut peer) = harness.pair();
    wait_to_read_with(&source, &Arc::new(PanicsInDrop).into());
    wait_to_read(&harness, &source, "good");
    peer.write_all(b"x").unwrap();
    assert_eq!(harness.look_until_woken(), ["good"]);

    let (source, _peer) = harness.pair();
    wait_to_read_with(&source, &Arc::new(PanicsInDrop).into());
    drop(source);
    assert_eq!(harness.reactor.interest(), 0);
}

#[test]
fn interest_counts_the_descriptors_that_tasks_wait_for() {
    let harness = Harness::new();
    let (both, mut to_both) = harness.pair();
    let (dropped, _to_dropped) = harness.pair();
    let interest = || harness.reactor.interest();
    let would_block = |_: &UnixStream| Err::<(), _>(ErrorKind::WouldBlock.into());
    harness.look();
    assert_eq!(interest(), 0);

    let waker = harness.waker("both");
    let mut cx = Context::from_waker(&waker);
    assert!(both.poll_io(Direction::Read, "test", &mut cx, would_block).is_pending());
    assert!(both.poll_io(Direction::Write, "test", &mut cx, would_block).is_pending());
    assert!(both.poll_io(Direction::Write, "test", &mut cx, would_block).is_pending());
    assert_eq!(interest(), 1);
    wait_to_read(&harness, &dropped, "dropped");
    assert_eq!(interest(), 2);
    drop(dropped);
    assert_eq!(interest(), 1);

    to_both.write_all(b"x").unwrap();
    assert_eq!(harness.look_until_woken(), ["both", "both"]); // readable, and writable as from the beginning
    assert_eq!(interest(), 0);
}
