//! `JoinSet`: outcomes in the order of the ends, and none lost.

use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use futures::poll;
use taketurns::task::JoinSet;
use taketurns::{Builder, Runtime, block_on, spawn, yield_now};

use super::common::{Trace, reports};
use super::{Counting, Signal, panic_of, poll_once};

#[test]
fn outcomes_come_in_the_order_of_the_ends() {
    block_on(async {
        let mut set = JoinSet::new();
        let signals = [(); 5].map(|()| Signal::new());
        let ids: Vec<_> = (0..5)
            .map(|n| {
                let signal = signals[n].clone();
                set.spawn(async move {
                    signal.traced(Trace::new(), n).await;
                    assert_ne!(n, 2, "two");
                    n
                })
            })
            .collect();
        assert!(set.try_join_next().is_none());
        yield_now().await;
        for n in [3, 2, 0] {
            signals[n].give();
        }
        ids[4].abort();
        yield_now().await;
        assert_eq!(set.len(), 5);
        assert_eq!(set.try_join_next().unwrap().unwrap(), 3);
        assert!(set.join_next().await.unwrap().unwrap_err().is_panic());
        let (id, outcome) = set.join_next_with_id().await.unwrap();
        assert_eq!((id, outcome.unwrap()), (ids[0].id(), 0));
        assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
        assert!(poll!(pin!(set.join_next())).is_pending());
        signals[1].give();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
        assert!(set.is_empty() && set.join_next().await.is_none());
    });
}

/// python/cpython#155418: a task that is aborted before its first poll still completes its set.
#[test]
fn a_task_that_is_aborted_before_its_first_poll_completes_the_set() {
    block_on(async {
        let mut set = JoinSet::new();
        set.spawn(async { unreachable!("it is not polled") as u32 }).abort();
        assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
        set.spawn(async { 1 });
        set.spawn_named("named", pending());
        set.abort_all(); // also before their first polls
        for _ in 0..2 {
            assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
        }
        assert!(set.is_empty());
    });
}

#[test]
fn dropping_the_set_aborts_its_tasks_and_detaching_lets_them_go() {
    block_on(async {
        let trace = Trace::new();
        let fill = |set: &mut JoinSet<()>, names: [&'static str; 2]| {
            for name in names {
                let dropped = trace.on_drop(name);
                set.spawn(async move {
                    let _dropped = dropped;
                    yield_now().await;
                    yield_now().await;
                });
            }
        };
        let mut set = JoinSet::new();
        fill(&mut set, ["a", "b"]);
        yield_now().await;
        drop(set);
        yield_now().await;
        assert_eq!(trace.take(), "a b");

        let mut set = JoinSet::new();
        fill(&mut set, ["c", "d"]);
        yield_now().await;
        set.detach_all();
        assert!(set.is_empty());
        fill(&mut set, ["e", "f"]);
        set.shutdown().await;
        assert!(set.is_empty());
        yield_now().await;
        assert_eq!(trace.take(), "e f c d");
    });
}

#[test]
fn shutdown_reports_a_panic_and_not_the_aborts() {
    let (reports, policy) = reports();
    Builder::new().unhandled_panic(policy).build().unwrap().block_on(async {
        let mut set = JoinSet::new();
        set.spawn(async { panic!("of a task") });
        set.spawn(pending::<()>());
        yield_now().await;
        set.shutdown().await;
        assert!(set.is_empty());
    });
    let reports = reports.lock().unwrap();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("panicked: of a task"), "{reports:?}");
}

#[test]
fn join_all_gives_outputs_in_the_order_of_the_ends_or_the_first_panic() {
    let outputs = block_on(async {
        let mut set = JoinSet::new();
        for n in [2, 0, 1] {
            set.spawn(async move {
                for _ in 0..n {
                    yield_now().await;
                }
                n
            });
        }
        set.join_all().await
    });
    assert_eq!(outputs, [0, 1, 2]);
    let trace = Trace::new();
    let dropped = trace.on_drop("aborted");
    let panic = panic_of(|| {
        block_on(async {
            let mut set = JoinSet::new();
            set.spawn(async move {
                let _dropped = dropped;
                pending::<()>().await;
            });
            set.spawn(async { panic!("of a task") });
            set.join_all().await
        })
    });
    assert_eq!((panic.as_str(), trace.take().as_str()), ("of a task", "aborted"));
    let aborted = panic_of(|| {
        block_on(async {
            let mut set = JoinSet::<()>::new();
            set.spawn(pending()).abort();
            set.join_all().await
        })
    });
    assert!(aborted.contains("use `join_next`"), "{aborted}");
}

#[test]
fn an_await_that_is_given_up_gives_its_waker_back_and_loses_nothing() {
    let runtime = Runtime::new().unwrap();
    let signal = Signal::new();
    let mut set = JoinSet::new();
    let given = signal.clone();
    runtime.block_on(async { set.spawn(given.traced(Trace::new(), "a")) });
    runtime.block_on(yield_now());
    let counting = Arc::new(Counting::default());
    {
        let mut next = pin!(set.join_next());
        assert!(poll_once(next.as_mut(), &counting).is_pending());
        assert_eq!(Arc::strong_count(&counting), 2);
    }
    assert_eq!(Arc::strong_count(&counting), 1);
    runtime.block_on(async {
        signal.give();
        yield_now().await;
    });
    assert!(matches!(poll_once(pin!(set.join_next()), &counting), Poll::Ready(Some(Ok(())))));
}

