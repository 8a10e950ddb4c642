//! Every value to every receiver.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use taketurns::sync::SendError;
use taketurns::sync::broadcast::{self, RecvError, TryRecvError};
use taketurns::{block_on, spawn, yield_now};

use crate::common::Trace;
use crate::wakers::Poller;

#[test]
fn every_receiver_gets_every_value_in_order() {
    let trace = Trace::new();
    block_on(async {
        let (sender, receiver) = broadcast::channel(8);
        drop(receiver);
        for name in ["a", "b"] {
            let (tell, mut receiver) = (trace.clone(), sender.subscribe());
            spawn(async move {
                while let Ok(value) = receiver.recv().await {
                    tell.push(format!("{name}{value}"));
                }
                tell.push(format!("{name}-end"));
            })
            .detach();
        }
        yield_now().await;
        assert_eq!((sender.send(1), sender.send(2)), (Ok(2), Ok(2)));
        yield_now().await;
        assert_eq!(trace.take(), "a1 a2 b1 b2");
        sender.send(3).unwrap();
        drop(sender);
        yield_now().await;
    });
    assert_eq!(trace.take(), "a3 a-end b3 b-end");
}

#[test]
fn a_receiver_that_lags_is_told_by_how_much_and_goes_on_with_the_oldest() {
    for capacity in 1..=5_u64 {
        for sent in 0..=12_u64 {
            let (sender, mut receiver) = broadcast::channel(capacity as usize);
            for value in 0..sent {
                sender.send(value).unwrap();
            }
            assert_eq!(receiver.len() as u64, sent);
            let missed = sent.saturating_sub(capacity);
            if missed > 0 {
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(missed)));
            }
            for value in missed..sent {
                assert_eq!(receiver.try_recv(), Ok(value));
            }
            assert_eq!(
                (receiver.try_recv(), receiver.is_empty()),
                (Err(TryRecvError::Empty), true)
            );
            drop(sender);
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        }
    }
}

#[test]
fn a_receiver_that_lags_later_is_told_how_many_it_missed_since_its_last_value() {
    let (sender, mut receiver) = broadcast::channel(2);
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    for value in 2..=4 {
        sender.send(value).unwrap();
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(3), Ok(4)));
}

