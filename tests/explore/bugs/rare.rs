//! What shows only if a task is kept back for many turns, at the right place.

use std::cell::Cell;
use std::rc::Rc;

use futures::lock::Mutex;

use crate::yields;
use taketurns::{spawn, yield_now};

/// Depth 1: the whole request comes before the first turn of the cache.
pub(super) async fn cold_cache(planted: bool) {
    let cache = Rc::new(Cell::new(None));
    let warmed = Rc::clone(&cache);
    let warms = spawn(async move { warmed.set(Some(42)) });
    let request = spawn(async move {
        yields(25).await; // it is parsed, checked, logged
        if planted { cache.get() } else { Some(cache.get().unwrap_or(42)) }
    });
    assert_eq!(request.await.unwrap(), Some(42), "the cache is cold");
    warms.await.unwrap();
}

/// Depth 2: sixteen writes come between two reads.
pub(super) async fn wrapped_version(planted: bool) {
    let version = Rc::new(Cell::new(0_u64));
    let words = Rc::new([Cell::new(0), Cell::new(0)]);
    let reader = {
        let (version, words) = (Rc::clone(&version), Rc::clone(&words));
        spawn(async move {
            for _ in 0..6 {
                let before = version.get();
                let first = words[0].get();
                yield_now().await;
                let second = words[1].get();
                if version.get() == before && before % 2 == 0 {
                    assert_eq!(first, second, "words of two versions");
                }
                yield_now().await;
            }
        })
    };
    let step = move |version: &Cell<u64>| {
        let next = version.get() + 1;
        version.set(if planted { next % 32 } else { next });
    };
    yield_now().await;
    for value in 1..=16 {
        step(&version); // odd: a write has begun
        words[0].set(value);
        yield_now().await;
        words[1].set(value);
        step(&version);
        yield_now().await;
    }
    reader.await.unwrap();
}

/// Depth 2: a task that comes late meets one that is long past.
pub(super) async fn late_lock_order(planted: bool) {
    async fn with_both(before: u32, first: Rc<Mutex<()>>, second: Rc<Mutex<()>>) {
        yields(before).await;
        let _first = first.lock().await;
        yields(4).await;
        let _second = second.lock().await;
    }
    let (a, b) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
    let early = spawn(with_both(0, Rc::clone(&a), Rc::clone(&b)));
    let (first, second) = if planted { (b, a) } else { (a, b) };
    let late = spawn(with_both(40, first, second));
    early.await.unwrap();
    late.await.unwrap();
}

/// Depth 3: a leader is kept back until another has its place, and goes on while that one writes.
pub(super) async fn stale_leader(planted: bool) {
    let leader = Rc::new(Cell::new(1));
    let halves = Rc::new([Cell::new(0), Cell::new(0)]);
    let old = {
        let (leader, halves) = (Rc::clone(&leader), Rc::clone(&halves));
        spawn(async move {
            for round in 0..3 {
                if leader.get() == 1 {
                    yields(8).await; // the entry is made
                    if planted || leader.get() == 1 {
                        halves[0].set(round);
                        halves[1].set(round);
                    }
                }
                yield_now().await;
            }
        })
    };
    let new = spawn(async move {
        yields(80).await; // the old leader's time runs out
        leader.set(2);
        for entry in 10..22 {
            halves[0].set(entry);
            yields(7).await;
            halves[1].set(entry);
            assert_eq!(halves[0].get(), entry, "written by two leaders");
            yield_now().await;
        }
    });
    old.await.unwrap();
    new.await.unwrap();
}
