//! Tasks that wait by several futures: for one of their own, or for what a name stands for.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use taketurns::insight::{Finding, Named};
use taketurns::sync::{Mutex, Notify};
use taketurns::task::{borrowing, race};
use taketurns::time::sleep;
use taketurns::{Builder, Handle, spawn, yield_now};

use crate::{HOUR, REMEDY, ROOT, SUSPECTED, reported, runtime};

pub(crate) const FILE: &str = file!();

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn a_task_that_awaits_its_own_child_does_not_wait_for_itself() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        spawn(borrowing(async |group| {
            group.spawn(async { Notify::new().notified().await }).await;
        }))
        .detach();
        reported().await;
    });
    let task = "\n  task #1, spawned at here, polled 2 times, waiting\n    \
                waits for the child of `borrowing` spawned at here\n    \
                in the child of `borrowing` spawned at here\n      \
                waits for the `Notify` made at here";
    let (finding, text) = told.only();
    assert_eq!((finding, text), (Finding::Suspected, format!("{SUSPECTED}{ROOT}{task}{REMEDY}")));
}

#[test]
fn the_wait_for_a_child_of_the_same_task_has_no_holder() {
    let (tell, told) = std::sync::mpsc::channel();
    let builder = Builder::new().deadlock_grace(Duration::ZERO).on_lost(|_| {});
    let runtime = builder.on_deadlock(move |deadlock| {
        let waits = deadlock.tasks().flat_map(|(_, waits)| waits);
        tell.send(waits.map(|wait| (wait.kind(), wait.holder())).collect::<Vec<_>>()).unwrap();
        Handle::current().stop();
    });
    let runtime = runtime.build().unwrap();
    let waits = borrowing(async |group| {
        group.spawn(async { Notify::new().notified().await }).await;
    });
    runtime.spawn(waits).detach();
    runtime.run_forever();
    let child = "the child of `borrowing` spawned";
    let expected = [(child, None), (child, None), ("the `Notify` made", None)];
    assert_eq!(told.recv().unwrap(), expected);
}

/// The child is a part of the task that has the lock, so the circle is one of two tasks.
#[test]
fn a_circle_through_the_child_of_a_task_names_both_tasks() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        let (first, second) = (Rc::clone(&a), Rc::clone(&b));
        spawn(borrowing(async move |group| {
            let _first = first.lock().await;
            yield_now().await;
            group.spawn(async move { drop(second.lock().await) }).named("the child").await;
        }))
        .detach();
        spawn(async move {
            let _second = b.lock().await;
            drop(a.lock().await);
        })
        .detach();
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    let circle = "in a circle: task #1 waits for task #2, which waits for task #1\n";
    assert!(text.contains(circle), "{text}");
}

/// The lock that the named future was granted, and does not take, is not what it waits for.
#[test]
fn a_named_wait_for_another_crates_future_beside_one_that_is_ready_keeps_a_lock_from_being_a_circle()
 {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let [a, b, ready] = [(); 3].map(|()| Rc::new(Mutex::new(())));
        let (sender, receiver) = futures::channel::oneshot::channel::<()>();
        let granted = ready.lock().await;
        let (first, second, keeps) = (Rc::clone(&a), Rc::clone(&b), Rc::clone(&ready));
        let one = spawn(async move {
            let _first = first.lock().await;
            yield_now().await;
            let other = async {
                let mut in_line = pin!(keeps.lock());
                assert!(futures::poll!(in_line.as_mut()).is_pending());
                receiver.await.unwrap();
            };
            race((async { drop(second.lock().await) }, other.named("another crate"))).await;
        });
        let two = spawn(async move {
            let _second = b.lock().await;
            drop(a.lock().await);
        });
        yield_now().await;
        yield_now().await;
        drop(granted);
        sleep(5 * MOMENT).await;
        sender.send(()).unwrap();
        one.await.unwrap();
        two.await.unwrap();
    });
    assert_eq!(told.take(), []);
}

/// The wait for the lock that its other future was granted is over when another crate's future comes. Then it takes the lock twice.
#[test]
fn a_task_that_was_told_as_a_futurelock_is_told_again_when_a_circle_is_certain() {
    let (runtime, told) = runtime(2, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(Mutex::new(()));
        let held = lock.lock().await;
        let (sender, receiver) = futures::channel::oneshot::channel::<()>();
        let own = Rc::clone(&lock);
        spawn(async move {
            {
                let mut in_line = pin!(own.lock());
                assert!(futures::poll!(in_line.as_mut()).is_pending());
                let come = async { receiver.await.unwrap() };
                race((async { drop(own.lock().await) }, come)).await;
            }
            let _held = own.lock().await;
            drop(own.lock().await);
        })
        .detach();
        yield_now().await;
        drop(held);
        for _ in 0..10_000 {
            if told.0.lock().unwrap().is_empty() {
                sleep(MOMENT).await;
            }
        }
        sender.send(()).unwrap();
        reported().await;
    });
    let found: Vec<_> = told.take().into_iter().map(|(finding, _)| finding).collect();
    assert_eq!(found, [Finding::Futurelock, Finding::Circle]);
}

#[test]
fn a_futurelock_of_all_tasks_does_not_keep_the_suspicion_back() {
    let (runtime, told) = runtime(2, Duration::ZERO);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        let (_own, held) = (b.lock().await, a.lock().await);
        let (keeps, wants) = (Rc::clone(&a), Rc::clone(&b));
        spawn(async move {
            let mut in_line = pin!(keeps.lock());
            assert!(futures::poll!(in_line.as_mut()).is_pending());
            drop(wants.lock().await);
        })
        .detach();
        yield_now().await;
        drop(held);
        race((async { drop(a.lock().await) }, reported())).await;
    });
    let found: Vec<_> = told.take().into_iter().map(|(finding, _)| finding).collect();
    assert_eq!(found, [Finding::Futurelock, Finding::Suspected]);
}
