//! Semaphore: order, weights, what is handed on, closing, zero, misuse.

use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use taketurns::sync::{Semaphore, TryAcquireError};
use taketurns::task::has_budget;
use taketurns::{block_on, spawn, yield_now};

use super::common::Trace;
use super::{Hand, Named, panic_of, poll_with};

#[test]
fn tasks_get_permits_in_the_order_in_which_they_asked() {
    let trace = Trace::new();
    block_on(async {
        let semaphore = Rc::new(Semaphore::new(2));
        let tasks = [1, 2, 3, 4, 5].map(|task| {
            let (semaphore, trace) = (Rc::clone(&semaphore), trace.clone());
            spawn(async move {
                let permit = semaphore.acquire().await.unwrap();
                trace.push(format!("{task}+"));
                yield_now().await;
                trace.push(format!("{task}-"));
                drop(permit);
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(semaphore.available_permits(), 2);
    });
    assert_eq!(trace.take(), "1+ 2+ 1- 2- 3+ 4+ 3- 4- 5+ 5-");
}

#[test]
fn a_future_that_comes_later_does_not_overtake() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(3));
    let (mut a, mut b, mut c) =
        (semaphore.acquire_many(5), semaphore.acquire(), semaphore.acquire_many(2));
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    hand.waits("c", &mut c);
    let refused = semaphore.try_acquire().unwrap_err();
    assert_eq!(refused, TryAcquireError::NoPermits);
    assert_eq!(refused.to_string(), "too few permits are free, or a future waits for them");
    assert_eq!(semaphore.available_permits(), 3);
    semaphore.add_permits(1);
    assert_eq!(hand.woken(), "");
    semaphore.add_permits(2);
    assert_eq!((hand.woken(), semaphore.available_permits()), ("a b".into(), 0));
    let a = hand.gets("a", &mut a).unwrap();
    hand.waits("c", &mut c);
    drop(a);
    assert_eq!((hand.woken(), semaphore.available_permits()), ("c".into(), 3));
    // No line stands, so the next to come is served at once.
    assert_eq!(hand.gets("d", &mut semaphore.acquire_many(3)).unwrap().permits(), 3);
}

/// embassy-rs/embassy#6964.
#[test]
fn if_the_front_leaves_those_behind_it_that_fit_go_on_at_once() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(3));
    let (mut a, mut b, mut c, mut d) = (
        semaphore.acquire_many(5),
        semaphore.acquire(),
        semaphore.acquire_many(2),
        semaphore.acquire(),
    );
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    hand.waits("c", &mut c);
    hand.waits("d", &mut d);
    drop(a);
    assert_eq!(hand.woken(), "b c");
    let _permits = (hand.gets("b", &mut b), hand.gets("c", &mut c));
    hand.waits("d", &mut d);
}

#[test]
fn if_a_future_leaves_from_the_middle_the_others_keep_their_order() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(0));
    let [mut a, mut b, mut c] = [(); 3].map(|()| semaphore.acquire());
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    hand.waits("c", &mut c);
    drop(b);
    assert_eq!(hand.woken(), "");
    semaphore.add_permits(1);
    semaphore.add_permits(1);
    assert_eq!(hand.woken(), "a c");
}

/// python/asyncio#270, python/cpython#90155.
#[test]
fn a_future_that_is_dropped_after_its_grant_hands_it_on() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(0));
    let (mut a, mut b, mut c) =
        (semaphore.acquire_many(3), semaphore.acquire(), semaphore.acquire());
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    hand.waits("c", &mut c);
    semaphore.add_permits(3);
    assert_eq!(hand.woken(), "a");
    drop(a);
    assert_eq!((hand.woken(), semaphore.available_permits()), ("b c".into(), 1));
    drop((b, c));
    assert_eq!((hand.woken(), semaphore.available_permits()), (String::new(), 3));
}

