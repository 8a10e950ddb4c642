//! The crate as a dependency, in a release build. Functions of it that are inlined or generic are compiled here a
//! second time; what they compare by address must still be one thing: a waker's vtable above all.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, Pending, Unpark};
use taketurns::time::{Clock, sleep};
use taketurns::{Builder, block_on, spawn, yield_now};

/// The waker of whoever awaits this.
fn own_waker() -> impl Future<Output = Waker> {
    poll_fn(|cx| Poll::Ready(cx.waker().clone()))
}

fn a_clone_wakes_the_same_task() {
    let same = || {
        poll_fn(|cx| {
            let (copy, waker) = (cx.waker().clone(), cx.waker().clone());
            let copy = thread::spawn(move || copy.clone()).join().unwrap();
            assert!(copy.will_wake(&waker), "two clones");
            assert!(cx.waker().will_wake(&copy), "a clone");
            assert!(copy.will_wake(cx.waker()), "the other way round");
            Poll::Ready(())
        })
    };
    block_on(async {
        same().await; // of the root
        spawn(same()).await.unwrap();
        let (here, there) = (own_waker().await, spawn(own_waker()).await.unwrap());
        assert!(!here.will_wake(&there), "two tasks");
    });
}

/// Never waits, and counts the wakes that come as if from elsewhere.
#[derive(Clone, Default)]
struct Counts(Arc<AtomicUsize>);

impl Driver for Counts {
    fn wait(&mut self, _: Option<Duration>) {}

    fn wake(&mut self, _: bool) {}

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(self.clone())
    }
}

impl Unpark for Counts {
    fn unpark(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn a_wake_at_home_goes_straight_to_the_run_queue() {
    let counts = Counts::default();
    let executor = Executor::new(counts.clone(), EVENT_INTERVAL);
    let waker = Rc::new(Cell::new(None));
    let place = Rc::clone(&waker);
    let mut polls = 0;
    let waits = executor.spawn(poll_fn(move |cx| {
        polls += 1;
        place.set(Some(cx.waker().clone()));
        if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
    }));
    let polls = executor.block_on(async {
        for _ in 0..2 {
            yield_now().await;
            waker.take().unwrap().wake();
        }
        waits.await.unwrap()
    });
    assert_eq!((polls, counts.0.load(Relaxed)), (3, 0));
}

fn a_handle_polled_again_with_a_clone_wakes_once() {
    let polls = Cell::new(0);
    block_on(async {
        let mut handle = pin!(spawn(async {
            yield_now().await;
            1
        }));
        let output = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            let copy = cx.waker().clone();
            let mut copied = Context::from_waker(&copy);
            match handle.as_mut().poll(cx) {
                Poll::Pending => handle.as_mut().poll(&mut copied).map(Result::unwrap),
                ready => ready.map(Result::unwrap),
            }
        });
        assert_eq!(output.await, 1);
    });
    assert_eq!(polls.get(), 2);
}

fn an_abort_handle_knows_its_task() {
    block_on(async {
        for elsewhere in [false, true] {
            let handle = spawn(pending::<()>());
            let abort = handle.abort_handle().clone();
            yield_now().await;
            if elsewhere {
                thread::spawn(move || abort.abort()).join().unwrap();
            } else {
                abort.abort();
            }
            assert!(handle.await.unwrap_err().is_cancelled());
        }
        let guard = spawn(pending::<()>()).abort_on_drop();
        let abort = guard.handle().abort_handle();
        drop(guard);
        yield_now().await;
        abort.abort(); // it has ended: nothing
    });
}

/// Which task waits for a timer is told by the timer's waker.
fn a_deadlock_says_who_waits_for_a_timer() {
    let runtime =
        Builder::new().clock(Clock::Manual).deadlock_grace(Duration::ZERO).build().unwrap();
    let run = || {
        runtime.block_on(async {
            spawn(async { sleep(Duration::from_secs(1)).await }).await.unwrap();
        });
    };
    let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.contains("waits for the timer made at "), "{text}");
}

type Case = (&'static str, fn());

fn main() {
    let cases: [Case; 5] = [
        ("a clone wakes the same task", a_clone_wakes_the_same_task),
        (
            "a wake at home goes straight to the run queue",
            a_wake_at_home_goes_straight_to_the_run_queue,
        ),
        (
            "a handle polled again with a clone wakes once",
            a_handle_polled_again_with_a_clone_wakes_once,
        ),
        ("an abort handle knows its task", an_abort_handle_knows_its_task),
        ("a deadlock says who waits for a timer", a_deadlock_says_who_waits_for_a_timer),
    ];
    let failed = cases.into_iter().filter(|(name, case)| {
        let failed = catch_unwind(case).is_err();
        println!("{name}: {}", if failed { "FAILED" } else { "ok" });
        failed
    });
    let failed = failed.count();
    assert_eq!(failed, 0, "across crates, in a release build");
}
