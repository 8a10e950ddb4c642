//! What was told for certain is not suspected behind that, where the future of `block_on` only waits for it.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot::Sender;
use taketurns::insight::Finding;
use taketurns::sync::{Event, Mutex};
use taketurns::{Builder, JoinHandle, Runtime, spawn, task};

use crate::common::some_real_time;
use crate::runtime;

/// It waits for itself.
fn circle() -> JoinHandle<()> {
    spawn(async {
        let lock = Mutex::new(());
        let _held = lock.lock().await;
        drop(lock.lock().await);
    })
}

/// What is reported while the future of `block_on` waits for `of_root`, until a thread of its own ends it.
fn found<F: Future>(of_root: impl FnOnce() -> F) -> Vec<Finding> {
    let (runtime, told) = runtime(9, Duration::ZERO);
    let (end, ends) = futures::channel::oneshot::channel();
    thread::spawn(move || {
        some_real_time();
        end.send(()).unwrap();
    });
    runtime.block_on(async {
        let waits = async { _ = of_root().await };
        task::race((waits, async { ends.await.unwrap() })).await;
    });
    told.take().into_iter().map(|(finding, _)| finding).collect()
}

#[test]
fn a_circle_that_the_future_of_block_on_waits_for_is_not_suspected_too() {
    assert_eq!(found(circle), [Finding::Circle]);
    assert_eq!(found(|| task::join_all([circle(), circle()])), [Finding::Circle; 2]);
}

#[test]
fn a_stuck_task_that_the_future_of_block_on_waits_for_is_not_suspected_too() {
    assert_eq!(found(|| spawn(pending::<()>())), [Finding::Stuck]);
}

#[test]
fn a_set_with_another_task_or_a_wait_for_something_else_is_suspected_behind_a_circle() {
    let unset = Rc::new(Event::new());
    let waits = Rc::clone(&unset);
    let beside =
        move || task::race((async { _ = circle().await }, async move { waits.wait().await }));
    assert_eq!(found(beside), [Finding::Circle, Finding::Suspected]);
    let other = move || {
        let mut set = task::JoinSet::new();
        _ = set.spawn(async {
            let lock = Mutex::new(());
            let _held = lock.lock().await;
            drop(lock.lock().await);
        });
        _ = set.spawn(async move { unset.wait().await });
        async move { _ = set.join_next().await }
    };
    assert_eq!(found(other), [Finding::Circle, Finding::Suspected]);
}

/// What is told, when `run` is left to a thread of its own. Each report sends by the next of these, in the look: so no other thread has the
/// receiver's waker when the loop looks again.
fn told_by(
    senders: Vec<Sender<()>>,
    run: impl FnOnce(Runtime) + Send + 'static,
) -> impl Fn() -> Finding {
    let (tell, told) = mpsc::channel();
    let senders = std::sync::Mutex::new(VecDeque::from(senders));
    let builder = Builder::new().deadlock_grace(Duration::ZERO).on_lost(|_| {});
    let builder = builder.on_deadlock(move |deadlock| {
        tell.send(deadlock.finding()).unwrap();
        let sender = senders.lock().unwrap().pop_front();
        sender.into_iter().for_each(|sender| sender.send(()).unwrap());
    });
    thread::spawn(move || run(builder.build().unwrap()));
    move || told.recv_timeout(Duration::from_secs(60)).expect("a report")
}

#[test]
fn a_future_that_was_suspected_and_went_on_is_told_when_it_can_never_go_on() {
    let (sender, receiver) = futures::channel::oneshot::channel();
    let next = told_by(vec![sender], |runtime| {
        runtime.block_on(async {
            receiver.await.unwrap();
            pending::<()>().await;
        });
    });
    assert_eq!([next(), next()], [Finding::Suspected, Finding::Certain]);
}

#[test]
fn the_future_of_each_run_is_another() {
    let (senders, receivers): (_, Vec<_>) =
        (0..3).map(|_| futures::channel::oneshot::channel()).unzip();
    let next = told_by(senders, |runtime| {
        receivers.into_iter().for_each(|receiver| runtime.block_on(receiver).unwrap());
    });
    assert_eq!([next(), next(), next()], [Finding::Suspected; 3]);
}
