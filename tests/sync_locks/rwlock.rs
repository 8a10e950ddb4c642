//! RwLock: many readers or one writer, in order, and no writer starves.

use std::rc::Rc;

use taketurns::sync::RwLock;
use taketurns::{block_on, spawn, yield_now};

use super::Hand;
use super::common::Trace;

#[test]
fn readers_read_together_and_a_writer_alone() {
    let trace = Trace::new();
    block_on(async {
        let lock = Rc::new(RwLock::new(0));
        let reader = |name: &'static str| {
            let (lock, trace) = (Rc::clone(&lock), trace.clone());
            spawn(async move {
                let value = lock.read().await;
                trace.push(format!("{name}={}", *value));
                yield_now().await;
                trace.push(format!("{name}."));
            })
        };
        let (a, b) = (reader("a"), reader("b"));
        let (writes, told) = (Rc::clone(&lock), trace.clone());
        let w = spawn(async move {
            let mut value = writes.write().await;
            told.push("w");
            yield_now().await;
            *value += 1;
            told.push("w.");
        });
        let (c, d) = (reader("c"), reader("d"));
        for task in [a, b, w, c, d] {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.take(), "a=0 b=0 a. b. w w. c=1 d=1 c. d.");
}

#[test]
fn a_reader_waits_behind_a_writer_that_waits() {
    let (hand, lock) = (Hand::default(), RwLock::new(1));
    let reads = lock.try_read().unwrap();
    let (mut w, mut r, mut s, mut v, mut t) =
        (lock.write(), lock.read(), lock.read(), lock.write(), lock.read());
    hand.waits("w", &mut w);
    hand.waits("r", &mut r);
    hand.waits("s", &mut s);
    hand.waits("v", &mut v);
    hand.waits("t", &mut t);
    assert!(lock.try_read().is_err());
    drop(reads);
    assert_eq!(hand.woken(), "w");
    *hand.gets("w", &mut w) += 1;
    // All readers up to the next writer.
    assert_eq!(hand.woken(), "r s");
    let (r, s) = (hand.gets("r", &mut r), hand.gets("s", &mut s));
    assert_eq!(*r + *s, 4);
    drop(r);
    assert_eq!(hand.woken(), "");
    drop(s);
    assert_eq!(hand.woken(), "v");
    drop(v);
    assert_eq!((hand.woken(), *hand.gets("t", &mut t)), ("t".into(), 2));
    assert_eq!(*lock.try_write().unwrap(), 2);
}

#[test]
fn if_the_writer_at_the_front_leaves_the_readers_behind_it_go_on_at_once() {
    let (hand, lock) = (Hand::default(), RwLock::new(1));
    let reads = lock.try_read().unwrap();
    let (mut w, mut r, mut v) = (lock.write(), lock.read(), lock.write());
    hand.waits("w", &mut w);
    hand.waits("r", &mut r);
    hand.waits("v", &mut v);
    drop(w);
    assert_eq!(hand.woken(), "r");
    drop((reads, r));
    assert_eq!(hand.woken(), "v");
}

#[test]
fn a_writer_that_goes_on_as_a_reader_lets_readers_in_and_no_writer() {
    let (hand, lock) = (Hand::default(), RwLock::new(1));
    let mut writes = lock.try_write().unwrap();
    let (mut r, mut w, mut s) = (lock.read(), lock.write(), lock.read());
    hand.waits("r", &mut r);
    hand.waits("w", &mut w);
    hand.waits("s", &mut s);
    *writes += 1;
    let reads = writes.downgrade();
    assert_eq!(hand.woken(), "r");
    assert_eq!((*reads, *hand.gets("r", &mut r)), (2, 2));
    assert_eq!(hand.woken(), "");
    drop(reads);
    assert_eq!(hand.woken(), "w");
    drop(w);
    assert_eq!(hand.woken(), "s");
    drop(s);
    assert!(lock.try_write().is_ok());
}

/// tokio-rs/tokio#8076.
#[test]
fn two_guards_never_exclude_each_other_and_exist() {
    let lock = RwLock::new(1);
    let one = lock.try_write().unwrap();
    assert!(lock.try_write().is_err() && lock.try_read().is_err());
    drop(one);
    let reads = lock.try_read().unwrap();
    assert!(lock.try_write().is_err() && lock.try_read().is_ok());
    drop(reads);
    assert!(lock.try_write().is_ok());
}

#[test]
fn debug_shows_the_value_or_who_waits() {
    let (hand, mut lock) = (Hand::default(), RwLock::from(1));
    assert_eq!(format!("{lock:?}"), "RwLock { value: 1, readers: 0, waiters: 0 }");
    *lock.get_mut() = 2;
    let reads = lock.try_read().unwrap();
    assert_eq!(format!("{lock:?}"), "RwLock { value: 2, readers: 1, waiters: 0 }");
    let mut w = lock.write();
    hand.waits("w", &mut w);
    assert_eq!(format!("{lock:?}"), "RwLock { value: <locked>, readers: 1, waiters: 1 }");
    drop(reads);
    let writes = hand.gets("w", &mut w);
    let mut r = lock.read();
    hand.waits("r", &mut r);
    assert_eq!(format!("{lock:?}"), "RwLock { value: <locked>, waiters: 1 }");
    assert_eq!(format!("{writes:?}"), "2");
    drop(writes);
    drop(w);
    assert_eq!(format!("{:?}", hand.gets("r", &mut r)), "2");
    drop(r);
    assert_eq!((lock.into_inner(), RwLock::<u8>::default().into_inner()), (2, 0));
}

#[test]
fn the_value_may_be_unsized() {
    let lock: Rc<RwLock<[i32]>> = Rc::new(RwLock::new([1, 2]));
    lock.try_write().unwrap()[0] = 7;
    assert_eq!(*lock.try_read().unwrap(), [7, 2]);
}
