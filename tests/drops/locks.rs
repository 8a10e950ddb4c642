//! Semaphore, Mutex, RwLock, Barrier, Event and Notify.

use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::{Barrier, Event, Mutex, Notify, RwLock, Semaphore};
use taketurns::time::sleep;
use taketurns::yield_now;

use crate::Row;
use crate::scene::{Plan, Stage};

pub(crate) const ROWS: &[Row] = &[
    ("sync/semaphore.rs acquire", || {
        contended(1).tested(async |stage| {
            let _permit = stage.acquire().await.unwrap();
            yield_now().await;
        })
    }),
    ("sync/semaphore.rs acquire_many", || {
        contended(3).tested(async |stage| {
            let _permits = stage.acquire_many(3).await.unwrap();
            yield_now().await;
        })
    }),
    ("sync/semaphore.rs acquire_owned", || {
        contended(1).tested(async |stage| {
            let _permit = stage.acquire_owned().await.unwrap();
            yield_now().await;
        })
    }),
    ("sync/semaphore.rs acquire_many_owned", || {
        contended(3).tested(async |stage| {
            let _permits = stage.acquire_many_owned(3).await.unwrap();
            yield_now().await;
        })
    }),
    ("sync/mutex.rs lock", || {
        mutex().tested(async |stage| {
            let _guard = stage.lock().await;
            yield_now().await;
        })
    }),
    ("sync/mutex.rs lock_owned", || {
        mutex().tested(async |stage| {
            let _guard = stage.lock_owned().await;
            yield_now().await;
        })
    }),
    ("sync/rwlock.rs read", || {
        rwlock().tested(async |stage| {
            let _guard = stage.read().await;
            yield_now().await;
        })
    }),
    ("sync/rwlock.rs write", || {
        rwlock().tested(async |stage| {
            let _guard = stage.write().await;
            yield_now().await;
        })
    }),
    ("sync/barrier.rs wait", || {
        // Whether or not the future under test counts: two more always come, then one for each that is left over.
        let meet = async |stage: &Stage<Barrier>| {
            stage.wait().await;
        };
        let fill = async |stage: &Stage<Barrier>| {
            sleep(Duration::from_secs(1)).await;
            while !format!("{:?}", **stage).ends_with("waiters: 0 }") {
                stage.wait().await;
            }
        };
        Plan::new(Barrier::new(2)).beside(meet).beside(meet).beside(fill).tested(async |stage| {
            stage.wait().await;
        })
    }),
    ("sync/event.rs wait", || {
        let wait = async |stage: &Stage<Event>| stage.wait().await;
        let set = async |stage: &Stage<Event>| {
            yield_now().await;
            stage.set();
            yield_now().await;
            stage.clear();
            yield_now().await;
            stage.set();
        };
        let plan = Plan::new(Event::new()).ends_with("is_set: false", "is_set: true");
        plan.beside(wait).beside(set).beside(wait).tested(async |stage| stage.wait().await)
    }),
    ("sync/notify.rs notified", || {
        // A notification for each future. That of a dropped future goes on: to another, or it is stored.
        let wait = async |stage: &Stage<Notify>| {
            stage.notified().await;
            stage.arrived();
        };
        let tell = async |stage: &Stage<Notify>| {
            for number in 1..=3 {
                sleep(Duration::from_secs(1)).await;
                stage.value(number);
                stage.notify_one();
            }
            sleep(Duration::from_secs(1)).await;
            if format!("{:?}", **stage).contains("is_stored: true") {
                stage.notified().await;
                stage.arrived();
            }
        };
        Plan::new(Notify::new()).beside(wait).beside(tell).beside(wait).tested(async |stage| {
            stage.notified().await;
            stage.arrived();
        })
    }),
    ("sync/notify.rs notified", || {
        // Those of `notify_waiters` go to the futures that wait then, and to no other.
        let wait = async |stage: &Stage<Notify>| stage.notified().await;
        let tell = async |stage: &Stage<Notify>| {
            sleep(Duration::from_secs(1)).await;
            stage.notify_waiters();
        };
        let plan = Plan::new(Notify::new()).beside(wait).beside(tell).beside(wait);
        plan.tested(async |stage| stage.notified().await)
    }),
];

/// One task has all permits first or last, and others ask for one each.
fn contended(permits: usize) -> Plan<Rc<Semaphore>> {
    let one = async |stage: &Stage<Rc<Semaphore>>| {
        let _permit = stage.acquire().await.unwrap();
        yield_now().await;
    };
    let all = async move |stage: &Stage<Rc<Semaphore>>| {
        let _permits = stage.acquire_many(permits).await.unwrap();
        yield_now().await;
    };
    Plan::new(Rc::new(Semaphore::new(permits))).beside(one).beside(all).beside(one)
}

fn mutex() -> Plan<Rc<Mutex<()>>> {
    let lock = async |stage: &Stage<Rc<Mutex<()>>>| {
        let _guard = stage.lock().await;
        yield_now().await;
    };
    Plan::new(Rc::new(Mutex::new(()))).beside(lock).beside(lock)
}

fn rwlock() -> Plan<RwLock<()>> {
    let read = async |stage: &Stage<RwLock<()>>| {
        let _guard = stage.read().await;
        yield_now().await;
    };
    let write = async |stage: &Stage<RwLock<()>>| {
        let guard = stage.write().await;
        yield_now().await;
        let _guard = guard.downgrade();
        yield_now().await;
    };
    Plan::new(RwLock::new(())).beside(read).beside(write).beside(read).beside(write)
}
