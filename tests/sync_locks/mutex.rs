//! Mutex: one task at a time, across awaits, in order.

use std::cell::Cell;
use std::rc::Rc;

use futures::FutureExt;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use taketurns::sync::Mutex;
use taketurns::{block_on, spawn, yield_now};

use super::common::Trace;
use super::scripted::Script;
use super::{Hand, panic_of, poll_with};

#[test]
fn tasks_lock_in_the_order_in_which_they_asked() {
    let trace = Trace::new();
    block_on(async {
        let mutex = Rc::new(Mutex::new(0));
        let tasks = [1, 2, 3].map(|task| {
            let (mutex, trace) = (Rc::clone(&mutex), trace.clone());
            spawn(async move {
                for _ in 0..2 {
                    let mut value = mutex.lock().await;
                    let before = *value;
                    yield_now().await; // a task that came in now would be lost from the sum
                    *value = before + 1;
                    trace.push(task);
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*mutex.lock().await, 6);
    });
    assert_eq!(trace.take(), "1 2 3 1 2 3");
}

#[test]
fn no_future_overtakes_the_one_that_was_granted_the_lock() {
    let (hand, mutex) = (Hand::default(), Mutex::new(0));
    let guard = mutex.try_lock().unwrap();
    let (mut a, mut b) = (mutex.lock(), mutex.lock());
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    drop(guard);
    assert_eq!(hand.woken(), "a");
    let text = mutex.try_lock().unwrap_err().to_string();
    assert_eq!(text, "the lock is taken, or a future waits for it");
    hand.waits("c", &mut mutex.lock());
    drop(a);
    assert_eq!(hand.woken(), "b");
    drop(b);
    assert_eq!(*mutex.try_lock().unwrap(), 0);
}

#[test]
fn an_owned_lock_that_is_dropped_hands_on_what_it_was_granted() {
    let (hand, mutex) = (Hand::default(), Rc::new(Mutex::new(0)));
    let guard = mutex.try_lock_owned().unwrap();
    let (mut a, mut b) = (mutex.lock_owned(), mutex.lock_owned());
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    drop(guard);
    assert_eq!(hand.woken(), "a");
    drop(a);
    assert_eq!(hand.woken(), "b");
    drop(b);
    assert_eq!(*mutex.try_lock().unwrap(), 0);
}

#[test]
fn an_owned_guard_goes_to_another_task_with_the_value() {
    let trace = Trace::new();
    block_on(async {
        let mutex = Rc::new(Mutex::new(vec![1]));
        let mut guard = mutex.lock_owned().await;
        assert!(mutex.try_lock_owned().is_err());
        let told = trace.clone();
        spawn(async move {
            guard.push(2);
            told.push("pushed");
            assert_eq!(format!("{guard:?}"), "[1, 2]");
        })
        .detach();
        trace.push(format!("{:?}", mutex.lock().await));
        trace.push(format!("{:?}", mutex.try_lock_owned().unwrap()));
        assert_eq!(Rc::try_unwrap(mutex).unwrap().into_inner(), [1, 2]);
    });
    assert_eq!(trace.take(), "pushed [1, 2] [1, 2]");
}

#[test]
fn a_task_that_panics_with_the_guard_unlocks() {
    block_on(async {
        let mutex = Rc::new(Mutex::new(1));
        let other = Rc::clone(&mutex);
        let task = spawn(async move {
            let mut value = other.lock().await;
            *value = 2;
            yield_now().await;
            panic!("with the guard");
        });
        yield_now().await;
        assert_eq!(*mutex.lock().await, 2);
        assert!(task.await.unwrap_err().is_panic());
    });
}

#[test]
fn a_waker_may_use_the_value_inside_of_the_unlock() {
    let mutex: &'static Mutex<u32> = Box::leak(Box::new(Mutex::new(1)));
    for owned in [false, true] {
        let (script, seen) = (Rc::new(Script::default()), Rc::new(Cell::new(0)));
        let mut next = mutex.lock();
        let shared = Rc::new(Mutex::new(5));
        if owned {
            let guard = shared.try_lock_owned().unwrap();
            let (saw, mut next, lock) = (Rc::clone(&seen), shared.lock_owned(), Hand::default());
            let mut first = shared.lock_owned();
            let waits = Rc::new(Script::default());
            assert!(poll_with(&waits.waker(), &mut next).is_pending());
            waits.on_wake.set(Some(Box::new(move || saw.set(*lock.gets("next", &mut next)))));
            drop(guard);
            assert_eq!(*Hand::default().gets("first", &mut first), 5);
            assert_eq!(seen.get(), 5);
        } else {
            let guard = mutex.try_lock().unwrap();
            assert!(poll_with(&script.waker(), &mut next).is_pending());
            let (saw, hand) = (Rc::clone(&seen), Hand::default());
            script.on_wake.set(Some(Box::new(move || saw.set(*hand.gets("next", &mut next)))));
            drop(guard);
            assert_eq!(seen.get(), 1);
        }
    }
}

#[test]
fn the_owner_of_the_mutex_needs_no_lock() {
    let mut mutex = Mutex::from(1);
    std::mem::forget(mutex.try_lock().unwrap());
    *mutex.get_mut() += 1;
    assert!(mutex.try_lock().is_err(), "the guard was leaked");
    assert_eq!((mutex.into_inner(), Mutex::<i32>::default().into_inner()), (2, 0));
}

#[test]
fn debug_shows_the_value_or_who_waits() {
    let (hand, mutex) = (Hand::default(), Mutex::new(1));
    assert_eq!(format!("{mutex:?}"), "Mutex { value: 1, waiters: 0 }");
    let guard = mutex.try_lock().unwrap();
    let mut a = mutex.lock();
    hand.waits("a", &mut a);
    assert_eq!(format!("{mutex:?}"), "Mutex { value: <locked>, waiters: 1 }");
    assert!(format!("{a:?}").starts_with("Lock { state: in line, site: "), "{a:?}");
    assert_eq!(format!("{guard:?}"), "1");
}

#[test]
fn a_lock_polled_after_it_was_ready_says_so() {
    let mutex = Mutex::new(1);
    let mut lock = mutex.lock();
    drop(Hand::default().gets("a", &mut lock));
    let text = panic_of(|| drop(Hand::default().poll("a", &mut lock)));
    assert!(text.starts_with("the `Mutex::lock()` at "), "{text}");
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn it_works_under_another_executor_and_under_none() {
    let mutex = Rc::new(Mutex::new(String::new()));
    mutex.lock().now_or_never().unwrap().push('a');
    let mut pool = LocalPool::new();
    for letter in ['b', 'c', 'd'] {
        let mutex = Rc::clone(&mutex);
        let task = async move {
            let mut text = mutex.lock().await;
            yield_now().await;
            text.push(letter);
        };
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run();
    assert_eq!(*mutex.lock().now_or_never().unwrap(), "abcd");
}
