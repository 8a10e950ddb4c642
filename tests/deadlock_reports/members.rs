//! Waits for the tasks of a set or group of which not all are known: another runtime of the thread, which does not report, has some.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::{Event, Mutex};
use taketurns::task::{JoinSet, TaskGroup};
use taketurns::time::sleep;
use taketurns::{Builder, JoinHandle, Runtime, spawn, yield_now};

use crate::{HOUR, runtime};

const MOMENT: Duration = Duration::from_millis(1);

type Lock = Rc<Mutex<()>>;

async fn wants(lock: Lock) {
    drop(lock.lock().await);
}

fn silent() -> Runtime {
    Builder::new().on_lost(|_| {}).build().unwrap()
}

/// The owner waits in its runtime, in vain; the task that it waits for ends in the other; and the owner goes on.
fn goes_on(other: &Runtime, runtime: &Runtime, owner: JoinHandle<()>) {
    runtime.block_on(async { sleep(5 * MOMENT).await });
    other.block_on(async { sleep(5 * MOMENT).await });
    runtime.block_on(owner).unwrap();
}

/// That task ends the wait. It is spawned before, or after, the task that wants the lock.
#[test]
fn a_set_with_a_task_of_a_runtime_that_does_not_report_is_left_alone() {
    for is_first in [false, true] {
        let (other, (runtime, told)) = (silent(), runtime(1, HOUR));
        let lock = Lock::default();
        let mut set = JoinSet::new();
        let spawns = |set: &mut JoinSet<()>| {
            other.block_on(async { _ = set.spawn(sleep(MOMENT)) });
        };
        if is_first {
            spawns(&mut set);
        }
        let go = Rc::new(Event::new());
        let (wanted, goes) = (Rc::clone(&lock), Rc::clone(&go));
        let waits = async move {
            goes.wait().await;
            wants(wanted).await;
        };
        runtime.block_on(async { _ = set.spawn(waits) });
        if !is_first {
            spawns(&mut set);
        }
        let starts = Rc::clone(&go);
        let owner = runtime.spawn(async move {
            let _held = lock.lock().await;
            starts.wait().await;
            set.join_next().await.unwrap().unwrap();
        });
        runtime.block_on(yield_now());
        go.set();
        goes_on(&other, &runtime, owner);
        assert_eq!(told.take(), [], "{is_first}");
    }
}

/// Its failure ends the group. It is spawned before the group waits, or while it does; and its number is its own, or that of the
/// group's other task, as each runtime counts by itself.
#[test]
fn a_group_with_a_task_of_a_runtime_that_does_not_report_is_left_alone() {
    for (is_first, has_its_number) in [(false, false), (false, true), (true, false), (true, true)] {
        let (other, (runtime, told)) = (silent(), runtime(1, HOUR));
        let (shared, go) = (Rc::new(RefCell::new(None)), Rc::new(Event::new()));
        let (shares, goes) = (Rc::clone(&shared), Rc::clone(&go));
        if !is_first {
            go.set();
        }
        let owner = runtime.spawn(async move {
            let (lock, held) = (Lock::default(), RefCell::new(None));
            let beside = Mutex::new(());
            // So the tasks of the other runtime are noted too.
            let _held = if has_its_number { Some(beside.lock().await) } else { None };
            let body = async |group: TaskGroup<&'static str>| {
                shares.replace(Some(group.clone()));
                goes.wait().await;
                held.replace(Some(lock.lock().await)); // until the group has ended
                let wanted = Rc::clone(&lock);
                group.spawn(async move {
                    wants(wanted).await;
                    Ok(())
                });
                Ok(())
            };
            TaskGroup::scope(body).await.unwrap_err();
        });
        let some_turns = async || {
            for _ in 0..3 {
                yield_now().await;
            }
        };
        runtime.block_on(some_turns());
        other.block_on(async {
            if has_its_number {
                spawn(async {}).await.unwrap();
            }
            shared.take().unwrap().spawn(async {
                sleep(MOMENT).await;
                Err::<(), _>("the end of the group")
            });
        });
        go.set();
        goes_on(&other, &runtime, owner);
        assert_eq!(told.take(), [], "{is_first} {has_its_number}");
    }
}

/// The number of the task that ends the group is that of one which ends before.
#[test]
fn a_task_that_ends_does_not_hide_the_one_of_another_runtime_that_has_its_number() {
    let (other, (runtime, told)) = (silent(), runtime(1, HOUR));
    let (shared, end) = (Rc::new(RefCell::new(None)), Rc::new(Event::new()));
    let (shares, ends) = (Rc::clone(&shared), Rc::clone(&end));
    let owner = runtime.spawn(async move {
        let (lock, held) = (Lock::default(), RefCell::new(None));
        let body = async |group: TaskGroup<&'static str>| {
            shares.replace(Some(group.clone()));
            held.replace(Some(lock.lock().await)); // until the group has ended
            let (wanted, ends) = (Rc::clone(&lock), Rc::clone(&ends));
            group.spawn(async move {
                ends.wait().await;
                Ok(())
            });
            group.spawn(async move {
                wants(wanted).await;
                Ok(())
            });
            Ok(())
        };
        TaskGroup::scope(body).await.unwrap_err();
    });
    runtime.block_on(yield_now());
    other.block_on(async {
        spawn(async {}).await.unwrap();
        shared.take().unwrap().spawn(async {
            sleep(MOMENT).await;
            Err::<(), _>("the end of the group")
        });
    });
    end.set();
    goes_on(&other, &runtime, owner);
    assert_eq!(told.take(), []);
}

#[test]
fn the_tasks_of_a_group_are_told_before_they_begin() {
    let (runtime, _) = runtime(1, HOUR);
    let body = async |group: TaskGroup<()>| {
        for _ in 0..2 {
            group.spawn(async { Ok(()) });
        }
        Ok(())
    };
    let text = runtime.block_on(async {
        let mut group = pin!(TaskGroup::scope(body));
        assert!(futures::poll!(group.as_mut()).is_pending());
        runtime.dump().to_string()
    });
    assert!(text.contains(", 2 left: task #1, task #2\n"), "{text}");
    assert_eq!(text.matches(", never polled").count(), 2, "{text}");
}
