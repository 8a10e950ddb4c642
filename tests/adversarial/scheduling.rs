//! Who runs, when, and who is told.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, Pending, Unpark};
use taketurns::{Runtime, block_on, spawn, yield_now};

use super::common::Trace;

/// Never waits, and counts who would have ended a wait, and who asked for one.
#[derive(Clone, Default)]
struct Counts {
    unparks: Arc<AtomicUsize>,
    waits: Rc<Cell<u32>>,
    is_asked_to_wait: bool,
}

impl Driver for Counts {
    fn wait(&mut self, limit: Option<Duration>) {
        self.is_asked_to_wait = limit.is_none();
        self.waits.set(self.waits.get() + u32::from(self.is_asked_to_wait));
    }

    fn wake(&mut self, any_ready: bool) {
        assert!(any_ready || !self.is_asked_to_wait, "it waits with nothing to wait for");
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        struct Counted(Arc<AtomicUsize>);
        impl Unpark for Counted {
            fn unpark(&self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        Box::new(Counted(Arc::clone(&self.unparks)))
    }
}

/// rust-lang/futures-rs#2593
#[test]
fn run_until_stalled_goes_on_after_a_task_woke_itself_while_it_was_polled() {
    let runtime = Runtime::new().unwrap();
    let turns = Rc::new(Cell::new(0));
    let count = Rc::clone(&turns);
    runtime
        .spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            cx.waker().wake_by_ref();
            if count.get() == 5 { Poll::Ready(()) } else { Poll::Pending }
        }))
        .detach();
    runtime.run_until_stalled();
    assert_eq!(turns.get(), 5);
}

/// rust-lang/futures-rs#1737
#[test]
fn run_until_stalled_runs_what_was_spawned_while_it_ran() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let tell = trace.clone();
    runtime
        .spawn(async move {
            let child = tell.clone();
            tell.push("parent");
            spawn(async move {
                child.push("child");
                spawn(async move { child.push("grandchild") }).detach();
            })
            .detach();
        })
        .detach();
    runtime.run_until_stalled();
    assert_eq!(trace.take(), "parent child grandchild");
}

/// glommio/glommio#53
#[test]
fn a_loop_that_looks_before_it_ran_anything_does_not_park() {
    for interval in 1..4 {
        let counts = Counts::default();
        let executor = Executor::new(counts.clone(), NonZeroU32::new(interval).unwrap());
        executor.spawn(yield_now()).detach();
        executor.block_on(async {
            for _ in 0..10 {
                yield_now().await;
            }
        });
        assert_eq!(counts.waits.get(), 0);
    }
}

/// tokio-rs/tokio#3475
#[test]
fn the_root_is_polled_only_when_it_is_woken() {
    let mut polls = 0;
    block_on(async {
        let busy = spawn(async {
            for _ in 0..500 {
                yield_now().await;
            }
        });
        let mut busy = pin!(busy);
        poll_fn(|cx| {
            polls += 1;
            busy.as_mut().poll(cx)
        })
        .await
        .unwrap();
    });
    assert_eq!(polls, 2);
}

/// tokio-rs/tokio#7834
#[test]
fn a_wake_at_home_unparks_nobody() {
    let counts = Counts::default();
    let executor = Executor::new(counts.clone(), EVENT_INTERVAL);
    executor.block_on(async {
        let (send, receive) = futures::channel::oneshot::channel();
        let waits = spawn(receive);
        yield_now().await;
        send.send(1).unwrap();
        let aborted = spawn(std::future::pending::<()>());
        yield_now().await;
        aborted.abort_handle().abort();
        assert!(aborted.await.is_err());
        assert_eq!(waits.await.unwrap(), Ok(1));
    });
    assert_eq!(counts.unparks.load(Ordering::Relaxed), 0);
}

/// tokio-rs/tokio#8391, #6036
#[test]
fn what_is_asked_while_tasks_wake_and_complete_is_right() {
    let runtime = Rc::new(Runtime::new().unwrap());
    let seen = Rc::new(RefCell::new(Vec::new()));
    for turns in 0..4 {
        let (seen, runtime) = (Rc::clone(&seen), Rc::downgrade(&runtime));
        runtime
            .upgrade()
            .unwrap()
            .spawn(async move {
                for _ in 0..turns {
                    yield_now().await;
                }
                let shown = format!("{:?}", runtime.upgrade().unwrap());
                let ready = shown.split_once("ready: ").unwrap().1.split(',').next().unwrap();
                seen.borrow_mut().push(ready.parse::<usize>().unwrap());
            })
            .detach();
    }
    runtime.run_until_stalled();
    // Itself not among them: 3 others are ready when the first ends, then 2, 1, none.
    assert_eq!(*seen.borrow(), [3, 2, 1, 0]);
}

/// tokio-rs/tokio#2460, rust-lang/futures-rs#2526
#[test]
fn more_ready_children_than_budget_all_finish_in_as_many_polls() {
    const MANY: usize = 1_000;
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    block_on(async move {
        let children: futures::stream::FuturesUnordered<_> =
            (0..MANY).map(|_| spawn(async {})).collect();
        yield_now().await;
        let mut all = pin!(futures::StreamExt::collect::<Vec<_>>(children));
        let done = poll_fn(|cx| {
            count.set(count.get() + 1);
            all.as_mut().poll(cx)
        });
        assert_eq!(done.await.len(), MANY);
    });
    // 128 a turn.
    assert_eq!(polls.get(), MANY.div_ceil(128));
}