#[test]
fn a_value_drops_when_the_last_receiver_has_it_or_goes() {
    let value = Rc::new(());
    let (sender, mut first) = broadcast::channel(4);
    let second = sender.subscribe();
    sender.send(Rc::clone(&value)).unwrap();
    sender.send(Rc::clone(&value)).unwrap();
    assert_eq!(Rc::strong_count(&value), 3);
    drop(first.try_recv().unwrap());
    assert_eq!(Rc::strong_count(&value), 3, "the second has not got it");
    drop(second);
    assert_eq!(Rc::strong_count(&value), 2, "the first has not got the other one");
    drop(first.try_recv().unwrap());
    assert_eq!(Rc::strong_count(&value), 1);
    drop(first);
    assert_eq!(sender.send(Rc::clone(&value)), Err(SendError(Rc::clone(&value))));
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_late_receiver_gets_only_what_is_sent_from_then_on() {
    let (sender, mut early) = broadcast::channel(4);
    sender.send(1).unwrap();
    let mut late = sender.subscribe();
    assert_eq!(sender.receiver_count(), 2);
    sender.send(2).unwrap();
    assert_eq!((early.try_recv(), early.try_recv()), (Ok(1), Ok(2)));
    assert_eq!((late.try_recv(), late.try_recv()), (Ok(2), Err(TryRecvError::Empty)));
}

#[test]
fn a_dropped_waiter_gives_its_waker_back_and_loses_nothing() {
    let (first, second) = (Poller::default(), Poller::default());
    let (sender, mut a) = broadcast::channel(2);
    let mut b = sender.subscribe();
    let (mut waits_a, mut waits_b) = (a.recv(), b.recv());
    assert!(first.poll(&mut waits_a).is_pending() && second.poll(&mut waits_b).is_pending());
    drop(waits_b);
    assert_eq!(second.kept(), 0);
    sender.send(1).unwrap();
    assert_eq!((first.woken(), second.woken()), (1, 0));
    drop(waits_a);
    assert_eq!(first.poll(&mut a.recv()), Poll::Ready(Ok(1)));
    assert_eq!(second.poll(&mut b.recv()), Poll::Ready(Ok(1)));
    let mut waits = a.recv();
    assert!(first.poll(&mut waits).is_pending());
    drop(sender);
    assert_eq!(first.poll(&mut waits), Poll::Ready(Err(RecvError::Closed)));
    catch_unwind(AssertUnwindSafe(|| _ = first.poll(&mut waits))).unwrap_err();
}

type Action = Option<Box<dyn FnOnce()>>;

/// Runs its action where it is cloned.
struct Scripted {
    on_clone: Rc<Cell<Action>>,
    count: Rc<()>,
}

impl Clone for Scripted {
    fn clone(&self) -> Self {
        if let Some(action) = self.on_clone.take() {
            action();
        }
        Scripted { on_clone: Rc::clone(&self.on_clone), count: Rc::clone(&self.count) }
    }
}

#[test]
fn a_clone_may_use_the_channel_and_panic() {
    let (sender, mut first) = broadcast::channel(1);
    let second = Rc::new(RefCell::new(Some(sender.subscribe())));
    let on_clone = Rc::new(Cell::new(None));
    let value = Scripted { on_clone: Rc::clone(&on_clone), count: Rc::new(()) };
    let count = Rc::clone(&value.count);
    sender.send(value.clone()).ok().unwrap();
    let (sends, other, again) = (sender.clone(), Rc::clone(&second), value.clone());
    on_clone.set(Some(Box::new(move || {
        // The second receiver is the last to get it, while the first one's clone is being made.
        let got = other.borrow_mut().as_mut().unwrap().try_recv();
        assert_eq!(Rc::strong_count(&got.unwrap_or_else(|_| panic!("got it")).count), 5);
        sends.send(again).ok().unwrap(); // overwrites it
    })));
    assert!(first.try_recv().is_ok());
    assert_eq!(Rc::strong_count(&count), 3, "two here, and the one in the ring");
    on_clone.set(Some(Box::new(|| panic!("in its clone"))));
    catch_unwind(AssertUnwindSafe(|| _ = first.try_recv())).unwrap_err();
    assert!(matches!(first.try_recv(), Err(TryRecvError::Empty)), "it has missed that one");
    second.take();
    assert_eq!(Rc::strong_count(&count), 2);
}

#[test]
fn a_value_whose_last_receiver_gets_it_during_a_clone_does_not_stay() {
    let (sender, mut first) = broadcast::channel(1);
    let second = RefCell::new(sender.subscribe());
    let on_clone = Rc::new(Cell::new(None));
    let value = Scripted { on_clone: Rc::clone(&on_clone), count: Rc::new(()) };
    let count = Rc::clone(&value.count);
    sender.send(value).ok().unwrap();
    on_clone.set(Some(Box::new(move || drop(second.borrow_mut().try_recv().ok().unwrap()))));
    assert!(first.try_recv().is_ok());
    assert_eq!(Rc::strong_count(&count), 1);
}

/// Sends when it is dropped.
struct SendsAgain(Rc<RefCell<Option<broadcast::Sender<Rc<SendsAgain>>>>>);

impl Drop for SendsAgain {
    fn drop(&mut self) {
        let sender = self.0.borrow_mut().take();
        if let Some(sender) = sender {
            drop(sender.send(Rc::new(SendsAgain(Rc::default()))));
        }
    }
}

#[test]
fn a_value_that_is_overwritten_or_left_may_send_in_its_destructor() {
    for drops_the_receiver in [false, true] {
        let (sender, receiver) = broadcast::channel(1);
        let again = Rc::new(RefCell::new(Some(sender.clone())));
        sender.send(Rc::new(SendsAgain(Rc::clone(&again)))).ok().unwrap();
        if drops_the_receiver {
            drop(receiver);
        } else {
            sender.send(Rc::new(SendsAgain(Rc::default()))).ok().unwrap();
            assert_eq!(receiver.len(), 3);
        }
        assert!(again.borrow().is_none());
    }
}

/// Runs its action where it is dropped.
struct OnDrop(Action);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

#[test]
fn what_the_destructor_of_a_left_value_sends_is_whole_for_the_other_receivers() {
    let (sender, first) = broadcast::channel(2);
    let (mut second, again) = (sender.subscribe(), sender.clone());
    let sends = Box::new(move || {
        for name in ["c", "d"] {
            again.send((name, None)).ok().unwrap();
        }
    });
    sender.send(("a", Some(Rc::new(OnDrop(Some(sends)))))).ok().unwrap();
    sender.send(("b", None)).ok().unwrap();
    assert_eq!(second.try_recv().ok().unwrap().0, "a");
    drop(first);
    // By now `c` and `d` are where `a` and `b` were.
    assert_eq!(second.try_recv().err(), Some(TryRecvError::Lagged(1)));
    assert_eq!([(); 2].map(|()| second.try_recv().ok().unwrap().0), ["c", "d"]);
}

#[test]
fn errors_say_what_happened() {
    let lagged = "the receiver was too slow, and missed 3 values";
    assert_eq!(RecvError::Lagged(3).to_string(), lagged);
    assert_eq!(TryRecvError::Lagged(3).to_string(), lagged);
    let closed = "the channel is closed, and nothing is left in it to receive";
    assert_eq!(RecvError::Closed.to_string(), closed);
    assert_eq!(TryRecvError::Closed.to_string(), closed);
    assert_eq!(TryRecvError::Empty.to_string(), "nothing is in the channel to receive yet");
}

#[test]
fn no_room_at_all_is_refused() {
    let refused = catch_unwind(|| broadcast::channel::<u8>(0)).unwrap_err();
    assert!(refused.downcast_ref::<&str>().unwrap().contains("at least 1"));
}

#[test]
fn receives_that_are_ready_spend_the_budget() {
    block_on(async {
        let (sender, mut receiver) = broadcast::channel(1);
        for value in 0..128 {
            assert!(taketurns::task::has_budget());
            sender.send(value).unwrap();
            receiver.recv().await.unwrap();
        }
        assert!(!taketurns::task::has_budget());
        let shown = "Receiver { sent: 128, capacity: 1, senders: 1, receivers: 1, waiting: 0 }";
        assert_eq!(format!("{receiver:?}"), shown);
    });
}

#[test]
fn a_destructor_that_panics_keeps_no_other_value_of_a_dropped_receiver() {
    struct Value(Rc<Cell<u32>>, bool);
    impl Drop for Value {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            assert!(!self.1, "in the destructor");
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let (sender, receiver) = broadcast::channel(4);
    for panics in [false, true, true, false] {
        assert!(sender.send(Value(Rc::clone(&dropped), panics)).is_ok());
    }
    drop(receiver); // the panics are reported
    assert_eq!(dropped.get(), 4, "no value waits to be overwritten");
}
