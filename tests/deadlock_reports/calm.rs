//! What waits for something that may come is left alone, though the grace is over at once.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use taketurns::cancel::Scope;
use taketurns::insight::{Finding, Named};
use taketurns::net::TcpListener;
use taketurns::sync::{Mutex, ReadGuard, RwLock, Semaphore, oneshot};
use taketurns::time::{Clock, sleep};
use taketurns::{
    Background, Builder, JoinHandle, UnhandledPanic, spawn, spawn_blocking, task, yield_now,
};

use crate::common::some_real_time;
use crate::{HOUR, Told, child, runtime};

pub(crate) const FILE: &str = file!();

#[test]
fn a_server_that_waits_for_a_socket_is_left_alone() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            some_real_time();
            std::net::TcpStream::connect(address).unwrap();
        });
        listener.accept().await.unwrap();
    });
    assert_eq!(told.take(), []);
}

#[test]
fn a_program_that_waits_for_a_timer_is_left_alone() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async { sleep(Duration::from_millis(5)).await });
    assert_eq!(told.take(), []);
}

#[test]
fn a_program_that_waits_for_a_blocking_job_is_left_alone() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async { taketurns::spawn_blocking(some_real_time).await.unwrap() });
    assert_eq!(told.take(), []);
}

#[test]
fn a_loop_that_other_threads_have_a_handle_of_is_left_alone() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    let handle = runtime.handle();
    let thread = thread::spawn(move || {
        some_real_time();
        handle.stop();
    });
    runtime.run_forever();
    thread.join().unwrap();
    assert_eq!(told.take(), []);
}

/// The program does nothing but keep its tasks going.
#[test]
fn a_future_of_block_on_that_never_ends_is_left_alone_while_its_tasks_may_go_on() {
    let told = Told::default();
    let tell = told.clone();
    let builder = Builder::new().deadlock_grace(Duration::ZERO).on_lost(|_| {});
    let builder = builder.unhandled_panic(UnhandledPanic::Stop).on_deadlock(move |deadlock| {
        tell.0.lock().unwrap().push((deadlock.finding(), deadlock.to_string()));
    });
    let runtime = builder.build().unwrap();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            spawn(async {
                sleep(Duration::from_millis(5)).await;
                panic!("the end of the test");
            })
            .detach();
            pending::<()>().await;
        });
    }));
    assert!(ended.is_err());
    assert_eq!(told.take(), []);
}

#[test]
fn without_being_asked_no_deadlock_is_reported() {
    if !child::is_child() {
        let stderr = child::stderr("calm::without_being_asked_no_deadlock_is_reported");
        return assert_eq!(stderr, "");
    }
    let runtime = Builder::new().deadlock_grace(Duration::ZERO).on_lost(|_| {}).build().unwrap();
    runtime.block_on(async {
        spawn(pending::<()>()).detach();
        let (sender, receiver) = futures::channel::oneshot::channel();
        thread::spawn(move || {
            some_real_time();
            sender.send(()).unwrap();
        });
        receiver.await.unwrap();
    });
}

/// The next future of `block_on` is another one, and does not have the lock.
#[test]
fn a_guard_that_a_run_gave_to_its_caller_is_not_the_next_runs() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    let mutex = Rc::new(Mutex::new(()));
    drop(runtime.block_on(mutex.lock_owned()));
    runtime.block_on(async {
        let held = Rc::clone(&mutex);
        let holder = spawn(async move {
            let _held = held.lock().await;
            sleep(Duration::from_millis(5)).await;
        });
        yield_now().await;
        let waits = Rc::clone(&mutex);
        spawn(async move { drop(waits.lock().await) }).await.unwrap();
        holder.await.unwrap();
    });
    assert_eq!(told.take(), []);
}

/// The thread is quicker than the grace.
#[test]
fn what_a_thread_of_the_programs_own_wakes_within_the_grace_is_left_alone() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let (sender, receiver) = futures::channel::oneshot::channel();
        thread::spawn(move || {
            some_real_time();
            sender.send(()).unwrap();
        });
        receiver.await.unwrap();
    });
    assert_eq!(told.take(), []);
}

