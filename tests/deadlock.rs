//! A run under virtual time that can never end says so, and names who waits for what. What may still come is
//! waited for.

#![cfg(all(feature = "time", feature = "net"))]

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::net::TcpListener;
use taketurns::time::{Clock, Hold, hold, sleep};
use taketurns::{Builder, Runtime, cancel, spawn, task, yield_now};

#[path = "deadlock/asked.rs"]
mod asked;
mod common;
#[path = "deadlock/futurelock.rs"]
mod futurelock;

use common::some_real_time;

const HOUR: Duration = Duration::from_secs(3600);

/// Nobody is waited for.
fn at_once(clock: Clock) -> Runtime {
    let builder = Builder::new().clock(clock).deadlock_grace(Duration::ZERO);
    builder.on_lost(|_| {}).build().unwrap()
}

/// What it panics with, without where in these files tasks were spawned.
#[track_caller]
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a deadlock");
    let text = *payload.downcast::<String>().unwrap();
    let without = |text: String, file| {
        let mut parts = text.split(file);
        let first = parts.next().unwrap().to_owned();
        let place = |c: char| c == ':' || c.is_ascii_digit();
        parts.fold(first, |told, part| told + "here" + part.trim_start_matches(place))
    };
    [file!(), asked::FILE, futurelock::FILE].into_iter().fold(text, without) + "\n"
}

const HEAD: &str = "deadlock: no task is ready, and under virtual time nothing is left that could wake one: \
                    no timer, no source, no blocking job, no `Handle`\n";

/// What a thread of one's own sends after a while; after that it drops `hold`.
fn sent_later(hold: Option<Hold>) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        some_real_time();
        sender.send(()).unwrap();
        drop(hold);
    });
    receiver
}

#[test]
fn a_future_whose_waker_nobody_holds_is_certain_without_a_grace() {
    let runtime = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(HOUR).build().unwrap();
    let text = panic_of(|| runtime.block_on(pending()));
    let expected = "for certain, as no waker of it is left:\n  \
                    the future of `block_on`, called at here, polled once, stuck: no waker of it is left\n";
    assert_eq!(text, format!("{HEAD}{expected}"));
}

/// Whatever the others wait for: the run cannot end.
#[test]
fn a_root_whose_waker_nobody_holds_is_certain_whoever_waits_besides() {
    let runtime = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(HOUR).build().unwrap();
    let text = panic_of(|| {
        runtime.block_on(async {
            let (_sender, receiver) = oneshot::channel::<()>();
            spawn(async move { receiver.await.unwrap() }).detach();
            pending::<()>().await;
        });
    });
    let expected = "for certain, as no waker of it is left:\n  \
         the future of `block_on`, called at here, polled once, stuck: no waker of it is left\n\
         not waited for, as the run cannot end whatever they do:\n  \
         task #1, spawned at here, polled once, waiting\n";
    assert_eq!(text, format!("{HEAD}{expected}"));
}

#[test]
fn the_certain_and_the_suspected_are_told_apart_and_awaited_tasks_are_named() {
    let runtime = at_once(Clock::AutoAdvance);
    let text = panic_of(|| {
        runtime.block_on(async {
            let stuck = task::Builder::new().name("consumer").spawn(pending::<()>());
            let waits = spawn(async move { stuck.await.unwrap() });
            let (_sender, receiver) = oneshot::channel::<()>();
            spawn(async move { receiver.await.unwrap() }).detach();
            waits.await.unwrap();
        });
    });
    let expected = "for certain, as no waker of it is left:\n  \
         task #1 \"consumer\", spawned at here, polled once, stuck: no waker of it is left\n\
         suspected, as no waker of it was used:\n  \
         the future of `block_on`, called at here, polled once, waiting\n    awaits task #2\n  \
         task #2, spawned at here, polled once, waiting\n    awaits task #1 \"consumer\"\n  \
         task #3, spawned at here, polled once, waiting\n\
         a thread of your own that is to wake a task has to hold the clock: \
         `taketurns::time::hold()`\n";
    assert_eq!(text, format!("{HEAD}{expected}"));
}

#[test]
fn who_awaits_beside_callbacks_is_named_too() {
    let runtime = at_once(Clock::AutoAdvance);
    let text = panic_of(|| {
        runtime.block_on(async {
            let stuck = spawn(pending::<()>());
            stuck.on_done(|_| {}).unwrap();
            stuck.await.unwrap();
        });
    });
    let root =
        "the future of `block_on`, called at here, polled once, waiting\n    awaits task #1\n";
    assert!(text.contains(root), "{text}");
}

#[test]
fn timers_that_nobody_advances_to_and_the_end_of_the_runtime_are_named() {
    let runtime = at_once(Clock::Manual);
    let text = panic_of(|| {
        runtime.block_on(async {
            spawn(sleep(Duration::MAX)).detach();
            spawn(cancel::cancelled()).detach();
            sleep(HOUR).await;
        });
    });
    let expected = "suspected, as no waker of it was used:\n  \
         the future of `block_on`, called at here, polled once, waiting\n    \
         waits for the timer made at here, due in 3600s, while the clock is not advanced\n  \
         task #1, spawned at here, polled once, waiting\n    waits for the timer made at here, never due\n  \
         task #2, spawned at here, polled once, waiting\n    waits for `cancel::cancelled` at here\n\
         a thread of your own that is to wake a task has to hold the clock: \
         `taketurns::time::hold()`\n";
    assert_eq!(text, format!("{HEAD}{expected}"));
}

