//! Lesson 26: awaiting what is ready does not yield; a budget makes leaf operations yield.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;

use taketurns::sync::{Mutex, RwLock, Semaphore, channel, oneshot};
use taketurns::task::unconstrained;
use taketurns::{block_on, spawn, yield_now};

/// How many turns another task has beside 1000 rounds of `round`.
fn turns(is_constrained: bool, round: impl AsyncFn() + 'static) -> usize {
    block_on(async move {
        let (ended, turns) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
        let (ends, had) = (ended.clone(), turns.clone());
        let rounds = async move {
            for _ in 0..1000 {
                round().await;
            }
            ends.set(true);
        };
        let rounds = if is_constrained { spawn(rounds) } else { spawn(unconstrained(rounds)) };
        let other = spawn(async move {
            while !ended.get() {
                had.set(had.get() + 1);
                yield_now().await;
            }
        });
        rounds.await.unwrap();
        other.await.unwrap();
        turns.get()
    })
}

#[test]
fn a_yield_in_each_round_gives_the_other_a_turn_in_each() {
    assert_eq!(turns(true, async || yield_now().await), 1000);
}

#[test]
fn what_is_ready_without_the_executor_gives_none_with_a_budget_or_without() {
    assert_eq!([true, false].map(|is_constrained| turns(is_constrained, async || {})), [0, 0]);
}

#[test]
fn a_channel_spends_one_unit_an_operation() {
    for (is_constrained, expected) in [(false, 0), (true, 7)] {
        let (sender, receiver) = channel::unbounded();
        let round = async move || {
            sender.try_send(()).unwrap();
            receiver.recv().await.unwrap();
        };
        assert_eq!(turns(is_constrained, round), expected);
    }
    let (sender, receiver) = channel::bounded(1);
    let both = async move || {
        sender.send(()).await.unwrap();
        receiver.recv().await.unwrap();
    };
    assert_eq!(turns(true, both), 15, "two operations a round");
    let once = async || {
        let (sender, receiver) = oneshot::channel();
        sender.send(()).unwrap();
        receiver.await.unwrap();
    };
    assert_eq!(turns(true, once), 7);
}

#[test]
fn a_lock_spends_one_unit_an_operation() {
    let permits = Semaphore::new(1);
    assert_eq!(turns(true, async move || drop(permits.acquire().await.unwrap())), 7);
    let mutex = Mutex::new(());
    assert_eq!(turns(true, async move || drop(mutex.lock().await)), 7);
    let lock = RwLock::new(());
    assert_eq!(turns(true, async move || drop(lock.write().await)), 7);
}