/// The task that took the lock has given its guard to another one, which gives the lock back.
#[test]
fn a_task_that_waits_for_a_lock_whose_guard_it_has_given_away_is_left_alone() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let mutex = Rc::new(Mutex::new(()));
        let task = spawn(async move {
            let held = Rc::clone(&mutex).lock_owned().await;
            spawn(async move {
                sleep(Duration::from_millis(5)).await;
                drop(held);
            })
            .detach();
            drop(mutex.lock().await);
        });
        task.await.unwrap();
    });
    assert_eq!(told.take(), []);
}

/// Another task has a permit, too, and gives it back.
#[test]
fn a_permit_that_is_not_taken_is_no_deadlock_while_another_may_come_back() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let semaphore = Rc::new(Semaphore::new(2));
        let tasks = [2, 10].map(|time| {
            let semaphore = Rc::clone(&semaphore);
            spawn(async move {
                let _held = semaphore.acquire().await;
                sleep(Duration::from_millis(time)).await;
            })
        });
        yield_now().await;
        let mut one = pin!(semaphore.acquire());
        assert!(futures::poll!(&mut one).is_pending());
        drop(semaphore.acquire().await); // `one` was granted what came back first
        task::join_all(tasks).await;
    });
    assert_eq!(told.take(), []);
}

/// A cancellation of its scope takes the wait for the lock away.
#[test]
fn a_task_that_waits_for_a_lock_inside_of_a_scope_is_left_alone() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        let scope = Scope::new();
        let (run, first, second) = (scope.clone(), Rc::clone(&a), Rc::clone(&b));
        let cancelled = spawn(async move {
            let _first = first.lock().await;
            yield_now().await;
            assert!(run.run(second.lock()).await.is_err());
        });
        let other = spawn(async move {
            let _second = b.lock().await;
            let _first = a.lock().await;
        });
        sleep(Duration::from_millis(5)).await;
        scope.cancel("enough");
        cancelled.await.unwrap();
        other.await.unwrap();
    });
    assert_eq!(told.take(), []);
}

fn for_ever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The second reader's guard is dropped by another task. The writer waits for the first reader alone, which sleeps.
#[test]
fn a_reader_whose_guard_another_task_has_given_back_has_the_lock_no_more() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock: &'static RwLock<()> = for_ever(RwLock::new(()));
        let first = spawn(async {
            let _read = lock.read().await;
            sleep(Duration::from_millis(5)).await;
        });
        let (guard, given) = oneshot::channel();
        let (writer, awaits) = oneshot::channel::<JoinHandle<()>>();
        let second = spawn(async {
            assert!(guard.send(lock.read().await).is_ok());
            awaits.await.unwrap().await.unwrap();
        });
        spawn(async { drop(given.await.unwrap()) }).await.unwrap();
        writer.send(spawn(async { drop(lock.write().await) })).unwrap();
        task::join_all([first, second]).await;
    });
    assert_eq!(told.take(), []);
}

/// The same, but the other task reads, too, and goes on to.
#[test]
fn of_two_guards_the_one_that_was_given_back_is_no_more() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock: &'static RwLock<()> = for_ever(RwLock::new(()));
        let (guard, given) = oneshot::channel();
        let (writer, awaits) = oneshot::channel::<JoinHandle<()>>();
        let first = spawn(async {
            assert!(guard.send(lock.read().await).is_ok());
            awaits.await.unwrap().await.unwrap();
        });
        let second = spawn(async {
            let _read = lock.read().await;
            drop(given.await.unwrap());
            sleep(Duration::from_millis(5)).await;
        });
        yield_now().await;
        yield_now().await;
        writer.send(spawn(async { drop(lock.write().await) })).unwrap();
        task::join_all([first, second]).await;
    });
    assert_eq!(told.take(), []);
}