/// tokio-rs/tokio#7884, #8095.
#[test]
fn a_dropped_future_gives_its_waker_back_at_once() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(0));
    for granted in [0, 1] {
        let counted = Arc::new(Named("counted", hand.clone()));
        let mut future = semaphore.acquire();
        assert!(poll_with(&Arc::clone(&counted).into(), &mut future).is_pending());
        assert_eq!(Arc::strong_count(&counted), 2);
        semaphore.add_permits(granted);
        drop(future);
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}

/// tokio-rs/tokio#8020.
#[test]
fn closed_stays_closed() {
    let hand = Hand::default();
    let semaphore = Rc::new(Semaphore::new(10));
    let permit = semaphore.try_acquire().unwrap();
    semaphore.close();
    assert_eq!(semaphore.forget_permits(4), 4);
    let is_closed = || {
        assert!(semaphore.is_closed());
        for permits in [0, 1, 2] {
            let error = hand.gets("a", &mut semaphore.acquire_many(permits)).unwrap_err();
            assert_eq!(error.to_string(), "the semaphore is closed");
            hand.gets("a", &mut semaphore.acquire_many_owned(permits)).unwrap_err();
            let refused = semaphore.try_acquire_many(permits).unwrap_err();
            assert_eq!(refused, TryAcquireError::Closed);
            assert_eq!(refused.to_string(), "the semaphore is closed");
        }
    };
    is_closed();
    drop(permit);
    assert_eq!(semaphore.available_permits(), 6);
    is_closed();
    semaphore.add_permits(5);
    is_closed();
    semaphore.close();
    assert_eq!(semaphore.forget_permits(20), 11);
    is_closed();
}

#[test]
fn close_wakes_all_in_order_and_leaves_what_was_granted() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(0));
    let [mut a, mut b, mut c, mut d] = [(); 4].map(|()| semaphore.acquire());
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    hand.waits("c", &mut c);
    hand.waits("d", &mut d);
    semaphore.add_permits(2);
    assert_eq!(hand.woken(), "a b");
    semaphore.close();
    assert_eq!(hand.woken(), "c d");
    drop(hand.gets("a", &mut a).unwrap());
    hand.gets("c", &mut c).unwrap_err();
    drop((b, d));
    assert_eq!((hand.woken(), semaphore.available_permits()), (String::new(), 2));
}

/// tokio-rs/tokio#8076 and beyond.
#[test]
fn zero_is_defined() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(0));
    drop(hand.gets("nothing", &mut semaphore.acquire_many(0)).unwrap());
    let mut a = semaphore.acquire();
    hand.waits("a", &mut a);
    // Nothing never waits, though a line stands.
    let nothing = hand.gets("nothing", &mut semaphore.acquire_many(0)).unwrap();
    assert_eq!((nothing.permits(), semaphore.try_acquire_many(0).unwrap().permits()), (0, 0));
    drop(nothing);
    semaphore.add_permits(0);
    assert_eq!((hand.woken(), semaphore.available_permits()), (String::new(), 0));
    semaphore.add_permits(1);
    assert_eq!(hand.woken(), "a");
}

#[test]
fn permits_are_split_merged_and_forgotten() {
    let semaphore = Rc::new(Semaphore::new(5));
    let mut all = semaphore.try_acquire_many(5).unwrap();
    assert!(all.split(6).is_none());
    let two = all.split(2).unwrap();
    assert_eq!((all.permits(), two.permits()), (3, 2));
    two.forget();
    let one = all.split(1).unwrap();
    all.merge(one);
    assert_eq!((all.permits(), semaphore.available_permits()), (3, 0));
    drop(all);
    assert_eq!(semaphore.available_permits(), 3);

    let mut one = semaphore.try_acquire_owned().unwrap();
    one.merge(semaphore.try_acquire_many_owned(2).unwrap());
    assert_eq!(Rc::strong_count(&semaphore), 2);
    one.split(1).unwrap().forget();
    drop(one);
    assert_eq!((Rc::strong_count(&semaphore), semaphore.available_permits()), (1, 2));
}

