//! A set of children in one task, woken from another thread.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{AtomicUsize, Ordering, UNBOUNDED, bounded, executor, model, thread};
use crate::group::ready_set::{ReadySet, Step};

/// Polls the children of `set` in turns of this task, until `is_done` says of each that it is. Each leaves its waker in
/// `wakers` at its first poll. A child is polled only when it was woken, so a lost wake is a deadlock.
async fn until_done(
    set: &mut ReadySet,
    wakers: &RefCell<Vec<Waker>>,
    mut is_done: impl FnMut(usize) -> bool,
) {
    let mut left = wakers.borrow().capacity();
    poll_fn(|cx| {
        let turn = set.turn(cx, |child, cx| {
            if wakers.borrow().len() <= child {
                wakers.borrow_mut().push(cx.waker().clone());
            }
            match is_done(child) {
                true => {
                    left -= 1;
                    Step::Ended
                }
                false => Step::<()>::Pending,
            }
        });
        assert!(turn.is_pending());
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn poll_each_once(set: &mut ReadySet, wakers: &RefCell<Vec<Waker>>) {
    let mut turn = pin!(until_done(set, wakers, |_| false));
    poll_fn(|cx| {
        assert!(turn.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Another thread wakes a child twice. The poll sees what was written before each wake, also before one that found the
/// other on its way.
///
/// Four preemptions: two for the wakes, two for home.
#[test]
fn two_wakes_against_turn_of_a_set() {
    model(bounded(4), || {
        let executor = executor();
        let mut set = ReadySet::new();
        let step = Arc::new(AtomicUsize::new(0));
        assert_eq!(set.add(), 0);
        let wakers = RefCell::new(Vec::with_capacity(1));
        executor.block_on(async {
            poll_each_once(&mut set, &wakers).await;
            let waker = wakers.borrow()[0].clone();
            let written = Arc::clone(&step);
            let away = thread::spawn(move || {
                written.store(1, Ordering::Relaxed);
                waker.wake_by_ref();
                written.store(2, Ordering::Relaxed);
                waker.wake();
            });
            until_done(&mut set, &wakers, |_| step.load(Ordering::Relaxed) == 2).await;
            away.join().unwrap();
        });
    });
}

/// Home wakes one child while another thread wakes the other. Neither wake is lost.
///
/// Three preemptions: one before the push, one between the push and the wake of the parent, one for home.
#[test]
fn wake_of_a_sibling_against_turn_of_a_set() {
    model(bounded(3), || {
        let executor = executor();
        let mut set = ReadySet::new();
        let step = Arc::new(AtomicUsize::new(0));
        assert_eq!([set.add(), set.add()], [0, 1]);
        let wakers = RefCell::new(Vec::with_capacity(2));
        executor.block_on(async {
            poll_each_once(&mut set, &wakers).await;
            let [here, there] = [0, 1].map(|child| wakers.borrow()[child].clone());
            let written = Arc::clone(&step);
            let away = thread::spawn(move || {
                written.store(1, Ordering::Relaxed);
                there.wake();
            });
            here.wake();
            let is_done = |child| child == 0 || step.load(Ordering::Relaxed) == 1;
            until_done(&mut set, &wakers, is_done).await;
            away.join().unwrap();
        });
    });
}

/// The set is dropped while another thread wakes a child of it. The parent's waker is dropped once, on either thread.
///
/// Unbounded: two threads, few steps.
#[test]
fn wake_against_drop_of_a_set() {
    model(UNBOUNDED, || {
        let executor = executor();
        let mut set = ReadySet::new();
        set.add();
        let wakers = RefCell::new(Vec::with_capacity(1));
        executor.block_on(async {
            poll_each_once(&mut set, &wakers).await;
            let waker = wakers.borrow_mut().pop().unwrap();
            let away = thread::spawn(move || waker.wake());
            drop(set);
            away.join().unwrap();
        });
    });
}
