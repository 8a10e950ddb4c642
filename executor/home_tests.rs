//! Home is free of read-modify-writes: a fact, counted.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::primitives::rmw;
use super::{EVENT_INTERVAL, Executor, JoinHandle, ParkThread, spawn, yield_now};

const MANY: usize = if cfg!(miri) { 100 } else { 10_000 };

/// Two tasks that hand a turn to each other, each waking the other and then waiting.
fn ping_pong() -> [JoinHandle<()>; 2] {
    struct Table {
        turn: Cell<usize>,
        waiting: [RefCell<Option<Waker>>; 2],
    }
    let table = Rc::new(Table { turn: Cell::new(0), waiting: Default::default() });
    [0, 1].map(|me| {
        let table = Rc::clone(&table);
        spawn(async move {
            for _ in 0..MANY {
                poll_fn(|cx| {
                    if table.turn.get() == me {
                        return Poll::Ready(());
                    }
                    *table.waiting[me].borrow_mut() = Some(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                table.turn.set(1 - me);
                if let Some(other) = table.waiting[1 - me].take() {
                    other.wake();
                }
            }
        })
    })
}

#[test]
fn spawns_yields_joins_hand_overs_aborts_and_drops_at_home_make_no_read_modify_write() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let before = rmw::so_far();
    executor.block_on(async {
        for number in 0..MANY {
            assert_eq!(spawn(async move { number }).await.unwrap(), number);
        }
        let tasks: Vec<_> = (0..MANY).map(|_| spawn(yield_now())).collect();
        for task in tasks {
            task.await.unwrap();
        }
        for player in ping_pong() {
            player.await.unwrap();
        }
        for _ in 0..MANY {
            drop(spawn(yield_now()));
            spawn(yield_now()).abort();
            yield_now().await;
        }
    });
    assert_eq!(rmw::so_far() - before, 0);
}

#[test]
fn a_wake_from_elsewhere_is_counted() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let before = rmw::so_far();
    let waker = executor.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    // Outside of a run even this thread is elsewhere: the retirement, now the drop, and with it the
    // task's hold on the hub.
    drop(waker);
    assert_eq!(rmw::so_far() - before, 3);
}
