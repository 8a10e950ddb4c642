//! Which tasks keep another waiting, as a dump tells it to programs.

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use taketurns::sync::RwLock;
use taketurns::task::JoinSet;
use taketurns::{Builder, Handle, spawn, yield_now};

/// The one wait of the task that was spawned last, by a task of the runtime.
fn last_wait() -> Value {
    let dump = Handle::current().dump(Duration::ZERO);
    let read: Value = serde_json::from_str(&dump.to_json()).unwrap();
    let waits = read["tasks"].as_array().unwrap().last().unwrap()["waits"].as_array().unwrap();
    assert_eq!(waits.len(), 1, "{dump}");
    waits[0].clone()
}

#[test]
fn of_a_lock_that_many_tasks_have_16_are_named_and_the_others_are_counted() {
    let runtime = Builder::new().report_deadlocks(true).on_lost(|_| {}).build().unwrap();
    for (readers, more) in [(2, 0), (16, 0), (19, 3)] {
        let wait = runtime.block_on(async move {
            let lock = Rc::new(RwLock::new(()));
            let read = || {
                let lock = Rc::clone(&lock);
                spawn(async move {
                    let _twice = (lock.read().await, lock.read().await);
                    pending::<()>().await;
                })
            };
            let tasks: Vec<_> = (0..readers).map(|_| read()).collect();
            yield_now().await;
            let writer = spawn(async move { drop(lock.write().await) });
            yield_now().await;
            let first = tasks.iter().take(16).map(|task| task.id().to_string());
            let first: Vec<u64> = first.map(|id| id[1..].parse().unwrap()).collect();
            let wait = last_wait();
            assert_eq!(wait["holders"], json!(first), "{wait}");
            tasks.iter().for_each(taketurns::JoinHandle::abort);
            writer.await.unwrap();
            wait
        });
        assert_eq!(wait["more_holders"], more, "{wait}");
        let text = wait["text"].as_str().unwrap();
        assert!(text.matches("locked by task").count() == (2 * readers).min(8), "{text}");
        assert_eq!(text.ends_with("; and more"), readers > 4, "{text}");
    }
}

#[test]
fn of_many_tasks_of_a_set_16_are_named_and_the_others_are_counted() {
    let runtime = Builder::new().report_deadlocks(true).on_lost(|_| {}).build().unwrap();
    let wait = runtime.block_on(async {
        let owner = spawn(async {
            let mut set = JoinSet::new();
            (0..20).for_each(|_| _ = set.spawn(pending::<()>()));
            set.join_next().await;
        });
        yield_now().await;
        let dump = Handle::current().dump(Duration::ZERO);
        drop(owner);
        let read: Value = serde_json::from_str(&dump.to_json()).unwrap();
        read["tasks"][1]["waits"][0].clone()
    });
    let read: Value = serde_json::from_str(&runtime.dump().to_json()).unwrap();
    let between_runs = &read["tasks"][0]["waits"][0];
    for wait in [&wait, between_runs] {
        assert_eq!(wait["holders"], json!((2..18).collect::<Vec<_>>()), "{wait}");
        assert_eq!(wait["more_holders"], 4, "{wait}");
    }
}
