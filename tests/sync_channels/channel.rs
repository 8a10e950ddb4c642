//! What a channel does for tasks: order, ends, and what is in it.

use std::panic::catch_unwind;
use std::rc::Rc;

use taketurns::sync::channel::{bounded, unbounded};
use taketurns::sync::{Closed, SendError, TryRecvError, TrySendError};
#[cfg(feature = "time")]
use taketurns::{Builder, time::Clock};
use taketurns::{block_on, spawn, yield_now};

use crate::common::Trace;

#[test]
fn a_sender_runs_ahead_by_the_bound_and_is_woken_once_for_all() {
    let trace = Trace::new();
    block_on(async {
        let (sender, receiver) = bounded(2);
        let tell = trace.clone();
        spawn(async move {
            for value in 1..=5 {
                sender.send(value).await.unwrap();
                tell.push(format!("s{value}"));
            }
        })
        .detach();
        let tell = trace.clone();
        let received = async move {
            while let Ok(value) = receiver.recv().await {
                tell.push(format!("r{value}"));
            }
        };
        spawn(received).await.unwrap();
    });
    assert_eq!(trace.take(), "s1 s2 r1 r2 s3 s4 r3 r4 s5 r5");
}

#[test]
fn each_value_goes_to_one_receiver_in_the_order_in_which_they_wait() {
    let trace = Trace::new();
    block_on(async {
        let (sender, receiver) = unbounded();
        for name in ["a", "b", "c"] {
            let (tell, receiver) = (trace.clone(), receiver.clone());
            spawn(async move {
                while let Ok(value) = receiver.recv().await {
                    tell.push(format!("{name}{value}"));
                }
                tell.push(format!("{name}-end"));
            })
            .detach();
        }
        drop(receiver);
        yield_now().await;
        for value in 1..=3 {
            sender.send(value).await.unwrap();
        }
        yield_now().await;
        assert_eq!(trace.take(), "a1 b2 c3");
        sender.close();
        yield_now().await;
    });
    assert_eq!(trace.take(), "a-end b-end c-end");
}

#[test]
fn senders_that_wait_are_served_in_order_and_no_newcomer_overtakes_them() {
    let trace = Trace::new();
    block_on(async {
        let (sender, receiver) = bounded(1);
        for name in ["a", "b", "c"] {
            let (tell, sender) = (trace.clone(), sender.clone());
            spawn(async move {
                for _ in 0..2 {
                    sender.send(name).await.unwrap();
                    tell.push(format!("sent-{name}"));
                }
            })
            .detach();
        }
        yield_now().await;
        let mut received = Vec::new();
        for _ in 0..6 {
            received.push(receiver.recv().await.unwrap());
            assert!(
                matches!(sender.try_send("x"), Err(TrySendError::Full("x"))) || received.len() > 5
            );
        }
        assert_eq!(received, ["a", "a", "b", "c", "b", "c"], "a was first in line again");
    });
    assert_eq!(trace.take(), "sent-a sent-a sent-b sent-c sent-b sent-c");
}

#[test]
fn a_value_that_is_granted_is_not_there_for_a_newcomer() {
    block_on(async {
        let (sender, receiver) = bounded(4);
        let waits = receiver.clone();
        let task = spawn(async move { waits.recv().await });
        yield_now().await;
        sender.try_send(1).unwrap();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((receiver.len(), receiver.is_empty()), (1, false));
        sender.try_send(2).unwrap();
        assert_eq!(receiver.try_recv(), Ok(1), "in the order in which they were sent");
        assert_eq!(task.await.unwrap(), Ok(2));
    });
}

#[test]
fn the_last_sender_ends_the_channel_and_what_is_in_it_is_still_received() {
    block_on(async {
        let (sender, receiver) = unbounded();
        let other = sender.clone();
        other.try_send(1).unwrap();
        drop(sender);
        assert!(!receiver.is_closed());
        other.try_send(2).unwrap();
        drop(other);
        assert!(receiver.is_closed());
        assert_eq!(receiver.recv().await, Ok(1));
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(receiver.recv().await, Err(Closed));
    });
}

#[test]
fn values_drop_with_the_last_receiver_and_not_with_the_channel() {
    let value = Rc::new(());
    let (sender, receiver) = unbounded();
    let other = receiver.clone();
    sender.try_send(Rc::clone(&value)).unwrap();
    drop(receiver);
    assert_eq!(Rc::strong_count(&value), 2);
    drop(other);
    assert_eq!(Rc::strong_count(&value), 1);
    let refused = sender.try_send(Rc::clone(&value));
    assert!(matches!(&refused, Err(TrySendError::Closed(back)) if Rc::ptr_eq(back, &value)));
    drop(refused);
    assert_eq!(Rc::strong_count(&value), 1);
    assert_eq!(block_on(sender.send(Rc::clone(&value))).unwrap_err().0, value);
}

