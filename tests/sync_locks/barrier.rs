//! Barrier: futures that pass together, again and again.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use taketurns::sync::Barrier;
use taketurns::{block_on, spawn, yield_now};

use super::common::Trace;
use super::scripted::Script;
use super::{Hand, panic_of, poll_with};

#[test]
fn tasks_pass_together_the_last_as_leader_and_again() {
    let trace = Trace::new();
    block_on(async {
        let barrier = Rc::new(Barrier::new(3));
        let tasks = [1, 2, 3].map(|task| {
            let (barrier, trace) = (Rc::clone(&barrier), trace.clone());
            spawn(async move {
                for _ in 0..2 {
                    for _ in 0..task {
                        yield_now().await;
                    }
                    let leads = if barrier.wait().await.is_leader() { "!" } else { "" };
                    trace.push(format!("{task}{leads}"));
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.take(), "3! 1 2 3! 1 2");
}

#[test]
fn a_future_that_is_dropped_does_not_count() {
    let (hand, barrier) = (Hand::default(), Barrier::new(3));
    let (mut a, mut b, mut c, mut d) =
        (barrier.wait(), barrier.wait(), barrier.wait(), barrier.wait());
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    drop(b);
    hand.waits("c", &mut c);
    assert_eq!(format!("{barrier:?}"), "Barrier { parties: 3, waiters: 2 }");
    assert!(hand.gets("d", &mut d).is_leader());
    assert_eq!((hand.woken(), format!("{barrier:?}").contains("waiters: 0")), ("a c".into(), true));
    // It has passed, so that changes nothing for the others.
    drop(a);
    assert!(!hand.gets("c", &mut c).is_leader());
}

#[test]
fn a_barrier_for_none_or_one_never_waits() {
    for parties in [0, 1] {
        let barrier = Barrier::new(parties);
        for _ in 0..3 {
            assert!(barrier.wait().now_or_never().unwrap().is_leader());
        }
        assert_eq!(format!("{barrier:?}"), "Barrier { parties: 1, waiters: 0 }");
    }
}

#[test]
fn a_waker_that_waits_again_is_counted_for_the_next_time() {
    let (hand, barrier) = (Hand::default(), &*Box::leak(Box::new(Barrier::new(3))));
    let again = Rc::new(RefCell::new([(); 2].map(|()| barrier.wait())));
    let script = Rc::new(Script::default());
    let (mut a, mut b, mut c) = (barrier.wait(), barrier.wait(), barrier.wait());
    assert!(poll_with(&script.waker(), &mut a).is_pending());
    hand.waits("b", &mut b);
    let (waits, wakes) = (Rc::clone(&again), hand.clone());
    script.on_wake.set(Some(Box::new(move || {
        let [x, y] = &mut *waits.borrow_mut();
        wakes.waits("x", x);
        wakes.waits("y", y);
    })));
    assert!(hand.gets("c", &mut c).is_leader());
    assert_eq!(hand.woken(), "b");
    assert!(hand.gets("z", &mut barrier.wait()).is_leader());
    assert_eq!(hand.woken(), "x y");
    assert!(!hand.gets("a", &mut a).is_leader());
}

#[test]
fn a_waker_whose_clone_brings_the_last_makes_its_own_future_the_leader() {
    let (hand, barrier) = (Hand::default(), &*Box::leak(Box::new(Barrier::new(2))));
    let script = Rc::new(Script::default());
    let other = Rc::new(RefCell::new(barrier.wait()));
    let (waits, wakes) = (Rc::clone(&other), hand.clone());
    script.on_clone.set(Some(Box::new(move || wakes.waits("other", &mut *waits.borrow_mut()))));
    let mut wait = barrier.wait();
    let std::task::Poll::Ready(result) = poll_with(&script.waker(), &mut wait) else {
        panic!("both have come");
    };
    assert!(result.is_leader());
    assert_eq!((hand.woken(), Rc::strong_count(&script)), ("other".into(), 1));
}

#[test]
fn a_wait_polled_after_it_was_ready_says_so() {
    let barrier = Barrier::new(1);
    let mut wait = barrier.wait();
    assert!(Hand::default().gets("a", &mut wait).is_leader());
    let text = panic_of(|| Hand::default().poll("a", &mut wait));
    assert!(text.starts_with("the `Barrier::wait()` at "), "{text}");
}
