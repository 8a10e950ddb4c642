//! A cancellation token, which any thread may cancel, against what the other threads do with it.

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::{AtomicUsize, Ordering, UNBOUNDED, bounded_twice, executor, model, thread};
use crate::group::cancel::CancellationToken;

/// A waker that counts its wakes.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A task registers here while the other thread cancels. It is woken if it does not see the cancellation, and what the thread
/// wrote before is visible then.
///
/// Unbounded: two threads.
#[test]
fn cancel_against_registration() {
    model(UNBOUNDED, || {
        let token = CancellationToken::new();
        let written = Arc::new(AtomicUsize::new(0));
        let (cancels, writes) = (token.clone(), Arc::clone(&written));
        let away = thread::spawn(move || {
            writes.store(1, Ordering::Relaxed);
            cancels.cancel("enough");
        });
        let reason = executor().block_on(token.cancelled());
        assert_eq!(reason.as_str(), "enough");
        assert_eq!(written.load(Ordering::Relaxed), 1);
        away.join().unwrap();
    });
}

/// Two threads cancel while a task here waits. All agree on one reason.
///
/// Three preemptions: one for each cancel, one between the registration here and the park.
#[test]
fn cancel_against_cancel() {
    model(bounded_twice(3, 4), || {
        let token = CancellationToken::new();
        let away = ["first", "second"].map(|reason| {
            let token = token.clone();
            thread::spawn(move || {
                token.cancel(reason);
                token.reason().unwrap()
            })
        });
        let reason = executor().block_on(token.cancelled());
        for thread in away {
            assert_eq!(thread.join().unwrap(), reason);
        }
    });
}

/// A wait is given up here while the other thread cancels. Its waker is given back at once or was taken to be woken, and the
/// other wait is woken once.
///
/// Unbounded: two threads.
#[test]
fn cancel_against_drop_of_a_waiter() {
    model(UNBOUNDED, || {
        let token = CancellationToken::new();
        let wakers = [(); 2].map(|()| Arc::new(Counts::default()));
        let [first, second] = wakers.clone().map(Waker::from);
        let mut stays = Box::pin(token.clone().cancelled_owned());
        {
            let mut given_up = pin!(token.cancelled());
            let mut poll = |waker| given_up.as_mut().poll(&mut Context::from_waker(waker));
            assert!(poll(&first).is_pending());
            assert!(stays.as_mut().poll(&mut Context::from_waker(&second)).is_pending());
        }
        drop(first);
        assert_eq!(Arc::strong_count(&wakers[0]), 1, "the waker was given back");
        let mut given_up = Box::pin(token.cancelled());
        let third = Waker::from(Arc::clone(&wakers[0]));
        assert!(given_up.as_mut().poll(&mut Context::from_waker(&third)).is_pending());
        let cancels = token.clone();
        let away = thread::spawn(move || cancels.cancel("enough"));
        drop(given_up);
        away.join().unwrap();
        assert_eq!(wakers[1].0.load(Ordering::Relaxed), 1);
        assert!(wakers[0].0.load(Ordering::Relaxed) <= 1);
    });
}

/// A child is made here while the other thread cancels the parent. The child is cancelled too, before or after, and a task
/// that waits for it is woken.
///
/// Unbounded: two threads.
#[test]
fn cancel_against_a_new_child() {
    model(UNBOUNDED, || {
        let parent = CancellationToken::new();
        let cancels = parent.clone();
        let away = thread::spawn(move || cancels.cancel("enough"));
        let child = parent.child_token();
        drop(parent);
        let reason = executor().block_on(child.cancelled());
        assert_eq!(reason.as_str(), "enough");
        away.join().unwrap();
    });
}

/// A token is dropped here, which hands its child to the grandparent, while the other thread cancels that. The child is
/// cancelled, wherever it is.
///
/// Unbounded: two threads.
#[test]
fn cancel_against_drop_of_a_child() {
    model(UNBOUNDED, || {
        let grandparent = CancellationToken::new();
        let parent = grandparent.child_token();
        let child = parent.child_token();
        let away = thread::spawn(move || grandparent.cancel("enough"));
        drop(parent);
        let reason = executor().block_on(child.cancelled());
        assert_eq!(reason.as_str(), "enough");
        away.join().unwrap();
    });
}

/// No thread sees a parent cancelled and its child not.
///
/// Unbounded: two threads.
#[test]
fn parent_and_child_at_once() {
    model(UNBOUNDED, || {
        let parent = CancellationToken::new();
        let child = parent.child_token();
        let cancels = parent.clone();
        let away = thread::spawn(move || cancels.cancel("enough"));
        if parent.is_cancelled() {
            assert!(child.is_cancelled());
        }
        away.join().unwrap();
        assert!(child.is_cancelled());
    });
}

/// The waker changes between two polls while the other thread cancels: the latest is woken, or the poll sees it.
///
/// Unbounded: two threads.
#[test]
fn cancel_against_another_waker() {
    model(UNBOUNDED, || {
        let token = CancellationToken::new();
        let latest = Arc::new(Counts::default());
        let mut waits = Box::pin(token.clone().cancelled_owned());
        let mut poll = |waker: Waker| waits.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll(Arc::new(Counts::default()).into()).is_pending());
        let away = thread::spawn(move || token.cancel("enough"));
        let polled = poll(Arc::clone(&latest).into());
        away.join().unwrap();
        let woken = latest.0.load(Ordering::Relaxed);
        assert_eq!(woken, usize::from(polled.is_pending()));
    });
}

/// The tree goes with its last token, on whichever thread that is.
///
/// Unbounded: two threads.
#[test]
fn last_token_against_last_token() {
    model(UNBOUNDED, || {
        let parent = CancellationToken::new();
        let child = parent.child_token();
        let away = thread::spawn(move || drop(parent));
        let mut waits = Box::pin(child.cancelled_owned());
        let mut polls = 0;
        executor().block_on(poll_fn(|cx| {
            polls += 1;
            assert!(waits.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        }));
        drop(waits);
        away.join().unwrap();
        assert_eq!(polls, 1);
    });
}