#[test]
fn an_owned_permit_goes_to_another_task() {
    let trace = Trace::new();
    block_on(async {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.acquire_owned().await.unwrap();
        let told = trace.clone();
        spawn(async move {
            told.push("holds");
            drop(permit);
        })
        .detach();
        let _permit = semaphore.acquire().await.unwrap();
        trace.push("next");
    });
    assert_eq!(trace.take(), "holds next");
}

#[test]
fn misuse_is_told() {
    let max = Semaphore::MAX_PERMITS;
    assert_eq!(max, usize::MAX >> 3);
    let many = "more than `Semaphore::MAX_PERMITS` permits";
    let semaphore = Semaphore::new(max);
    assert_eq!(panic_of(|| Semaphore::new(max + 1)), many);
    assert_eq!(panic_of(|| semaphore.add_permits(1)), many);
    let never = format!("{many} are never there: ask for fewer");
    assert_eq!(panic_of(|| semaphore.acquire_many(max + 1)), never);
    assert_eq!(panic_of(|| semaphore.try_acquire_many(usize::MAX)), never);
    assert_eq!(semaphore.try_acquire_many(max).unwrap().permits(), max);
    let other = Semaphore::new(1);
    let text = panic_of(|| {
        semaphore.try_acquire().unwrap().merge(other.try_acquire().unwrap());
    });
    assert_eq!(text, "permits of two semaphores cannot be merged: keep them apart");
    assert_eq!((semaphore.available_permits(), other.available_permits()), (max, 1));

    let mut done = semaphore.acquire_many(3);
    let line = line!() - 1;
    drop(Hand::default().gets("a", &mut done));
    let text = panic_of(|| Hand::default().poll("a", &mut done));
    let site = format!("{}:{line}:", file!());
    let expected = format!("the `Semaphore::acquire_many(3)` at {site}");
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.ends_with("was polled after it was ready: make another"), "{text}");
}

#[test]
fn debug_shows_who_waits() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(1));
    let mut a = semaphore.acquire_many(2);
    assert!(format!("{a:?}").starts_with("Acquire { state: not in line, site: "), "{a:?}");
    hand.waits("a", &mut a);
    assert!(format!("{a:?}").starts_with("Acquire { state: in line, site: "), "{a:?}");
    let expected = "Semaphore { available_permits: 1, is_closed: false, waiters: 1 }";
    assert_eq!(format!("{semaphore:?}"), expected);
    semaphore.add_permits(1);
    assert!(format!("{a:?}").starts_with("Acquire { state: woken, site: "), "{a:?}");
    assert!(format!("{a:?}").ends_with(", permits: 2 }"), "{a:?}");
    let permit = hand.gets("a", &mut a).unwrap();
    assert_eq!(format!("{permit:?}"), "Permit { permits: 2 }");
    assert!(format!("{a:?}").starts_with("Acquire { state: done, site: "), "{a:?}");
}

#[test]
fn a_permit_that_is_always_there_spends_the_budget() {
    block_on(async {
        let semaphore = Semaphore::new(1);
        for _ in 0..128 {
            assert!(has_budget());
            drop(semaphore.acquire().await.unwrap());
        }
        assert!(!has_budget());
        assert!(semaphore.acquire().now_or_never().is_none());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn it_works_under_another_executor_and_under_none() {
    let semaphore = Rc::new(Semaphore::new(1));
    let permit = semaphore.acquire().now_or_never().unwrap().unwrap();
    assert!(semaphore.acquire().now_or_never().is_none());
    drop(permit);

    let (trace, mut pool) = (Trace::new(), LocalPool::new());
    for task in 1..=3 {
        let (semaphore, trace) = (Rc::clone(&semaphore), trace.clone());
        let task = async move {
            let _permit = semaphore.acquire().await.unwrap();
            trace.push(format!("{task}+"));
            yield_now().await;
            trace.push(format!("{task}-"));
        };
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run();
    assert_eq!(trace.take(), "1+ 1- 2+ 2- 3+ 3-");
}
