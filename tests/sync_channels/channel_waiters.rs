//! Futures of a channel that are dropped in every state, and wakers and destructors that come back to it.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};

use taketurns::sync::channel::{Receiver, Sender, bounded, unbounded};
use taketurns::sync::{Closed, SendError, TryRecvError};

use crate::scripted::Script;
use crate::wakers::{Poller, poll_with};

#[test]
fn a_dropped_receiver_hands_the_value_that_it_was_granted_to_the_next_in_line() {
    let (first, second, third) = (Poller::default(), Poller::default(), Poller::default());
    let (sender, receiver) = unbounded();
    let (mut a, mut b, mut c) = (receiver.recv(), receiver.recv(), receiver.recv());
    for (poller, future) in [(&first, &mut a), (&second, &mut b), (&third, &mut c)] {
        assert!(poller.poll(future).is_pending());
    }
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!([&first, &second, &third].map(Poller::woken), [1, 1, 0]);
    drop(a);
    assert_eq!([&first, &second, &third].map(Poller::woken), [0, 0, 1]);
    assert_eq!(second.poll(&mut b), Poll::Ready(Ok(1)), "nothing is lost, and the order stands");
    assert_eq!(third.poll(&mut c), Poll::Ready(Ok(2)));
}

#[test]
fn a_value_whose_receiver_was_dropped_is_there_for_a_newcomer() {
    let poller = Poller::default();
    let (sender, receiver) = unbounded();
    let mut waits = receiver.recv();
    assert!(poller.poll(&mut waits).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(waits);
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn a_dropped_sender_hands_the_slot_that_it_was_granted_on() {
    let (first, second) = (Poller::default(), Poller::default());
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let (mut a, mut b) = (sender.send(1), sender.reserve());
    assert!(first.poll(&mut a).is_pending() && second.poll(&mut b).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!([&first, &second].map(Poller::woken), [1, 0]);
    drop(a);
    assert_eq!([&first, &second].map(Poller::woken), [0, 1]);
    drop(b);
    assert_eq!(sender.try_send(2), Ok(()), "the slot is free again");
    assert_eq!(receiver.drain(), [2]);
}

#[test]
fn a_waiter_that_is_dropped_in_line_gives_its_waker_back_and_is_passed_over() {
    let (first, second) = (Poller::default(), Poller::default());
    let (sender, receiver) = bounded(1);
    let (mut a, mut b) = (receiver.recv(), receiver.recv());
    assert!(first.poll(&mut a).is_pending() && second.poll(&mut b).is_pending());
    drop(a);
    assert_eq!(first.kept(), 0);
    sender.try_send(1).unwrap();
    assert_eq!((first.woken(), second.woken()), (0, 1));
    let (mut c, mut d) = (sender.send(2), sender.reserve());
    assert!(first.poll(&mut c).is_pending() && first.poll(&mut d).is_pending());
    assert_eq!(first.kept(), 2);
    drop((c, d));
    assert_eq!(first.kept(), 0);
    assert_eq!(second.poll(&mut b), Poll::Ready(Ok(1)));
}

/// Each of three receivers is in line, granted, or neither when it is dropped, in every combination.
#[test]
fn no_value_is_lost_whichever_receivers_are_dropped_and_when() {
    for sent_before in 0..=3 {
        for dropped in 0_u32..8 {
            let poller = Poller::default();
            let (sender, receiver) = unbounded();
            let mut waits = [receiver.recv(), receiver.recv(), receiver.recv()].map(Some);
            for future in waits.iter_mut().flatten() {
                assert!(poller.poll(future).is_pending());
            }
            for value in 0..sent_before {
                sender.try_send(value).unwrap();
            }
            for (index, future) in waits.iter_mut().enumerate() {
                if dropped & (1 << index) != 0 {
                    drop(future.take());
                }
            }
            for value in sent_before..3 {
                sender.try_send(value).unwrap();
            }
            let mut received = Vec::new();
            for mut future in waits.into_iter().flatten() {
                let Poll::Ready(Ok(value)) = poller.poll(&mut future) else { panic!("granted") };
                received.push(value);
            }
            received.extend(receiver.drain());
            assert_eq!(received, [0, 1, 2], "{sent_before} before, {dropped:b} dropped");
            assert_eq!(poller.kept(), 0);
        }
    }
}

/// As above, for slots: 1 is the bound.
#[test]
fn no_slot_is_lost_whichever_senders_are_dropped_and_when() {
    for taken_before in 0..=1 {
        for dropped in 0_u32..8 {
            let poller = Poller::default();
            let (sender, receiver) = bounded(1);
            sender.try_send(9).unwrap();
            let mut waits = [0, 1, 2].map(|value| Some(sender.send(value)));
            for future in waits.iter_mut().flatten() {
                assert!(poller.poll(future).is_pending());
            }
            let mut received: Vec<_> =
                (0..taken_before).map(|_| receiver.try_recv().unwrap()).collect();
            for (index, future) in waits.iter_mut().enumerate() {
                if dropped & (1 << index) != 0 {
                    drop(future.take());
                }
            }
            received.extend(receiver.drain());
            let mut expected = vec![9];
            for (value, future) in (0..).zip(waits) {
                let Some(mut future) = future else { continue };
                assert!(poller.poll(&mut future).is_ready());
                received.extend(receiver.drain());
                expected.push(value);
            }
            assert_eq!(received, expected);
            assert_eq!((sender.try_send(5), sender.is_full()), (Ok(()), true));
        }
    }
}

#[test]
fn a_receiver_that_is_dropped_after_a_shutdown_took_its_value_hands_nothing_on() {
    let (first, second) = (Poller::default(), Poller::default());
    let (sender, receiver) = unbounded();
    let (mut granted, mut waits) = (receiver.recv(), receiver.recv());
    assert!(first.poll(&mut granted).is_pending() && second.poll(&mut waits).is_pending());
    sender.try_send(1).unwrap();
    sender.shutdown(true);
    assert_eq!((first.woken(), second.woken()), (1, 1));
    drop(granted);
    assert_eq!(second.poll(&mut waits), Poll::Ready(Err(Closed)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_slot_that_was_granted_before_the_close_is_void() {
    let poller = Poller::default();
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let (mut sends, mut reserves) = (sender.send(1), sender.reserve());
    assert!(poller.poll(&mut sends).is_pending() && poller.poll(&mut reserves).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    receiver.close();
    assert_eq!(poller.woken(), 2);
    assert_eq!(poller.poll(&mut sends), Poll::Ready(Err(SendError(1))));
    assert!(matches!(poller.poll(&mut reserves), Poll::Ready(Err(SendError(())))));
}

#[test]
fn only_the_latest_waker_of_a_waiter_is_woken_and_a_noop_one_asks_to_forget() {
    let (first, second) = (Poller::default(), Poller::default());
    let (sender, receiver) = unbounded();
    let mut waits = receiver.recv();
    assert!(first.poll(&mut waits).is_pending() && second.poll(&mut waits).is_pending());
    assert_eq!((first.kept(), second.kept()), (0, 1));
    assert!(poll_with(Waker::noop(), &mut waits).is_pending());
    assert_eq!(second.kept(), 0);
    sender.try_send(1).unwrap();
    assert_eq!(first.woken() + second.woken(), 0);
    assert_eq!(first.poll(&mut waits), Poll::Ready(Ok(1)), "its place in line was kept");
}

#[test]
fn a_waker_whose_clone_sends_or_receives_does_not_make_its_future_wait() {
    let (sender, receiver) = bounded(1);
    let (script, other) = (Rc::new(Script::default()), sender.clone());
    script.on_clone.set(Some(Box::new(move || other.try_send(1).unwrap())));
    assert_eq!(poll_with(&script.waker(), &mut receiver.recv()), Poll::Ready(Ok(1)));
    sender.try_send(2).unwrap();
    let other = receiver.clone();
    script.on_clone.set(Some(Box::new(move || assert_eq!(other.try_recv(), Ok(2)))));
    assert_eq!(poll_with(&script.waker(), &mut sender.send(3)), Poll::Ready(Ok(())));
    let other = receiver.clone();
    script.on_clone.set(Some(Box::new(move || other.close())));
    assert_eq!(poll_with(&script.waker(), &mut sender.send(4)), Poll::Ready(Err(SendError(4))));
    assert_eq!(receiver.drain(), [3]);
    assert_eq!(poll_with(&script.waker(), &mut receiver.recv()), Poll::Ready(Err(Closed)));
    assert_eq!(Rc::strong_count(&script), 1, "no clone of it is kept");
}

#[test]
fn a_waker_may_use_the_channel_in_its_wake_and_its_drop() {
    let (sender, receiver) = bounded(1);
    let script = Rc::new(Script::default());
    let mut waits = receiver.recv();
    assert!(poll_with(&script.waker(), &mut waits).is_pending());
    let (send, seen) = (sender.clone(), Rc::new(Cell::new(false)));
    let tell = Rc::clone(&seen);
    script.on_wake.set(Some(Box::new(move || tell.set(send.try_send(2).is_err()))));
    sender.try_send(1).unwrap();
    assert!(seen.get(), "it ran, and the value that woke it is in the channel");
    assert_eq!(poll_with(&script.waker(), &mut waits), Poll::Ready(Ok(1)));

    let mut waits = receiver.recv();
    assert!(poll_with(&script.waker(), &mut waits).is_pending());
    let send = sender.clone();
    script.on_drop.set(Some(Box::new(move || send.try_send(3).unwrap())));
    drop(waits);
    assert_eq!(receiver.try_recv(), Ok(3));
}

#[test]
fn a_waker_that_panics_keeps_no_other_waiter_from_its_wake() {
    let poller = Poller::default();
    let (sender, receiver) = unbounded::<u8>();
    let panics = |place: &str| {
        let script = Rc::new(Script::default());
        let action: Box<dyn FnOnce()> = Box::new(|| panic!("a waker panics"));
        if place == "wake" {
            script.on_wake.set(Some(action));
        } else {
            script.on_clone.set(Some(action));
        }
        script
    };
    let (mut a, mut b, mut c) = (receiver.recv(), receiver.recv(), receiver.recv());
    assert!(poll_with(&panics("wake").waker(), &mut a).is_pending());
    let waker = panics("clone").waker();
    catch_unwind(AssertUnwindSafe(|| poll_with(&waker, &mut b))).unwrap_err();
    assert!(poller.poll(&mut c).is_pending());
    sender.try_send(1).unwrap();
    sender.close();
    assert_eq!(poller.woken(), 0, "a value that is granted may come back");
    drop(a);
    assert_eq!(poller.poll(&mut c), Poll::Ready(Ok(1)));
}

/// Uses its channel when it is dropped.
struct Returns {
    sender: Sender<Returns>,
    receiver: Receiver<Returns>,
    seen: Rc<RefCell<Vec<String>>>,
}

impl Drop for Returns {
    fn drop(&mut self) {
        let again = Returns {
            sender: self.sender.clone(),
            receiver: self.receiver.clone(),
            seen: Rc::default(),
        };
        let seen = match self.sender.try_send(again) {
            Ok(()) => "sent".to_owned(),
            Err(error) => {
                let text = error.to_string();
                std::mem::forget(error); // or it would try again
                text
            }
        };
        self.seen.borrow_mut().push(format!("{seen}, then {:?}", self.receiver.len()));
        self.receiver.close();
    }
}

#[test]
fn a_value_may_use_the_channel_in_its_destructor() {
    let seen = Rc::default();
    let (sender, receiver) = unbounded();
    for _ in 0..2 {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        let value = Returns { sender: sender.clone(), receiver, seen: Rc::clone(&seen) };
        sender.try_send(value).unwrap();
    }
    receiver.shutdown(true);
    let closed = "the channel is closed, and takes no more values, then 0";
    assert_eq!(*seen.borrow(), [closed, closed]);
}

#[test]
fn a_destructor_that_panics_does_not_keep_senders_waiting() {
    struct Panics(bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(!self.0, "in a destructor");
        }
    }
    let poller = Poller::default();
    let (sender, receiver) = bounded(1);
    sender.try_send(Panics(true)).unwrap();
    let mut waits = sender.send(Panics(false));
    assert!(poller.poll(&mut waits).is_pending());
    catch_unwind(AssertUnwindSafe(|| drop(receiver))).unwrap_err();
    assert_eq!(poller.woken(), 1);
    assert!(matches!(poller.poll(&mut waits), Poll::Ready(Err(SendError(_)))));
}

#[test]
fn futures_that_are_polled_after_they_were_ready_panic_with_the_remedy() {
    let poller = Poller::default();
    let (sender, receiver) = bounded(2);
    let (mut sends, mut reserves) = (sender.send(1), sender.reserve());
    assert!(poller.poll(&mut sends).is_ready() && poller.poll(&mut reserves).is_ready());
    let mut receives = receiver.recv();
    assert_eq!(poller.poll(&mut receives), Poll::Ready(Ok(1)));
    let text = |polls: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(polls)).unwrap_err();
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap()
    };
    assert!(text(&mut || _ = poller.poll(&mut sends)).contains("call `send` again"));
    assert!(text(&mut || _ = poller.poll(&mut reserves)).contains("call `reserve` again"));
    assert!(text(&mut || _ = poller.poll(&mut receives)).contains("call `recv` again"));
    assert_eq!(sender.try_send(2), Ok(()), "nothing was taken by that");
}

#[test]
fn a_newcomer_inside_a_wake_of_a_drain_takes_no_slot_of_the_senders_in_line() {
    let (script, second) = (Rc::new(Script::default()), Poller::default());
    let (sender, receiver) = bounded(2);
    sender.try_send(0).unwrap();
    sender.try_send(1).unwrap();
    let (mut a, mut b) = (sender.send(2), sender.send(3));
    assert!(poll_with(&script.waker(), &mut a).is_pending());
    assert!(second.poll(&mut b).is_pending());
    let (newcomer, refused) = (sender.clone(), Rc::new(Cell::new(None)));
    let tell = Rc::clone(&refused);
    script.on_wake.set(Some(Box::new(move || tell.set(Some(newcomer.try_send(9).is_err())))));
    assert_eq!(receiver.drain(), [0, 1]);
    assert_eq!(refused.get(), Some(true), "both slots are the line's");
    assert_eq!(second.woken(), 1);
    assert_eq!(second.poll(&mut b), Poll::Ready(Ok(())));
    assert_eq!(second.poll(&mut a), Poll::Ready(Ok(())));
    assert_eq!(receiver.drain(), [3, 2], "no value is lost");
    assert_eq!((sender.try_send(4), sender.try_send(5)), (Ok(()), Ok(())));
    assert!(sender.try_send(6).is_err(), "the bound stands");
}

#[test]
fn a_wake_of_a_drain_may_close_the_channel() {
    let (script, second) = (Rc::new(Script::default()), Poller::default());
    let (sender, receiver) = bounded(2);
    sender.try_send(0).unwrap();
    sender.try_send(1).unwrap();
    let (mut a, mut b) = (sender.send(2), sender.send(3));
    assert!(poll_with(&script.waker(), &mut a).is_pending());
    assert!(second.poll(&mut b).is_pending());
    let closes = sender.clone();
    script.on_wake.set(Some(Box::new(move || closes.close())));
    assert_eq!(receiver.drain(), [0, 1]);
    assert_eq!(second.poll(&mut a), Poll::Ready(Err(SendError(2))));
    assert_eq!(second.poll(&mut b), Poll::Ready(Err(SendError(3))));
    assert!(sender.try_send(4).is_err(), "no slot comes back to a closed channel");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}