#[test]
fn closing_returns_their_values_to_the_senders_that_wait() {
    for by_the_receiver in [true, false] {
        block_on(async {
            let (sender, receiver) = bounded(1);
            sender.try_send(0).unwrap();
            let tasks = [1, 2].map(|value| {
                let sender = sender.clone();
                spawn(async move { sender.send(value).await })
            });
            yield_now().await;
            if by_the_receiver {
                receiver.close();
            } else {
                sender.close();
            }
            for (task, value) in tasks.into_iter().zip([1, 2]) {
                assert_eq!(task.await.unwrap(), Err(SendError(value)));
            }
            assert_eq!(receiver.recv().await, Ok(0));
            assert_eq!(receiver.recv().await, Err(Closed));
        });
    }
}

#[test]
fn a_closed_channel_stays_closed_whatever_is_taken_or_given_back() {
    let (sender, receiver) = bounded(3);
    sender.try_send(1).unwrap();
    let (used, dropped) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
    receiver.close();
    assert_eq!(used.send(2), Err(SendError(2)));
    drop(dropped);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(sender.try_reserve().unwrap_err(), TrySendError::Closed(()));
    assert!(!sender.is_full());
}

#[test]
fn shutdown_drops_what_is_in_the_channel_if_it_is_immediate() {
    block_on(async {
        let (sender, receiver) = unbounded();
        let value = Rc::new(());
        let waits = receiver.clone();
        let granted = spawn(async move { waits.recv().await });
        yield_now().await;
        sender.try_send(Rc::clone(&value)).unwrap();
        sender.try_send(Rc::clone(&value)).unwrap();
        sender.shutdown(false);
        assert_eq!(receiver.len(), 2);
        sender.shutdown(true);
        assert_eq!((receiver.len(), Rc::strong_count(&value)), (0, 1));
        assert_eq!(granted.await.unwrap(), Err(Closed), "the value that it was granted is gone");
        assert_eq!(receiver.recv().await, Err(Closed));
    });
}

#[test]
fn receivers_end_only_when_the_last_value_that_was_granted_is_taken() {
    let trace = Trace::new();
    block_on(async {
        let (sender, receiver) = unbounded();
        let (tell, granted) = (trace.clone(), receiver.clone());
        let granted = spawn(async move {
            let value = granted.recv().await;
            tell.push(format!("granted-{value:?}"));
        });
        yield_now().await;
        sender.try_send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "it may come back");
        let (first, second) = (receiver.clone(), receiver);
        let tasks = [first, second].map(|receiver| {
            let tell = trace.clone();
            spawn(async move { tell.push(format!("{:?}", receiver.recv().await)) })
        });
        granted.await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.take(), "granted-Ok(1) Err(Closed) Err(Closed)");
}

#[test]
fn drain_takes_all_and_lets_as_many_senders_go_on() {
    block_on(async {
        let (sender, receiver) = bounded(3);
        let tasks: Vec<_> = (1..=8)
            .map(|value| {
                let sender = sender.clone();
                spawn(async move { sender.send(value).await })
            })
            .collect();
        yield_now().await;
        assert_eq!(receiver.drain(), [1, 2, 3]);
        assert_eq!((receiver.drain(), sender.is_full()), (vec![], true));
        yield_now().await;
        assert_eq!(receiver.drain(), [4, 5, 6]);
        yield_now().await;
        assert_eq!((receiver.drain(), sender.is_full()), (vec![7, 8], false));
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        for value in 9..=11 {
            sender.try_send(value).unwrap();
        }
        assert!(sender.is_full());
    });
}

#[test]
fn drain_leaves_as_many_values_as_are_granted() {
    block_on(async {
        let (sender, receiver) = unbounded();
        let waits = receiver.clone();
        let task = spawn(async move { waits.recv().await });
        yield_now().await;
        for value in 1..=3 {
            sender.try_send(value).unwrap();
        }
        assert_eq!(receiver.drain(), [1, 2]);
        assert_eq!(task.await.unwrap(), Ok(3));
    });
}

#[test]
fn a_permit_holds_its_slot_until_it_is_used_or_dropped() {
    block_on(async {
        let (sender, receiver) = bounded(1);
        let permit = sender.reserve().await.unwrap();
        assert!(sender.is_full() && sender.is_empty());
        let other = sender.clone();
        let task = spawn(async move { other.reserve().await.unwrap().send(2) });
        yield_now().await;
        drop(permit);
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the task was granted the slot");
        task.await.unwrap().unwrap();
        assert_eq!(receiver.try_recv(), Ok(2));
        sender.try_reserve().unwrap().send(3).unwrap();
        assert_eq!(sender.try_reserve().unwrap_err(), TrySendError::Full(()));
        assert_eq!(receiver.drain(), [3]);
    });
}

