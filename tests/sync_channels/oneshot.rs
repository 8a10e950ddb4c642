use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use taketurns::spawn;
use taketurns::sync::{Closed, TryRecvError, oneshot};

use crate::common::Trace;
use crate::scripted::Script;
use crate::wakers::{Poller, poll_with};

#[test]
fn a_value_wakes_the_task_that_awaits_it() {
    let trace = Trace::new();
    taketurns::block_on(async {
        let (sender, receiver) = oneshot::channel();
        let tell = trace.clone();
        let task = spawn(async move {
            tell.push("waits");
            let value = receiver.await;
            tell.push(format!("got-{value:?}"));
        });
        let tell = trace.clone();
        spawn(async move {
            sender.send(7).unwrap();
            tell.push("sent");
        })
        .detach();
        task.await.unwrap();
    });
    assert_eq!(trace.take(), "waits sent got-Ok(7)");
}

#[test]
fn a_sender_that_is_dropped_closes_the_channel() {
    let poller = Poller::default();
    let (sender, mut receiver) = oneshot::channel::<u8>();
    assert!(poller.poll(&mut receiver).is_pending());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(sender);
    assert_eq!((poller.woken(), poller.kept()), (1, 0));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(poller.poll(&mut receiver), Poll::Ready(Err(Closed)));
}

#[test]
fn a_value_for_a_receiver_that_is_gone_comes_back_or_drops_at_once() {
    let value = Rc::new(());
    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    assert!(sender.is_closed());
    sender.send(Rc::clone(&value)).unwrap_err();
    assert_eq!(Rc::strong_count(&value), 1);

    let (sender, receiver) = oneshot::channel();
    sender.send(Rc::clone(&value)).unwrap();
    drop(receiver);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_value_drops_at_once_if_the_wake_drops_the_receiver() {
    let (sender, receiver) = oneshot::channel();
    let (value, receiver) = (Rc::new(()), Rc::new(RefCell::new(Some(receiver))));
    let script = Rc::new(Script::default());
    let (mut in_place, seen) = (receiver.take().unwrap(), Rc::new(Cell::new(0)));
    assert!(poll_with(&script.waker(), &mut in_place).is_pending());
    receiver.replace(Some(in_place));
    let (value_of, tell) = (Rc::clone(&value), Rc::clone(&seen));
    script.on_wake.set(Some(Box::new(move || {
        receiver.take();
        tell.set(Rc::strong_count(&value_of));
    })));
    sender.send(Rc::clone(&value)).unwrap();
    assert_eq!(seen.get(), 2, "the test's two");
}

#[test]
fn a_closed_receiver_still_gives_the_value_that_was_sent_before() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));

    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!(sender.send(1), Err(1));
    assert_eq!(Poller::default().poll(&mut receiver), Poll::Ready(Err(Closed)));
}

#[test]
fn closed_ends_when_the_receiver_closes_and_when_it_goes() {
    for end in [|mut receiver: oneshot::Receiver<u8>| receiver.close(), drop] {
        let poller = Poller::default();
        let (mut sender, receiver) = oneshot::channel::<u8>();
        let mut closed = sender.closed();
        assert!(poller.poll(&mut closed).is_pending());
        end(receiver);
        assert_eq!((poller.woken(), poller.kept()), (1, 0));
        assert!(poller.poll(&mut closed).is_ready());
    }
}

#[test]
fn a_dropped_waiter_gives_its_waker_back_at_once() {
    let poller = Poller::default();
    let (mut sender, mut receiver) = oneshot::channel::<u8>();
    let mut closed = sender.closed();
    assert!(poller.poll(&mut closed).is_pending());
    assert!(poller.poll(&mut receiver).is_pending());
    assert_eq!(poller.kept(), 2);
    drop(closed);
    assert_eq!(poller.kept(), 1);
    drop(receiver);
    assert_eq!(poller.kept(), 0);
    assert_eq!(poller.woken(), 0);
    assert!(sender.is_closed());
}

#[test]
fn only_the_latest_waker_is_kept_and_woken() {
    let (first, second) = (Poller::default(), Poller::default());
    let (sender, mut receiver) = oneshot::channel();
    assert!(first.poll(&mut receiver).is_pending());
    assert!(second.poll(&mut receiver).is_pending());
    assert_eq!((first.kept(), second.kept()), (0, 1));
    sender.send(1).unwrap();
    assert_eq!((first.woken(), second.woken()), (0, 1));
}

#[test]
fn a_poll_with_a_noop_waker_forgets_the_waker() {
    let poller = Poller::default();
    let (_sender, mut receiver) = oneshot::channel::<u8>();
    assert!(poller.poll(&mut receiver).is_pending());
    assert!(poll_with(std::task::Waker::noop(), &mut receiver).is_pending());
    assert_eq!(poller.kept(), 0);
}

