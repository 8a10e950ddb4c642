//! The latest value.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use taketurns::sync::{Closed, SendError, watch};
use taketurns::{block_on, spawn, yield_now};

use crate::common::Trace;
use crate::wakers::Poller;

#[test]
fn each_receiver_sees_the_latest_value_once() {
    let trace = Trace::new();
    block_on(async {
        let (sender, receiver) = watch::channel(0);
        for name in ["a", "b"] {
            let (tell, mut receiver) = (trace.clone(), receiver.clone());
            spawn(async move {
                while receiver.changed().await.is_ok() {
                    tell.push(format!("{name}{}", *receiver.borrow()));
                }
                tell.push(format!("{name}-end"));
            })
            .detach();
        }
        yield_now().await;
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        yield_now().await;
        assert_eq!(trace.take(), "a2 b2");
        sender.send_modify(|value| *value += 1);
        assert!(!sender.send_if_modified(|_| false));
        yield_now().await;
        assert_eq!(trace.take(), "a3 b3");
        sender.send(4).unwrap();
        drop(sender);
        yield_now().await;
    });
    assert_eq!(trace.take(), "a4 a-end b4 b-end", "the last value first");
}

#[test]
fn what_is_seen_is_told_apart_from_what_is_borrowed() {
    let (sender, mut receiver) = watch::channel(0);
    sender.send(1).unwrap();
    assert!(*receiver.borrow() == 1 && receiver.has_changed());
    assert!(*receiver.borrow_and_update() == 1 && !receiver.has_changed());
    assert!(sender.send_if_modified(|value| std::mem::replace(value, 2) == 1));
    assert!(receiver.has_changed() && !sender.subscribe().has_changed());
    assert!(receiver.clone().has_changed());
    receiver.borrow_and_update();
    assert!(!sender.send_if_modified(|_| false) && !receiver.has_changed());
    assert_eq!(*sender.borrow(), 2);
}

#[test]
fn wait_for_looks_at_the_value_that_is_there_and_ends_with_the_senders() {
    block_on(async {
        let (sender, mut receiver) = watch::channel(1);
        assert_eq!(receiver.wait_for(|&value| value == 1).await.map(|value| *value), Ok(1));
        let task = spawn(async move {
            let reached = receiver.wait_for(|&value| value >= 3).await.map(|value| *value);
            (reached, receiver.wait_for(|&value| value >= 9).await.map(|value| *value))
        });
        for value in 2..=4 {
            sender.send(value).unwrap();
            yield_now().await;
        }
        drop(sender);
        assert_eq!(task.await.unwrap(), (Ok(3), Err(Closed)));
    });
}

#[test]
fn a_value_for_no_receiver_comes_back_and_closed_ends() {
    let poller = Poller::default();
    let (sender, receiver) = watch::channel(0);
    let other = receiver.clone();
    let mut closed = sender.closed();
    assert!(poller.poll(&mut closed).is_pending());
    drop(receiver);
    assert_eq!(poller.woken(), 0);
    drop(other);
    assert_eq!((poller.woken(), poller.kept()), (1, 0));
    assert!(poller.poll(&mut closed).is_ready());
    assert_eq!(sender.send(1), Err(SendError(1)));
    let receiver = sender.subscribe();
    assert_eq!((sender.send(2), *receiver.borrow()), (Ok(()), 2));
}

#[test]
fn a_dropped_waiter_gives_its_waker_back_and_loses_nothing() {
    let poller = Poller::default();
    let (sender, mut receiver) = watch::channel(0);
    let mut changed = receiver.changed();
    let mut closed = sender.closed();
    assert!(poller.poll(&mut changed).is_pending() && poller.poll(&mut closed).is_pending());
    sender.send(1).unwrap();
    assert_eq!((poller.woken(), poller.kept()), (1, 1));
    drop((changed, closed));
    assert_eq!(poller.kept(), 0);
    assert_eq!(poller.poll(&mut receiver.changed()), Poll::Ready(Ok(())));
    let mut changed = receiver.changed();
    assert!(poller.poll(&mut changed).is_pending());
    drop(changed);
    assert_eq!(poller.kept(), 0);
}

/// The text of the panic of `f`.
fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    panic.downcast_ref::<&str>().unwrap().to_string()
}

#[test]
fn a_use_while_the_value_is_borrowed_panics_with_the_remedy() {
    let (sender, receiver) = watch::channel(0);
    let held = receiver.borrow();
    assert!(panic_of(|| sender.send(1).unwrap()).contains("drop what `borrow` returned"));
    drop(held);
    let in_closure = panic_of(|| sender.send_modify(|_| assert_eq!(*receiver.borrow(), 0)));
    assert!(in_closure.contains("use the value that the closure is given"));
    let twice = panic_of(|| sender.send_modify(|_| sender.send_modify(|_| {})));
    assert!(twice.contains("do not send in the closure"));
    assert!(!receiver.has_changed());
    sender.send(1).unwrap();
    assert_eq!(*receiver.borrow(), 1, "it still works");
}

/// Sends again when it is dropped, once.
struct SendsAgain(Rc<RefCell<Option<watch::Sender<Option<SendsAgain>>>>>);

impl Drop for SendsAgain {
    fn drop(&mut self) {
        let sender = self.0.borrow_mut().take();
        if let Some(sender) = sender {
            sender.send(None).ok().unwrap();
        }
    }
}

#[test]
fn a_value_that_is_replaced_may_send_in_its_destructor() {
    let (sender, receiver) = watch::channel(None);
    let again = Rc::new(RefCell::new(Some(sender.clone())));
    sender.send(Some(SendsAgain(Rc::clone(&again)))).ok().unwrap();
    sender.send(Some(SendsAgain(Rc::default()))).ok().unwrap();
    assert!(again.borrow().is_none() && receiver.borrow().is_none());
}

#[test]
fn changes_that_are_ready_spend_the_budget() {
    block_on(async {
        let (sender, mut receiver) = watch::channel(0);
        for value in 0..64 {
            assert!(taketurns::task::has_budget());
            sender.send(value).unwrap();
            receiver.changed().await.unwrap();
            receiver.wait_for(|_| true).await.unwrap();
        }
        assert!(!taketurns::task::has_budget());
    });
}

#[test]
fn debug_shows_how_many_wait() {
    let poller = Poller::default();
    let (sender, mut receiver) = watch::channel(0);
    let mut waits = receiver.changed();
    assert!(poller.poll(&mut waits).is_pending());
    let shown = "Sender { version: 0, senders: 1, receivers: 1, waiting: 1, .. }";
    assert_eq!(format!("{sender:?}"), shown);
}