#[test]
fn it_is_empty_exactly_when_its_length_is_zero() {
    let (sender, receiver) = bounded(256);
    for round in 0..256 {
        for value in 0..round {
            assert_eq!((sender.len(), sender.is_empty()), (value, value == 0));
            sender.try_send(value).unwrap();
        }
        for value in 0..round {
            assert_eq!((receiver.len(), receiver.is_empty()), (round - value, false));
            assert_eq!(receiver.try_recv(), Ok(value));
        }
        assert_eq!((receiver.len(), receiver.is_empty()), (0, true));
    }
}

#[test]
fn no_room_at_all_is_refused_at_the_place_of_the_call() {
    let refused = catch_unwind(|| bounded::<u8>(0)).unwrap_err();
    assert!(refused.downcast_ref::<&str>().unwrap().contains("use `bounded(1)`"));
}

#[test]
fn a_channel_of_the_largest_bound_takes_no_memory_ahead() {
    let (sender, receiver) = bounded(usize::MAX - 1);
    sender.try_send(1).unwrap();
    assert_eq!((receiver.capacity(), receiver.try_recv()), (Some(usize::MAX - 1), Ok(1)));
    assert_eq!(unbounded::<u8>().0.capacity(), None);
}

#[test]
fn same_channel_tells_channels_apart() {
    let (sender, receiver) = unbounded::<u8>();
    let (other, _) = unbounded::<u8>();
    assert!(sender.same_channel(&sender.clone()) && receiver.same_channel(&receiver.clone()));
    assert!(!sender.same_channel(&other));
}

#[test]
fn sends_and_receives_that_are_ready_spend_the_budget() {
    block_on(async {
        let (sender, receiver) = unbounded();
        for value in 0..63 {
            sender.send(value).await.unwrap();
            receiver.recv().await.unwrap();
        }
        drop(sender.reserve().await);
        assert!(taketurns::task::has_budget());
        sender.send(64).await.unwrap();
        assert!(!taketurns::task::has_budget());
    });
}

#[test]
fn it_works_under_another_executor() {
    use futures::executor::LocalPool;
    use futures::task::LocalSpawnExt;
    let mut pool = LocalPool::new();
    let (sender, receiver) = bounded(1);
    let sends = async move {
        for value in 0..100 {
            sender.send(value).await.unwrap();
        }
    };
    pool.spawner().spawn_local(sends).unwrap();
    let sum = pool.run_until(async {
        let mut sum = 0;
        while let Ok(value) = receiver.recv().await {
            sum += value;
        }
        sum
    });
    assert_eq!(sum, 4950);
}

#[test]
fn a_channel_of_another_crate_works_here() {
    use futures::channel::mpsc;
    use futures::{SinkExt, StreamExt};
    let received: Vec<u32> = block_on(async {
        let (mut sender, receiver) = mpsc::channel(1);
        spawn(async move {
            for value in 0..10 {
                sender.send(value).await.unwrap();
            }
        })
        .detach();
        receiver.collect().await
    });
    assert_eq!(received, (0..10).collect::<Vec<_>>());
}

#[test]
fn debug_shows_what_is_in_it_and_how_many_wait() {
    block_on(async {
        let (sender, receiver) = bounded(1);
        sender.try_send(1).unwrap();
        let other = sender.clone();
        spawn(async move { other.send(2).await }).detach();
        yield_now().await;
        let shown = "len: 1, capacity: Some(1), is_closed: false, senders: 2, receivers: 1, \
                     waiting_senders: 1, waiting_receivers: 0 }";
        assert_eq!(format!("{sender:?}"), format!("Sender {{ {shown}"));
        assert_eq!(format!("{receiver:?}"), format!("Receiver {{ {shown}"));
    });
    struct NoDebug;
    let shown = format!("{:?} {:?}", SendError(NoDebug), TrySendError::Full(NoDebug));
    assert_eq!(shown, "SendError { .. } Full(..)");
}

#[cfg(feature = "time")]
#[test]
fn a_deadlock_report_names_the_channel() {
    let line = line!() + 2;
    let panic = catch_unwind(|| {
        let (sender, receiver) = bounded::<u8>(1);
        let runtime = Builder::new().clock(Clock::AutoAdvance).build().unwrap();
        runtime.block_on(async move {
            let sender = &sender;
            drop(spawn(async move { receiver.recv().await }));
            std::future::pending::<()>().await;
            drop(sender.clone());
        });
    });
    let said = panic.unwrap_err().downcast::<String>().unwrap();
    let place = format!("a value of the channel made at {}:{line}:", file!());
    assert!(said.contains(&place), "{said}");
}
