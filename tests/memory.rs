//! What the allocator sees: memory goes back when nothing needs it any more, and does not grow under a steady load.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::stream::{FuturesUnordered, StreamExt as _};
use taketurns::cancel::CancellationToken;
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::task::{TaskGroup, borrowing};
use taketurns::{Builder, Handle, spawn, yield_now};

/// Counts the bytes that are allocated.
struct Counting;

static BYTES: AtomicIsize = AtomicIsize::new(0);

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many bytes `scene` leaves allocated.
fn left_by(scene: impl FnOnce()) -> isize {
    let before = BYTES.load(Ordering::Relaxed);
    scene();
    BYTES.load(Ordering::Relaxed) - before
}

fn executor() -> Executor<'static, ParkThread> {
    Executor::new(ParkThread::new(), EVENT_INTERVAL)
}

/// The allocator is everybody's, so the scenes take turns in one test.
#[test]
fn memory_goes_back() {
    an_executor_alone(); // what std allocates once
    assert_eq!(left_by(an_executor_alone), 0);
    assert_eq!(
        left_by(a_hook_that_owns_a_handle),
        0,
        "the last of a task is a handle that the hook owns"
    );
    a_busy_loop_that_another_thread_sends_tasks_to();
    a_token_whose_children_and_waits_come_and_go();
    borrowing_groups_that_come_and_go();
    task_groups_that_come_and_go(); // the first grows what the executor keeps
    assert_eq!(left_by(task_groups_that_come_and_go), 0);
    tasks_that_come_and_go_in_one_group();
    tasks_that_a_foreign_combinator_awaits();
}

/// One token lives long. Each of its children waits, and is dropped or cancelled.
fn a_token_whose_children_and_waits_come_and_go() {
    let token = CancellationToken::new();
    let some = |count: usize| {
        for number in 0..count {
            let child = token.child_token();
            let mut waits = pin!(child.cancelled());
            assert!(poll_once(waits.as_mut()).is_pending());
            assert!(poll_once(pin!(token.cancelled())).is_pending());
            if number % 2 == 0 {
                child.cancel("enough");
            }
        }
    };
    some(10);
    assert_eq!(left_by(|| some(100_000)), 0);
}

/// While one group lives long.
fn borrowing_groups_that_come_and_go() {
    let group = || borrowing(async |group| drop(group.spawn(pending::<()>())));
    let mut lives = pin!(group());
    assert!(poll_once(lives.as_mut()).is_pending());
    let some = |count: usize| {
        for _ in 0..count {
            assert!(poll_once(pin!(group())).is_pending());
        }
    };
    some(10);
    assert_eq!(left_by(|| some(10_000)), 0);
}

/// Some of their tasks end, and some are aborted with the group.
fn task_groups_that_come_and_go() {
    executor().block_on(async {
        for _ in 0..10 {
            let ends = TaskGroup::scope(async |group| {
                group.spawn(async { Ok(()) });
                Ok::<_, Infallible>(())
            });
            ends.await.unwrap();
            let aborted = TaskGroup::scope(async |group| {
                group.spawn(pending::<Result<(), Infallible>>());
                yield_now().await;
                group.cancel("enough");
                Ok::<_, Infallible>(())
            });
            aborted.await.unwrap();
        }
    });
}

/// Each waits once, and ends.
fn tasks_that_come_and_go_in_one_group() {
    let group = TaskGroup::scope(async |group| {
        let some = async |count: usize| {
            for _ in 0..count {
                let task = group.spawn(async {
                    yield_now().await;
                    Ok(())
                });
                task.await.unwrap();
            }
        };
        some(10).await;
        let before = BYTES.load(Ordering::Relaxed);
        some(10_000).await;
        assert_eq!(BYTES.load(Ordering::Relaxed) - before, 0);
        Ok::<_, Infallible>(())
    });
    executor().block_on(group).unwrap();
}

/// A runtime that reports deadlocks notes that each is awaited, and the handle does not take that back.
fn tasks_that_a_foreign_combinator_awaits() {
    let runtime = Builder::new().report_deadlocks(true).build().unwrap();
    runtime.block_on(async {
        let some = async |count: usize| {
            for _ in 0..count {
                let mut one: FuturesUnordered<_> = [spawn(yield_now())].into_iter().collect();
                one.next().await.unwrap().unwrap();
            }
        };
        some(1000).await;
        let before = BYTES.load(Ordering::Relaxed);
        some(10_000).await;
        let grown = BYTES.load(Ordering::Relaxed) - before;
        assert!(grown < 100_000, "{grown} bytes for 10,000 awaits");
    });
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(Silent))))
}

/// A waker that does nothing, and is kept nevertheless.
struct Silent;

impl Wake for Silent {
    fn wake(self: Arc<Self>) {}
}

fn an_executor_alone() {
    executor().block_on(async { taketurns::spawn(async {}).await.unwrap() });
}

fn a_hook_that_owns_a_handle() {
    let executor = executor();
    let handle = executor.spawn(async { [0_u8; 100] });
    executor.block_on(async {});
    let handle = RefCell::new(handle);
    executor.on_unhandled(move |_, _| {
        let _ = &handle;
    });
}

/// The loop is never idle, so it has no time to give memory back.
fn a_busy_loop_that_another_thread_sends_tasks_to() {
    const ROUNDS: usize = 100;
    const TASKS: usize = 1000;
    let executor = executor();
    let (handle, stopped) = (Handle::new(&executor), Rc::new(Cell::new(false)));
    let stop = Rc::clone(&stopped);
    let busy = executor.spawn(async move {
        while !stop.get() {
            yield_now().await;
        }
    });
    // A round is sent once the one before has ended, so at most 1000 are alive.
    let (ends, ended) = mpsc::channel();
    let (go, next) = mpsc::channel();
    let sender = thread::spawn(move || {
        for () in next {
            let round = Arc::new(Ends(ends.clone()));
            for _ in 0..TASKS {
                let round = Arc::clone(&round);
                drop(handle.spawn(async move { drop(round) }));
            }
        }
    });
    let mut after_ten = 0;
    executor.block_on(async {
        for round in 0..ROUNDS {
            go.send(()).unwrap();
            while ended.try_recv().is_err() {
                yield_now().await;
            }
            if round == 10 {
                after_ten = BYTES.load(Ordering::Relaxed);
            }
        }
        drop(go);
        stopped.set(true);
        busy.await.unwrap();
    });
    sender.join().unwrap();
    let grown = BYTES.load(Ordering::Relaxed) - after_ten;
    assert!(grown < 300 * 1024, "grown by {grown} bytes in 90,000 tasks");
}

/// Says that all of a round have ended.
struct Ends(mpsc::Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
