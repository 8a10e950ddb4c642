//! What wakes tasks without a value.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use taketurns::sync::{Event, Notify};
use taketurns::{block_on, spawn, yield_now};

use crate::common::Trace;
use crate::scripted::Script;
use crate::wakers::{Poller, poll_with};

#[test]
fn set_wakes_all_that_wait_in_order_even_if_it_is_cleared_at_once() {
    let trace = Trace::new();
    block_on(async {
        let event = Rc::new(Event::new());
        for name in ["a", "b", "c"] {
            let (tell, event) = (trace.clone(), Rc::clone(&event));
            spawn(async move {
                for _ in 0..2 {
                    event.wait().await;
                    tell.push(name);
                }
            })
            .detach();
        }
        yield_now().await;
        event.set();
        event.clear();
        yield_now().await;
        assert_eq!(trace.take(), "a b c", "and each waits again");
        event.set();
        yield_now().await;
        assert!(event.is_set());
        event.wait().await;
    });
    assert_eq!(trace.take(), "a b c");
}

#[test]
fn an_event_gives_the_waker_of_a_dropped_waiter_back_and_wakes_the_others() {
    let (first, second) = (Poller::default(), Poller::default());
    let event = Event::default();
    let (mut a, mut b) = (event.wait(), event.wait());
    assert!(first.poll(&mut a).is_pending() && second.poll(&mut b).is_pending());
    drop(a);
    assert_eq!(first.kept(), 0);
    event.set();
    assert_eq!((first.woken(), second.woken(), second.kept()), (0, 1, 0));
    event.clear();
    assert!(second.poll(&mut b).is_ready());
    assert!(first.poll(&mut event.wait()).is_pending());
}

#[test]
fn a_waker_that_sets_or_clears_the_event_leaves_it_in_order() {
    let event = Rc::new(Event::new());
    let (script, poller) = (Rc::new(Script::default()), Poller::default());
    let sets = Rc::clone(&event);
    script.on_clone.set(Some(Box::new(move || sets.set())));
    assert!(poll_with(&script.waker(), &mut event.wait()).is_ready());
    event.clear();
    let (mut a, mut b) = (event.wait(), event.wait());
    assert!(poll_with(&script.waker(), &mut a).is_pending());
    assert!(poller.poll(&mut b).is_pending());
    let clears = Rc::clone(&event);
    script.on_wake.set(Some(Box::new(move || {
        clears.clear();
        panic!("in its wake");
    })));
    event.set();
    assert_eq!(poller.woken(), 1, "neither the panic nor `clear` takes the wake away");
    assert!(poller.poll(&mut b).is_ready() && poller.poll(&mut a).is_ready());
}

#[test]
fn debug_shows_how_many_wait() {
    let (event, notify, poller) = (Event::new(), Notify::default(), Poller::default());
    let (mut waits, mut notified) = (event.wait(), notify.notified());
    assert!(poller.poll(&mut waits).is_pending() && poller.poll(&mut notified).is_pending());
    assert_eq!(format!("{event:?}"), "Event { is_set: false, waiting: 1 }");
    assert_eq!(format!("{notify:?}"), "Notify { is_stored: false, waiting: 1 }");
}

#[test]
fn notify_one_stores_one_notification_and_no_more() {
    let (notify, poller) = (Notify::new(), Poller::default());
    notify.notify_one();
    notify.notify_one();
    assert!(poller.poll(&mut notify.notified()).is_ready());
    assert!(poller.poll(&mut notify.notified()).is_pending());
    notify.notify_waiters();
    assert!(poller.poll(&mut notify.notified()).is_pending(), "it stores nothing");
}

#[test]
fn notify_one_goes_in_order_and_notify_waiters_to_all() {
    let trace = Trace::new();
    block_on(async {
        let notify = Rc::new(Notify::new());
        for name in ["a", "b", "c"] {
            let (tell, notify) = (trace.clone(), Rc::clone(&notify));
            spawn(async move {
                for _ in 0..2 {
                    notify.notified().await;
                    tell.push(name);
                }
            })
            .detach();
        }
        yield_now().await;
        notify.notify_one();
        yield_now().await;
        assert_eq!(trace.take(), "a");
        notify.notify_waiters();
        yield_now().await;
        assert_eq!(trace.take(), "b c a");
        notify.notify_one();
        notify.notify_one();
        yield_now().await;
        assert_eq!(trace.take(), "b c");
    });
}

#[test]
fn a_dropped_future_hands_its_notification_on_or_stores_it() {
    let (first, second) = (Poller::default(), Poller::default());
    let notify = Notify::new();
    let (mut a, mut b) = (notify.notified(), notify.notified());
    assert!(first.poll(&mut a).is_pending() && second.poll(&mut b).is_pending());
    notify.notify_one();
    drop(a);
    assert_eq!((first.woken(), second.woken()), (1, 1));
    drop(b);
    assert!(first.poll(&mut notify.notified()).is_ready(), "it was stored");

    let (mut a, mut b) = (notify.notified(), notify.notified());
    assert!(first.poll(&mut a).is_pending() && second.poll(&mut b).is_pending());
    notify.notify_waiters();
    drop(a);
    drop(b);
    assert!(first.poll(&mut notify.notified()).is_pending(), "that of `notify_waiters` is not");
    let mut a = notify.notified();
    assert!(first.poll(&mut a).is_pending());
    drop(a);
    assert_eq!(first.kept(), 0);
    assert!(first.poll(&mut notify.notified()).is_pending(), "it had none");
}

#[test]
fn waits_that_are_ready_spend_the_budget_and_panic_when_polled_again() {
    block_on(async {
        let (event, notify) = (Event::new(), Notify::new());
        event.set();
        for _ in 0..64 {
            assert!(taketurns::task::has_budget());
            event.wait().await;
            notify.notify_one();
            notify.notified().await;
        }
        assert!(!taketurns::task::has_budget());
    });
    let (event, notify, poller) = (Event::new(), Notify::new(), Poller::default());
    event.set();
    notify.notify_one();
    let (mut waits, mut notified) = (event.wait(), notify.notified());
    assert!(poller.poll(&mut waits).is_ready() && poller.poll(&mut notified).is_ready());
    catch_unwind(AssertUnwindSafe(|| _ = poller.poll(&mut waits))).unwrap_err();
    catch_unwind(AssertUnwindSafe(|| _ = poller.poll(&mut notified))).unwrap_err();
}

async fn spend_the_budget() {
    while taketurns::task::has_budget() {
        taketurns::task::consume_budget().await;
    }
}

/// A future takes part from its first poll on, even if that poll finds no budget.
#[test]
fn a_wait_that_begins_without_budget_misses_no_wake() {
    taketurns::block_on(async {
        let (notify, event) = (Rc::new(Notify::new()), Rc::new(Event::new()));
        let (notified, waited) = (Rc::clone(&notify), Rc::clone(&event));
        let waits = [
            taketurns::spawn(async move {
                spend_the_budget().await;
                notified.notified().await;
            }),
            taketurns::spawn(async move {
                spend_the_budget().await;
                waited.wait().await;
            }),
        ];
        taketurns::yield_now().await;
        notify.notify_waiters();
        event.set();
        event.clear();
        for wait in waits {
            wait.await.unwrap();
        }
    });
}

#[test]
fn a_notification_that_is_owed_to_a_future_without_budget_goes_on_when_that_is_dropped() {
    taketurns::block_on(async {
        let notify = Notify::new();
        notify.notify_one();
        spend_the_budget().await;
        let mut first = Box::pin(notify.notified());
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        notify.notified().await;
    });
}