/// Dropped outside of a run, and in one of another runtime: which explains, or does not.
#[test]
fn a_guard_that_left_the_run_is_given_back_wherever_it_is_dropped() {
    type Elsewhere = fn(ReadGuard<'static, ()>);
    let between: Elsewhere = |guard| drop(guard);
    let explaining: Elsewhere = |guard| runtime(1, HOUR).0.block_on(async { drop(guard) });
    let silent: Elsewhere = |guard| taketurns::block_on(async { drop(guard) });
    for elsewhere in [between, explaining, silent] {
        let (runtime, told) = runtime(1, HOUR);
        let lock: &'static RwLock<()> = for_ever(RwLock::new(()));
        let (guard, mut given) = oneshot::channel();
        let (writer, awaits) = oneshot::channel::<JoinHandle<()>>();
        let first = runtime.spawn(async {
            assert!(guard.send(lock.read().await).is_ok());
            awaits.await.unwrap().await.unwrap();
        });
        let second = runtime.spawn(async {
            let _read = lock.read().await;
            sleep(Duration::from_millis(5)).await;
        });
        elsewhere(runtime.block_on(async { (&mut given).await.unwrap() }));
        runtime.block_on(async {
            writer.send(spawn(async { drop(lock.write().await) })).unwrap();
            task::join_all([first, second]).await;
        });
        assert_eq!(told.take(), []);
    }
}

/// It was polled once by the task that waits for the same lock, and is dropped, or polled on, by the other.
#[test]
fn a_future_that_was_granted_a_lock_and_sent_to_another_task_is_no_futurelock() {
    for is_polled in [false, true] {
        let (runtime, told) = runtime(1, HOUR);
        runtime.block_on(async {
            let lock = Rc::new(Mutex::new(()));
            let held = lock.lock().await;
            let (future, sent) = oneshot::channel::<Pin<Box<dyn Future<Output = ()>>>>();
            let [own, inside] = [(); 2].map(|()| Rc::clone(&lock));
            let first = spawn(async move {
                let mut in_line: Pin<Box<dyn Future<Output = ()>>> =
                    Box::pin(async move { drop(inside.lock().await) });
                assert!(futures::poll!(&mut in_line).is_pending());
                assert!(future.send(in_line).is_ok());
                drop(own.lock().await);
            });
            let second = spawn(async move {
                let in_line = sent.await.unwrap();
                sleep(Duration::from_millis(5)).await;
                if is_polled {
                    in_line.await;
                }
            });
            yield_now().await;
            yield_now().await;
            drop(held);
            task::join_all([first, second]).await;
        });
        assert_eq!(told.take(), []);
    }
}

/// A thread wakes the task, whose panic ends the run.
#[test]
fn a_run_that_a_panic_of_a_task_may_end_is_no_more_than_suspected() {
    let told = Told::default();
    let tell = told.clone();
    let builder = Builder::new().deadlock_grace(Duration::ZERO).on_lost(|_| {});
    let builder = builder.unhandled_panic(UnhandledPanic::Stop).on_deadlock(move |deadlock| {
        tell.0.lock().unwrap().push((deadlock.finding(), String::new()));
    });
    let runtime = builder.build().unwrap();
    let (sender, receiver) = futures::channel::oneshot::channel::<()>();
    let thread = thread::spawn(move || {
        some_real_time();
        sender.send(()).unwrap();
    });
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            spawn(async {
                receiver.await.unwrap();
                panic!("the end of the test");
            })
            .detach();
            pending::<()>().await;
        });
    }));
    thread.join().unwrap();
    assert!(ended.is_err());
    assert_eq!(told.only().0, Finding::Suspected);
}

/// That something is waited for is known by the name.
#[test]
fn a_named_wait_for_another_crates_future_keeps_a_lock_from_being_a_circle() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        let (first, second) = (Rc::clone(&a), Rc::clone(&b));
        let (sender, receiver) = futures::channel::oneshot::channel::<()>();
        let one = spawn(async move {
            let _first = first.lock().await;
            yield_now().await;
            task::race((async { drop(second.lock().await) }, async {
                receiver.named("^C").await.unwrap();
            }))
            .await;
        });
        let two = spawn(async move {
            let _second = b.lock().await;
            drop(a.lock().await);
        });
        sleep(Duration::from_millis(5)).await;
        sender.send(()).unwrap();
        task::join_all([one, two]).await;
    });
    assert_eq!(told.take(), []);
}

/// Under a virtual clock, too, where it would end the run.
#[test]
fn a_task_that_awaits_another_loops_task_is_left_alone() {
    let background = Background::start(Builder::new(), |stop| async move {
        stop.cancelled().await;
    });
    let background = background.unwrap();
    let handle = background.handle();
    let long = || async { spawn_blocking(some_real_time).await.unwrap() };
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(handle.spawn_with(long)).unwrap();
    assert_eq!(told.take(), []);
    let builder = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(Duration::ZERO);
    builder.build().unwrap().block_on(handle.spawn_with(long)).unwrap();
}
