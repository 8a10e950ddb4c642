//! What other threads see of a loop's tasks, against what the loop does meanwhile.

#![forbid(unsafe_code)]

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use super::{UNBOUNDED, bounded_twice, executor, model, thread};
use crate::Handle;
use crate::executor::Id;
use crate::insight::Slot;

/// A thread reads a slot while its task ends and another takes the slot over: both times a future of `block_on`, so that the
/// id is the same. What it reads is of one of them: never a part of the one and a part of the other.
///
/// Unbounded: two threads.
#[test]
fn sample_against_retire_and_reuse() {
    model(UNBOUNDED, || {
        let slot = Arc::new(Slot::new());
        slot.begin(Id::ROOT, 10, 100);
        let read = Arc::clone(&slot);
        let away = thread::spawn(move || read.read());
        slot.end();
        slot.begin(Id::ROOT, 20, 200);
        if let Some(read) = away.join().unwrap() {
            assert_eq!(read.id, Id::ROOT);
            assert!(matches!((read.story, read.stands), (10, 100) | (20, 200)), "{read:?}");
        }
    });
}

/// A thread reads a slot that is used for the first time: nothing, or all of the task.
///
/// Unbounded: two threads.
#[test]
fn sample_against_first_use() {
    model(UNBOUNDED, || {
        let slot = Arc::new(Slot::new());
        let read = Arc::clone(&slot);
        let away = thread::spawn(move || read.read());
        slot.begin(Id(1), 10, 100);
        if let Some(read) = away.join().unwrap() {
            assert_eq!((read.id, read.story, read.stands), (Id(1), 10, 100));
        }
    });
}

/// A thread has the loop list its tasks, of which it lists one in each slice, while another thread sends a task. The tasks that
/// stay are told once each, and the thread that asked does not wait for ever.
///
/// One preemption: the task that is sent may come anywhere among the slices.
#[test]
fn dump_against_spawn_storm() {
    model(bounded_twice(1, 2), || {
        let here = executor();
        let stay = [here.spawn(pending::<()>()), here.spawn(pending::<()>())];
        let (asks, sends) = (Handle::new(&here), Handle::new(&here));
        let away = thread::spawn(move || {
            let dump = asks.dump(Duration::MAX);
            asks.stop();
            dump
        });
        let storm = thread::spawn(move || drop(sends.spawn(async {})));
        here.run_forever();
        let dump = away.join().unwrap();
        storm.join().unwrap();
        assert!(dump.is_answered());
        let told = |id| dump.tasks().iter().filter(|task| task.info().id() == id).count();
        assert_eq!([1, 2, 3].map(|id| told(Id(id)))[..2], [1, 1]);
        assert!(told(Id(3)) <= 1 && dump.tasks().len() <= 3);
        drop(stay);
    });
}

/// A thread asks while the executor ends. It does not wait for ever.
///
/// Unbounded: two threads.
#[test]
fn dump_against_the_end() {
    model(UNBOUNDED, || {
        let here = executor();
        here.spawn(pending::<()>()).detach();
        let asks = Handle::new(&here);
        let away = thread::spawn(move || asks.dump(Duration::MAX).tasks().len());
        here.block_on(async {});
        drop(here);
        assert!(away.join().unwrap() <= 2); // the task, and the future of `block_on`
    });
}
