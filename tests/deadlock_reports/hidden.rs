//! Circles that something beside them could hide.

use std::pin::pin;
use std::rc::Rc;

use taketurns::insight::Finding;
use taketurns::sync::{Mutex, RwLock};
use taketurns::time::{sleep, timeout};
use taketurns::{spawn, task, yield_now};

use crate::{HOUR, reported, runtime};

type Lock = Rc<Mutex<()>>;

/// A task that takes its lock, and then wants all others at once.
fn takes(own: &Lock, others: &[&Lock]) {
    let own = Rc::clone(own);
    let others: Vec<Lock> = others.iter().map(|lock| Rc::clone(lock)).collect();
    spawn(async move {
        let _own = own.lock().await;
        yield_now().await;
        task::join_all(others.iter().map(|lock| lock.lock())).await;
    })
    .detach();
}

/// Task #1 waits for #2, which is in a circle with #3. It is itself in one with #4.
#[test]
fn two_circles_are_told_though_the_way_to_one_begins_in_the_other() {
    let (runtime, told) = runtime(2, HOUR);
    runtime.block_on(async {
        let [a, b, c, d] = [(); 4].map(|()| Rc::new(Mutex::new(())));
        takes(&a, &[&b, &d]);
        takes(&b, &[&c]);
        takes(&c, &[&b]);
        takes(&d, &[&a]);
        reported().await;
    });
    let circles = told.take().into_iter().map(|(finding, text)| {
        assert_eq!(finding, Finding::Circle);
        text.lines().nth(1).unwrap().to_owned()
    });
    let circles: Vec<_> = circles.collect();
    assert_eq!(
        circles,
        [
            "in a circle: task #2 waits for task #3, which waits for task #2",
            "in a circle: task #1 waits for task #4, which waits for task #1",
        ]
    );
}

/// A look at so many tasks is taken once a second. The loop looks at the beginning, and has nothing to do when the next is due.
#[test]
fn a_circle_beside_many_tasks_is_told_though_the_loop_has_nothing_more_to_do() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        for _ in 0..100 {
            spawn(sleep(HOUR)).detach();
        }
        sleep(std::time::Duration::from_millis(1)).await;
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        takes(&a, &[&b]);
        takes(&b, &[&a]);
        reported().await;
    });
    assert_eq!(told.only().0, Finding::Circle);
}

/// The last of twenty readers wants to write.
#[test]
fn a_task_that_waits_for_itself_beside_many_readers_is_told() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(RwLock::new(()));
        for _ in 0..20 {
            let lock = Rc::clone(&lock);
            spawn(async move {
                let _reads = lock.read().await;
                sleep(HOUR).await;
            })
            .detach();
        }
        yield_now().await;
        let last = spawn(async move {
            let _reads = lock.read().await;
            drop(lock.write().await);
        });
        reported().await;
        last.abort();
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle, "{text}");
    assert!(text.starts_with("deadlock: a task waits for itself"), "{text}");
}

/// Each waits for itself, too.
#[test]
fn two_readers_that_both_want_to_write_are_told_to_wait_for_each_other() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(RwLock::new(()));
        for _ in 0..2 {
            let lock = Rc::clone(&lock);
            spawn(async move {
                let _reads = lock.read().await;
                yield_now().await;
                drop(lock.write().await);
            })
            .detach();
        }
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle, "{text}");
    let circle = "in a circle: task #1 waits for task #2, which waits for task #1\n";
    assert!(text.contains(circle), "{text}");
}

/// The second waits for what was granted to a future of the first, which is not certain. That the first waits for itself is.
#[test]
fn a_task_that_waits_for_itself_for_certain_is_not_told_in_a_circle_that_is_only_suspected() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let (lock, granted) = (Rc::new(RwLock::new(())), Rc::new(Mutex::new(())));
        let held = granted.lock().await;
        let (reads, in_line) = (Rc::clone(&lock), Rc::clone(&granted));
        spawn(async move {
            let _reads = reads.read().await;
            let mut unpolled = pin!(in_line.lock());
            assert!(futures::poll!(unpolled.as_mut()).is_pending());
            yield_now().await;
            drop(reads.write().await);
        })
        .detach();
        let behind = Rc::clone(&granted);
        spawn(async move {
            let _reads = lock.read().await;
            yield_now().await;
            drop(behind.lock().await);
        })
        .detach();
        yield_now().await;
        drop(held);
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle, "{text}");
    assert!(text.starts_with("deadlock: a task waits for itself\n  task #1,"), "{text}");
}

/// The writer that is first in line may give up. Then the reader still waits for the second, which waits for the reader.
#[test]
fn a_reader_behind_a_writer_that_may_go_on_is_told_of_the_next_writer_in_line() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(RwLock::new(()));
        let reads = Rc::clone(&lock);
        spawn(async move {
            let _reads = reads.read().await;
            yield_now().await;
            drop(reads.read().await);
        })
        .detach();
        let writes = Rc::clone(&lock);
        spawn(async move { timeout(HOUR, writes.write()).await.is_ok() }).detach();
        spawn(async move { drop(lock.write().await) }).detach();
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle, "{text}");
    let circle = "in a circle: task #1 waits for task #3, which waits for task #1\n";
    assert!(text.contains(circle), "{text}");
}