#[test]
fn a_value_that_is_sent_while_the_waker_is_cloned_is_received() {
    let (sender, mut receiver) = oneshot::channel();
    let script = Rc::new(Script::default());
    script.on_clone.set(Some(Box::new(move || sender.send(1).unwrap())));
    let waker = script.waker();
    assert_eq!(poll_with(&waker, &mut receiver), Poll::Ready(Ok(1)));
    drop(waker);
    assert_eq!(Rc::strong_count(&script), 1, "no clone of it is kept");
}

#[test]
fn a_waker_that_panics_does_not_stop_the_sender() {
    let (sender, mut receiver) = oneshot::channel();
    let script = Rc::new(Script::default());
    script.on_wake.set(Some(Box::new(|| panic!("in its wake"))));
    assert!(poll_with(&script.waker(), &mut receiver).is_pending());
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn a_waker_that_panics_in_its_clone_leaves_the_receiver_usable() {
    let (sender, mut receiver) = oneshot::channel();
    let script = Rc::new(Script::default());
    script.on_clone.set(Some(Box::new(|| panic!("in its clone"))));
    let waker = script.waker();
    catch_unwind(AssertUnwindSafe(|| poll_with(&waker, &mut receiver))).unwrap_err();
    sender.send(1).unwrap();
    assert_eq!(poll_with(&waker, &mut receiver), Poll::Ready(Ok(1)));
}

/// Sends itself back when it is dropped.
struct Boomerang(Rc<RefCell<Option<oneshot::Sender<Boomerang>>>>, Rc<Cell<bool>>);

impl Drop for Boomerang {
    fn drop(&mut self) {
        let sender = self.0.borrow_mut().take();
        if let Some(sender) = sender {
            let again = Boomerang(Rc::clone(&self.0), Rc::clone(&self.1));
            self.1.set(sender.send(again).is_err());
        }
    }
}

#[test]
fn a_destructor_that_sends_to_the_receiver_being_dropped_is_refused() {
    let (sender, receiver) = oneshot::channel();
    let (other, other_receiver) = oneshot::channel();
    let (later, refused) = (Rc::new(RefCell::new(Some(other))), Rc::default());
    sender.send(Boomerang(Rc::clone(&later), Rc::clone(&refused))).ok().unwrap();
    drop(other_receiver);
    drop(receiver);
    assert!(refused.get());
}

#[test]
fn polling_it_after_it_was_ready_panics_with_the_remedy() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    let poller = Poller::default();
    assert!(poller.poll(&mut receiver).is_ready());
    let panic = catch_unwind(AssertUnwindSafe(|| poller.poll(&mut receiver))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("await it once"));
}

#[test]
fn it_works_under_another_executor() {
    let sum = futures::executor::block_on(async {
        let (sender, receiver) = oneshot::channel();
        let (_, value) = futures::join!(async { sender.send(2).unwrap() }, receiver);
        value.unwrap()
    });
    assert_eq!(sum, 2);
}

#[cfg(feature = "time")]
#[test]
fn select_disables_the_branch_of_a_receiver_that_has_given_its_value() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(2).unwrap();
    let got = futures::executor::block_on(async {
        let mut got = Vec::new();
        loop {
            futures::select! {
                value = receiver => got.push(value),
                complete => break got,
            }
        }
    });
    assert_eq!(got, [Ok(2)]);
}

#[test]
fn the_waker_of_a_leaked_closed_goes_when_the_sender_has_sent_or_is_dropped() {
    let ends: [fn(oneshot::Sender<u8>); 2] = [|sender| sender.send(1).unwrap(), drop];
    for end in ends {
        let poller = Poller::default();
        let (mut sender, _receiver) = oneshot::channel();
        let mut closed = sender.closed();
        assert!(poller.poll(&mut closed).is_pending());
        mem::forget(closed);
        assert_eq!(poller.kept(), 1);
        end(sender);
        assert_eq!(poller.kept(), 0);
    }
}

#[test]
fn debug_shows_the_phase_and_the_waiters() {
    let (sender, mut receiver) = oneshot::channel::<u8>();
    assert!(Poller::default().poll(&mut receiver).is_pending());
    let shown = format!("{sender:?}");
    assert_eq!(shown, "Sender { phase: Open, receiver_waits: true, sender_waits: false }");
}

#[test]
fn a_receiver_that_is_always_ready_spends_the_budget() {
    taketurns::block_on(async {
        for _ in 0..127 {
            let (sender, receiver) = oneshot::channel();
            sender.send(1).unwrap();
            receiver.await.unwrap();
        }
        assert!(taketurns::task::has_budget());
        let (sender, receiver) = oneshot::channel();
        sender.send(1).unwrap();
        receiver.await.unwrap();
        assert!(!taketurns::task::has_budget());
    });
}