#[test]
fn a_run_for_ever_that_nobody_can_stop_is_certain() {
    let runtime = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(HOUR).build().unwrap();
    runtime.block_on(yield_now()); // whose future is no part of the next run
    let text = panic_of(|| runtime.run_forever());
    assert_eq!(text, format!("{HEAD}there is no task, and nothing to stop the run\n"));
}

#[test]
fn of_many_the_first_are_named() {
    let runtime = at_once(Clock::AutoAdvance);
    let text = panic_of(|| {
        runtime.block_on(async {
            (0..20_000).for_each(|_| spawn(pending::<()>()).detach());
            pending::<()>().await;
        });
    });
    let task = |number| {
        format!("  task #{number}, spawned at here, polled once, stuck: no waker of it is left\n")
    };
    let tasks: String = (1..50).map(task).collect();
    let root = "for certain, as no waker of it is left:\n  \
                the future of `block_on`, called at here, polled once, stuck: no waker of it is left\n";
    assert_eq!(text, format!("{HEAD}{root}{tasks}  and 19951 more\n"));
}

/// Which ends a `run_forever`, and no `block_on`.
#[test]
fn a_stop_that_waits_for_another_run_ends_no_deadlock() {
    let runtime = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(HOUR).build().unwrap();
    runtime.handle().stop();
    let text = panic_of(|| runtime.block_on(pending()));
    assert!(text.starts_with(HEAD), "{text}");
    runtime.run_forever();
}

#[test]
fn the_runtime_is_as_good_as_before_afterwards() {
    let runtime = at_once(Clock::AutoAdvance);
    panic_of(|| runtime.block_on(async { spawn(pending::<()>()).await.unwrap() }));
    runtime.block_on(async {
        sleep(HOUR).await;
        spawn(yield_now()).await.unwrap();
    });
    assert_eq!(runtime.shutdown().lost().len(), 1);
}

#[test]
fn a_thread_with_a_waker_is_not_accused_within_the_grace() {
    let runtime = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(HOUR).build().unwrap();
    runtime.block_on(async {
        sent_later(None).await.unwrap();
    });
}

/// By a waker of a task that has ended, again and again: the grace is not begun anew each time.
#[test]
fn wakes_that_do_nothing_do_not_put_it_off() {
    let grace = Duration::from_millis(100);
    let runtime = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(grace).build().unwrap();
    let waker =
        runtime.block_on(runtime.spawn(poll_fn(|cx| Poll::Ready(cx.waker().clone())))).unwrap();
    let (stop, stopped) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
            waker.wake_by_ref();
        }
    });
    let (_sender, receiver) = oneshot::channel::<()>();
    let text = panic_of(|| runtime.block_on(receiver).unwrap());
    assert!(text.starts_with(HEAD), "{text}");
    drop(stop);
    thread.join().unwrap();
}

/// What was certain of one run is no suspicion against the next.
#[test]
fn after_a_deadlock_the_next_run_has_a_grace_of_its_own() {
    let runtime = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(HOUR).build().unwrap();
    let (sender, receiver) = oneshot::channel();
    runtime.spawn(async move { receiver.await.unwrap() }).detach();
    panic_of(|| runtime.block_on(pending::<()>()));
    let thread = thread::spawn(move || {
        some_real_time();
        sender.send(()).unwrap();
    });
    let text = panic_of(|| runtime.run_forever());
    assert_eq!(text, format!("{HEAD}there is no task, and nothing to stop the run\n"));
    thread.join().unwrap();
}

#[test]
fn a_thread_that_holds_the_clock_is_not_accused() {
    at_once(Clock::AutoAdvance).block_on(async {
        sent_later(Some(hold())).await.unwrap();
    });
}

#[test]
fn a_handle_on_another_thread_may_bring_work() {
    let runtime = at_once(Clock::AutoAdvance);
    let handle = runtime.handle();
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        some_real_time();
        drop(handle.clone().spawn(async { sender.send(()).unwrap() }));
    });
    runtime.block_on(receiver).unwrap();
}

#[test]
fn the_last_handle_that_goes_leaves_a_deadlock() {
    let runtime = at_once(Clock::AutoAdvance);
    let handles = [runtime.handle(), runtime.handle()];
    let text = panic_of(|| {
        thread::spawn(move || {
            some_real_time();
            drop(handles);
        });
        runtime.block_on(pending::<()>());
    });
    assert!(text.starts_with(HEAD), "{text}");
}

#[test]
fn an_awaited_source_may_bring_something() {
    let runtime = at_once(Clock::AutoAdvance);
    runtime.block_on(async {
        let listener =
            TcpListener::bind("127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            some_real_time();
            std::net::TcpStream::connect(address).unwrap();
        });
        listener.accept().await.unwrap();
    });
}

#[test]
fn under_the_real_clock_nobody_is_accused() {
    at_once(Clock::Real).block_on(async {
        sent_later(None).await.unwrap();
    });
}

/// A step never waits, so what it finds is not an end.
#[test]
fn steps_accuse_nobody() {
    let runtime = at_once(Clock::AutoAdvance);
    let waker = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&waker);
    let task = runtime.spawn(poll_fn(move |cx| {
        let first = kept.borrow_mut().replace(cx.waker().clone()).is_none();
        if first { Poll::Pending } else { Poll::Ready(()) }
    }));
    runtime.run_until_stalled();
    assert!(!runtime.try_tick().unwrap());
    waker.borrow().as_ref().unwrap().wake_by_ref();
    runtime.run_until_stalled();
    assert!(task.is_finished());
}
