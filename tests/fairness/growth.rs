//! What many tasks cost, counted: twice as many take twice as many turns, and exactly those predicted.
//!
//! With an interval of one there is a look before each turn, so a driver that counts looks counts turns,
//! also those in which an aborted task is dropped.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, Pending, Unpark};
use taketurns::{JoinHandle, spawn, yield_now};

/// The leaf operations a task may complete in one turn (F4).
const BUDGET: usize = 128;

/// Counts looks, and wakes nobody.
struct Counting {
    looks: Rc<Cell<usize>>,
    is_asked_to_wait: bool,
}

impl Driver for Counting {
    fn wait(&mut self, limit: Option<Duration>) {
        self.looks.set(self.looks.get() + 1);
        self.is_asked_to_wait = limit.is_none();
    }

    fn wake(&mut self, any_ready: bool) {
        assert!(any_ready || !self.is_asked_to_wait, "nothing here would end the wait");
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        struct Nobody;
        impl Unpark for Nobody {
            fn unpark(&self) {}
        }
        Box::new(Nobody)
    }
}

/// How many looks the run and its end take.
fn looks(interval: NonZeroU32, root: impl Future<Output = ()>) -> usize {
    let looks = Rc::new(Cell::new(0));
    let counting = Counting { looks: Rc::clone(&looks), is_asked_to_wait: false };
    let executor = Executor::new(counting, interval);
    executor.block_on(root);
    drop(executor.close());
    looks.get()
}

/// How many turns the run takes; beside that, looks are as rare as they may be.
fn turns<R: Future<Output = ()>>(root: impl Fn() -> R) -> usize {
    let turns = looks(NonZeroU32::MIN, root());
    let often = EVENT_INTERVAL.get() as usize;
    assert_eq!(looks(EVENT_INTERVAL, root()), turns.div_ceil(often), "looks for {turns} turns");
    turns
}

/// Runs what is counted for n and for 2n.
fn for_n_and_2n(counted: impl Fn(usize) -> usize, predicted: impl Fn(usize) -> usize) {
    for n in [BUDGET * 8, BUDGET * 16] {
        assert_eq!(counted(n), predicted(n), "for {n}");
    }
}

fn spawn_many<F: Future + 'static>(n: usize, future: impl Fn() -> F) -> Vec<JoinHandle<F::Output>> {
    (0..n).map(|_| spawn(future())).collect()
}

#[test]
fn a_parent_of_many_ready_children_takes_a_turn_for_each_budget() {
    let counted = |n| {
        turns(|| async move {
            let children = spawn_many(n, || async {});
            yield_now().await;
            for child in children {
                child.await.unwrap();
            }
        })
    };
    // The root's first turn; the children's; then the root's, a budget each.
    for_n_and_2n(counted, |n| 1 + n + n / BUDGET);
}

#[test]
fn a_set_of_many_ready_handles_is_polled_once_for_each() {
    let counted = |n| {
        let polls = Rc::new(Cell::new(0));
        let count = Rc::clone(&polls);
        let turns = turns(|| async {
            let children = spawn_many(n, || async {});
            yield_now().await;
            let counted = |mut child: JoinHandle<()>| {
                let count = Rc::clone(&count);
                poll_fn(move |cx| {
                    count.set(count.get() + 1);
                    Pin::new(&mut child).poll(cx)
                })
            };
            let mut set: FuturesUnordered<_> = children.into_iter().map(counted).collect();
            while let Some(result) = set.next().await {
                result.unwrap();
            }
        });
        (turns, polls.get() / 2)
    };
    for n in [BUDGET * 8, BUDGET * 16] {
        let (turns, polls) = counted(n);
        assert_eq!(turns, 1 + n + n / BUDGET, "turns for {n}");
        // When the budget is used up the set tries two more before it gives way, each time but the last.
        assert_eq!(polls, n + 2 * (n / BUDGET - 1), "polls for {n}");
    }
}

#[test]
fn many_tasks_joined_in_the_order_of_their_end_cost_two_turns_each() {
    let counted = |n| {
        turns(|| async move {
            // Each ends a round later than the one before.
            let gate = Rc::new(RefCell::new(Vec::<Waker>::new()));
            let wait = || {
                let (gate, mut first) = (Rc::clone(&gate), true);
                poll_fn(move |cx| {
                    if std::mem::take(&mut first) {
                        gate.borrow_mut().push(cx.waker().clone());
                        return Poll::Pending;
                    }
                    Poll::Ready(())
                })
            };
            let tasks = spawn_many(n, wait);
            yield_now().await;
            let wakers = gate.take();
            for (task, waker) in tasks.into_iter().zip(wakers) {
                waker.wake();
                task.await.unwrap();
            }
        })
    };
    // The root's first; the tasks' first; then theirs and the root's in turns, the root's first at once.
    for_n_and_2n(counted, |n| 1 + n + 1 + 2 * n);
}

#[test]
fn many_wakes_of_one_task_are_one_turn() {
    let woken = |n, by_tasks: bool| {
        let polls = Rc::new(Cell::new(0));
        let turns = turns(|| async {
            let kept = Rc::new(RefCell::new(None::<Waker>));
            let (count, place) = (Rc::clone(&polls), Rc::clone(&kept));
            spawn(poll_fn(move |cx| {
                count.set(count.get() + 1);
                *place.borrow_mut() = Some(cx.waker().clone());
                Poll::<()>::Pending
            }))
            .detach();
            yield_now().await;
            let waker = kept.take().expect("polled once");
            if by_tasks {
                drop(spawn_many(n, || {
                    let waker = waker.clone();
                    async move { waker.wake() }
                }));
            } else {
                (0..n).for_each(|_| waker.wake_by_ref());
            }
            yield_now().await;
        });
        assert_eq!(polls.get(), 4, "twice in each of two runs");
        turns
    };
    // The root's two, the task's one between, its second; then the root's third, in which it ends.
    for_n_and_2n(|n| woken(n, false), |_| 5);
    // All that wake run before the root; the task is behind it, with its last turn.
    for_n_and_2n(|n| woken(n, true), |n| 5 + n);
}

#[test]
fn many_aborts_cost_a_turn_each() {
    let counted = |n| {
        turns(|| async move {
            let tasks = spawn_many(n, pending::<()>);
            yield_now().await;
            for _ in 0..2 {
                tasks.iter().for_each(JoinHandle::abort);
            }
            yield_now().await;
            assert!(tasks.iter().all(JoinHandle::is_finished));
        })
    };
    // The root's three, the tasks' first, and the one in which each is dropped.
    for_n_and_2n(counted, |n| 3 + 2 * n);
}

#[test]
fn closing_drops_each_task_once_and_takes_no_turn() {
    /// Wakes another when dropped: first those that are still to be dropped, then those that were.
    struct Neighbour(Rc<RefCell<Vec<Waker>>>, Rc<Cell<usize>>);
    impl Future for Neighbour {
        type Output = ();
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            self.0.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        }
    }
    impl Drop for Neighbour {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            let other = self.0.borrow_mut().pop();
            other.expect("each left a waker").wake();
        }
    }
    let counted = |n| {
        let (wakers, drops) = (Rc::default(), Rc::new(Cell::new(0)));
        let turns = turns(|| async {
            drop(spawn_many(n, || Neighbour(Rc::clone(&wakers), Rc::clone(&drops))));
        });
        assert_eq!(drops.get(), 2 * n, "once in each of two runs");
        turns
    };
    // The root's, and the last turns.
    for_n_and_2n(counted, |n| 1 + n);
}