/// A waker that polls inside its wake: the output is not there yet, and must still come.
#[test]
fn a_poll_inside_the_wake_does_not_lose_the_output() {
    use std::cell::RefCell;
    use std::task::{Context, Wake, Waker};
    thread_local! {
        static SET: RefCell<Option<JoinSet<i32>>> = const { RefCell::new(None) };
        static TRACE: Trace = Trace::new();
    }
    struct Polls;
    impl Wake for Polls {
        fn wake(self: Arc<Self>) {
            let mut set = SET.take().expect("one wake at a time");
            let waker = Waker::from(self);
            let mut next = set.join_next();
            let polled = Pin::new(&mut next).poll(&mut Context::from_waker(&waker));
            TRACE.with(|trace| {
                trace.push(format!("{:?}", polled.map(|next| next.unwrap().unwrap())));
            });
            std::mem::forget(next); // keeps what it has registered
            SET.set(Some(set));
        }
    }
    block_on(async {
        let mut set = JoinSet::new();
        set.spawn(async {
            yield_now().await;
            7
        });
        SET.set(Some(set));
        Waker::from(Arc::new(Polls)).wake(); // the first poll
        yield_now().await;
        yield_now().await;
        // At once; as its future is dropped; as its handle is told, before the output is stored; and then.
        assert_eq!(TRACE.with(Trace::take), "Pending Pending Pending Ready(7)");
    });
}

/// A wake that polls and drops the future, before the output is stored: the handle has kept the waker until then.
#[test]
fn a_wait_that_is_given_up_inside_the_wake_gives_its_waker_back_in_that_turn() {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};
    thread_local! {
        static SET: RefCell<Option<JoinSet<i32>>> = const { RefCell::new(None) };
    }
    #[derive(Default)]
    struct Polls(AtomicUsize);
    impl Wake for Polls {
        fn wake(self: Arc<Self>) {
            if self.0.fetch_add(1, Ordering::SeqCst) > 1 {
                return;
            }
            let mut set = SET.take().expect("one wake at a time");
            let waker = Waker::from(self);
            let polled = Pin::new(&mut set.join_next()).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending(), "the output is not there yet");
            SET.set(Some(set));
        }
    }
    block_on(async {
        let mut set = JoinSet::new();
        set.spawn(async { 7 });
        let polls = Arc::<Polls>::default();
        {
            let waker = Waker::from(Arc::clone(&polls));
            let mut next = set.join_next();
            assert!(Pin::new(&mut next).poll(&mut Context::from_waker(&waker)).is_pending());
            std::mem::forget(next); // keeps what it has registered
        }
        SET.set(Some(set));
        yield_now().await;
        // As the task's future is dropped; as its handle is told, before the output is stored; and then.
        assert_eq!(polls.0.load(Ordering::SeqCst), 3);
        assert_eq!(Arc::strong_count(&polls), 1);
        assert_eq!(SET.take().unwrap().join_next().await.unwrap().unwrap(), 7);
    });
}

/// python/cpython#155143: many short tasks through one set that lives on.
#[test]
fn a_hundred_thousand_short_tasks_leave_the_set_as_small_as_it_was() {
    block_on(async {
        let mut set = JoinSet::new();
        let live = pending::<u32>;
        set.spawn(live());
        for n in 0..100_000_u32 {
            set.spawn(async move { n });
            assert_eq!(set.join_next().await.unwrap().unwrap(), n);
        }
        assert_eq!(set.len(), 1);
        // The places of tasks are used again: no abort walks over more than two.
        assert_eq!(format!("{set:?}"), "JoinSet { tasks: 1, places: 2, ended: 0 }");
    });
}

/// The future is forgotten by an executor that is closing; the set must still be completed.
#[test]
fn a_set_that_is_filled_while_the_executor_ends_is_completed() {
    struct Fills(Trace);
    impl Drop for Fills {
        fn drop(&mut self) {
            let mut set = JoinSet::new();
            for _ in 0..200_000 {
                set.spawn(async {});
            }
            let mut ended = 0;
            while let Some(outcome) = set.try_join_next() {
                assert!(outcome.unwrap_err().is_shutdown());
                ended += 1;
            }
            assert!(ended > 0);
            self.0.push("filled");
        }
    }
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let fills = Fills(trace.clone());
    runtime.block_on(async move {
        spawn(async move {
            let _fills = fills;
            pending::<()>().await;
        })
        .detach();
        yield_now().await;
    });
    drop(runtime);
    assert_eq!(trace.take(), "filled");
}

#[test]
fn outside_of_a_runtime_spawn_is_refused_and_the_set_stays_empty() {
    let mut set = JoinSet::new();
    let refused = panic_of(|| set.spawn(async {}));
    assert!(refused.starts_with("`spawn` needs a runtime"), "{refused}");
    assert!(set.is_empty());
    block_on(async {
        set.spawn(async {});
        set.join_next().await.unwrap().unwrap();
        assert!(poll_fn(|cx| Pin::new(&mut set.join_next()).poll(cx)).await.is_none());
    });
}
