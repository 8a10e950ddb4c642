//! What a report has of locks and waits that began long ago: in the run before, or before another task came and went.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use taketurns::insight::Finding;
use taketurns::sync::{Event, Mutex, RwLock, oneshot};
use taketurns::time::{Instant, sleep};
use taketurns::{Builder, Runtime, spawn, yield_now};

use crate::{HOUR, reported, runtime};

pub(crate) const FILE: &str = file!();

const MOMENT: Duration = Duration::from_millis(1);

/// The next future of `block_on` is another one, and does not read.
#[test]
fn a_read_guard_that_a_run_gave_to_its_caller_is_not_the_next_runs() {
    let (runtime, told) = runtime(1, HOUR);
    let lock = Rc::new(RwLock::new(()));
    drop(runtime.block_on(lock.read()));
    runtime.block_on(async {
        let read = Rc::clone(&lock);
        spawn(async move {
            let _held = read.read().await;
            sleep(5 * MOMENT).await;
        })
        .detach();
        yield_now().await;
        let written = Rc::clone(&lock);
        spawn(async move { drop(written.write().await) }).await.unwrap();
    });
    assert_eq!(told.take(), []);
}

/// Nor does it wait for that lock.
#[test]
fn a_wait_that_a_run_gave_to_its_caller_is_not_the_next_runs() {
    let (runtime, told) = runtime(1, HOUR);
    let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
    let go = Rc::new(Event::new());
    let (first, second, goes) = (Rc::clone(&a), Rc::clone(&b), Rc::clone(&go));
    let task = runtime.spawn(async move {
        let _first = first.lock().await;
        goes.wait().await;
        drop(second.lock().await);
    });
    let mut given = Box::pin(a.lock());
    runtime.block_on(async {
        yield_now().await;
        assert!(futures::poll!(given.as_mut()).is_pending());
    });
    runtime.block_on(async {
        let held = b.lock().await;
        go.set();
        let (sender, receiver) = futures::channel::oneshot::channel();
        spawn(async move {
            sleep(5 * MOMENT).await;
            sender.send(()).unwrap();
        })
        .detach();
        receiver.await.unwrap(); // another crate's future, of which nothing is noted
        drop(held);
        task.await.unwrap();
    });
    drop(given);
    assert_eq!(told.take(), []);
}

#[test]
fn a_wait_that_began_in_the_run_before_is_told() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    let (_sender, receiver) = oneshot::channel::<()>();
    runtime.spawn(async move { receiver.await.unwrap() }).detach();
    runtime.block_on(yield_now());
    runtime.block_on(reported());
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Suspected);
    assert!(text.contains("\n    waits for the value of the oneshot made at here"), "{text}");
}

#[test]
fn a_wait_that_was_ended_between_two_runs_is_over() {
    let (runtime, told) = runtime(1, HOUR);
    let (sender, receiver) = oneshot::channel();
    let task = runtime.spawn(async move {
        receiver.await.unwrap();
        let lock = Mutex::new(());
        let _held = lock.lock().await;
        drop(lock.lock().await);
    });
    runtime.block_on(yield_now());
    sender.send(()).unwrap();
    runtime.block_on(reported());
    drop(task);
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    assert!(!text.contains("oneshot"), "{text}");
}

/// Its timer has another key then.
#[test]
fn a_wait_for_a_timer_that_is_set_anew_after_it_has_fired_is_over() {
    let (runtime, told) = runtime(1, HOUR);
    let task = runtime.spawn(async {
        let mut idle = pin!(sleep(MOMENT));
        let mut has_begun = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut has_begun, true) {
                idle.as_mut().reset(Instant::now() + HOUR);
                assert!(idle.as_mut().poll(cx).is_pending());
                return Poll::Ready(());
            }
            idle.as_mut().poll(cx)
        })
        .await;
        idle.as_mut().reset(Instant::now());
        idle.await;
        let lock = Mutex::new(());
        let _held = lock.lock().await;
        drop(lock.lock().await);
    });
    runtime.block_on(reported());
    drop(task);
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    assert!(!text.contains("timer"), "{text}");
}

#[test]
fn locks_that_were_taken_in_the_run_before_close_a_circle() {
    let (runtime, told) = runtime(1, HOUR);
    let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
    let go = Rc::new(Event::new());
    for (first, second) in [(&a, &b), (&b, &a)] {
        let (first, second, go) = (Rc::clone(first), Rc::clone(second), Rc::clone(&go));
        let both = async move {
            let _first = first.lock().await;
            go.wait().await;
            let _second = second.lock().await;
        };
        runtime.spawn(both).detach();
    }
    runtime.block_on(yield_now());
    runtime.block_on(async {
        go.set();
        reported().await;
    });
    assert_eq!(told.only().0, Finding::Circle);
}

#[test]
fn a_runtime_that_is_dropped_inside_of_a_run_does_not_end_the_notes() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        drop(Runtime::new().unwrap());
        let (_sender, receiver) = oneshot::channel::<()>();
        spawn(async move { receiver.await.unwrap() }).detach();
        reported().await;
    });
    let (_, text) = told.only();
    assert!(text.contains("\n    waits for the value of the oneshot made at here"), "{text}");
}

/// Two tasks read. The one that still does waits until no task reads.
#[test]
fn a_reader_that_has_gone_is_not_taken_for_the_one_that_stays() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(RwLock::new(()));
        let stays = Rc::clone(&lock);
        spawn(async move {
            let _read = stays.read().await;
            yield_now().await;
            yield_now().await;
            drop(stays.write().await);
        })
        .detach();
        spawn(async move {
            let _read = lock.read().await;
            yield_now().await;
        })
        .detach();
        reported().await;
    });
    assert_eq!(told.only().0, Finding::Circle);
}

/// Its second turn polls the first of its two waits alone.
#[test]
fn waits_are_told_in_the_order_in_which_they_began() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        spawn(async {
            let (event, (_sender, receiver)) = (Event::new(), oneshot::channel::<()>());
            let (mut first, mut second) = (pin!(event.wait()), pin!(receiver));
            let mut is_polled = false;
            poll_fn(|cx| {
                if !std::mem::replace(&mut is_polled, true) {
                    assert!(first.as_mut().poll(cx).is_pending());
                    cx.waker().wake_by_ref();
                    return second.as_mut().poll(cx).map(drop);
                }
                first.as_mut().poll(cx)
            })
            .await;
        })
        .detach();
        reported().await;
    });
    let (_, text) = told.only();
    let waits =
        "polled 2 times, waiting\n    waits for the `Event` made at here\n    waits for the value";
    assert!(text.contains(waits), "{text}");
}

#[test]
fn a_grace_that_is_over_is_followed_by_the_report() {
    let (runtime, told) = runtime(1, 20 * MOMENT);
    runtime.block_on(reported());
    assert_eq!(told.only().0, Finding::Suspected);
}

#[test]
fn the_metrics_count_the_reports() {
    let (runtime, told) = runtime(1, HOUR);
    let handle = runtime.handle();
    assert_eq!(handle.metrics().deadlocks, Some(0));
    runtime.block_on(async {
        spawn(std::future::pending::<()>()).detach();
        reported().await;
    });
    assert_eq!(told.only().0, Finding::Stuck);
    assert_eq!(handle.metrics().deadlocks, Some(1));
}

#[test]
fn a_function_whose_captures_panic_when_they_are_dropped_does_not_hurt() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the destructor of what the function owns");
        }
    }
    let bomb = Bomb;
    let builder = Builder::new().on_deadlock(move |_| _ = &bomb);
    let runtime = builder.build().unwrap();
    runtime.block_on(yield_now());
    drop(runtime);
}
