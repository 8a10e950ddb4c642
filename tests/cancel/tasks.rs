//! `JoinHandle::cancel` and `cancel_within`, and what hears of them.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::future::FusedFuture;
use taketurns::cancel::{OrCancelled, cancelled, checkpoint, shield};
use taketurns::time::{Clock, Instant, sleep};
use taketurns::{Builder, OnExit, spawn, yield_now};

use crate::Silent;
use crate::common::{Trace, reports};

const SECOND: Duration = Duration::from_secs(1);

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new().clock(Clock::AutoAdvance).on_lost(|_| {}).build().unwrap();
    runtime.block_on(future)
}

#[test]
fn a_task_that_listens_cleans_up_and_its_awaiter_hears_the_reason() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let task = spawn(async move {
            let _guard = inner.on_drop("left");
            inner.push("started");
            inner.push(format!("asked:{}", cancelled().await));
            sleep(SECOND).await;
            inner.push("clean");
        });
        sleep(SECOND).await;
        task.cancel("enough");
        task.cancel("too late");
        trace.push("cancelled");
        let error = task.await.unwrap_err();
        assert!(error.is_cancelled());
        trace.push(error.reason().unwrap());
        assert!(error.to_string().ends_with("was cancelled: enough"), "{error}");
    });
    assert_eq!(trace.take(), "started cancelled asked:enough clean left enough");
}

#[test]
fn a_task_that_does_not_listen_goes_on_and_gives_its_value() {
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    block_on(async {
        let task = spawn(async move {
            let mut sleep = Box::pin(sleep(SECOND));
            std::future::poll_fn(|cx| {
                count.set(count.get() + 1);
                sleep.as_mut().poll(cx)
            })
            .await;
            7
        });
        yield_now().await;
        task.cancel("enough");
        assert_eq!(task.await.unwrap(), 7);
    });
    assert_eq!(polls.get(), 2, "the request alone wakes nothing");
}

#[test]
fn a_task_that_ends_before_it_hears_keeps_its_value() {
    block_on(async {
        let task = spawn(async { "done" });
        task.cancel("enough");
        assert_eq!(task.await.unwrap(), "done");
        let task = spawn(async { "done" });
        yield_now().await;
        task.cancel("enough");
        assert_eq!(task.await.unwrap(), "done");
    });
}

#[test]
fn a_request_stays_and_every_later_await_that_listens_hears_it_at_once() {
    block_on(async {
        let task = spawn(async {
            let error = sleep(10 * SECOND).or_cancelled().await.unwrap_err();
            assert_eq!(error.to_string(), "cancelled: enough");
            let begin = Instant::now();
            assert!(sleep(SECOND).or_cancelled().await.is_err());
            assert!(checkpoint().await.is_err());
            cancelled().await;
            assert_eq!(begin.elapsed(), Duration::ZERO);
        });
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn an_output_that_is_ready_is_not_lost_to_a_request() {
    block_on(async {
        let task = spawn(async {
            cancelled().await;
            assert_eq!(async { 1 }.or_cancelled().await, Ok(1));
        });
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_loop_over_what_is_always_ready_hears_when_its_budget_is_used_up() {
    let rounds = Rc::new(Cell::new(0));
    let count = Rc::clone(&rounds);
    block_on(async {
        let task = spawn(async move {
            while taketurns::task::consume_budget().or_cancelled().await.is_ok() {
                count.set(count.get() + 1);
            }
        });
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(rounds.get(), 128);
}

#[test]
fn a_checkpoint_yields_and_then_hears() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let task = spawn(async move {
            let mut round = 0;
            while checkpoint().await.is_ok() {
                round += 1;
                inner.push(round);
            }
            inner.push("stops");
        });
        for _ in 0..3 {
            trace.push("main");
            yield_now().await;
        }
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "main main 1 main 2 stops");
}

#[test]
fn several_listeners_of_one_task_hear_in_the_order_in_which_they_began() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let task = spawn(async move {
            let listen = |name| {
                let trace = inner.clone();
                async move {
                    cancelled().await;
                    trace.push(name);
                }
            };
            // Each has a waker of its own, so each has to be woken.
            let mut all: futures::stream::FuturesUnordered<_> =
                ["a", "b", "c"].map(listen).into_iter().collect();
            assert!(futures::poll!(futures::StreamExt::next(&mut all)).is_pending());
            inner.push("listen");
            while futures::StreamExt::next(&mut all).await.is_some() {}
        });
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "listen a b c");
}

#[test]
fn a_shielded_task_hears_when_the_shield_has_ended() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let task = spawn(async move {
            shield(async {
                assert!(sleep(SECOND).or_cancelled().await.is_ok());
                inner.push("shielded");
            })
            .await;
            cancelled().await;
            inner.push("heard");
        });
        yield_now().await;
        task.cancel("enough");
        trace.push("asked");
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "asked shielded heard");
}

#[test]
fn cancel_within_waits_for_a_task_that_listens_and_drops_one_that_does_not() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let mut listens = spawn(async move {
            cancelled().await;
            sleep(SECOND).await;
            inner.push("clean");
        });
        let guard = trace.on_drop("dropped");
        let mut deaf = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        let begin = Instant::now();
        let error = listens.cancel_within(3 * SECOND, "enough").await.unwrap_err();
        assert_eq!((begin.elapsed(), error.reason().unwrap().as_str()), (SECOND, "enough"));
        let error = deaf.cancel_within(3 * SECOND, "now").await.unwrap_err();
        assert_eq!((begin.elapsed(), error.reason().unwrap().as_str()), (4 * SECOND, "now"));
    });
    assert_eq!(trace.take(), "clean dropped");
}

#[test]
fn an_abort_alone_gives_no_reason_and_after_a_request_gives_its_reason() {
    block_on(async {
        let task = spawn(pending::<()>());
        task.abort();
        assert_eq!(task.await.unwrap_err().reason(), None);
        let task = spawn(pending::<()>());
        task.cancel("enough");
        task.abort();
        assert_eq!(task.await.unwrap_err().reason().unwrap().as_str(), "enough");
    });
}

#[test]
fn a_panic_of_a_task_that_heard_stays_a_panic() {
    block_on(async {
        let task = spawn(async {
            cancelled().await;
            panic!("while cleaning up");
        });
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_panic());
    });
}

#[test]
fn the_value_of_a_task_that_heard_is_dropped_once_and_a_panic_of_that_drop_is_reported() {
    struct Bomb(Trace);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.push("dropped");
            panic!("in the drop of the value");
        }
    }
    let trace = Trace::new();
    let inner = trace.clone();
    let (reports, policy) = reports();
    Builder::new().unhandled_panic(policy).build().unwrap().block_on(async {
        let task = spawn(async move {
            cancelled().await;
            Bomb(inner)
        });
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.err().unwrap().is_cancelled());
    });
    assert_eq!(trace.take(), "dropped");
    assert_eq!(reports.lock().unwrap().len(), 1);
}

#[test]
fn the_end_of_the_runtime_is_the_outermost_request() {
    let trace = Trace::new();
    let (first, second) = (trace.clone(), trace.clone());
    let runtime = Builder::new().on_exit(OnExit::Cancel { grace: 3600 * SECOND }).build().unwrap();
    let heard = runtime.spawn(async move { first.push(cancelled().await) });
    runtime
        .spawn(async move {
            let error = heard.await.unwrap_err();
            second.push(error.reason().unwrap());
        })
        .detach();
    runtime.block_on(async {});
    assert!(runtime.shutdown().lost().is_empty());
    assert_eq!(trace.take(), "the runtime ends the runtime ends");
}

#[test]
#[should_panic(expected = "`cancel::cancelled` at tests/cancel/tasks.rs:")]
fn to_listen_outside_of_every_task_and_scope_is_an_error() {
    futures::executor::block_on(cancelled());
}

#[test]
fn a_listener_that_is_dropped_gives_its_waker_back() {
    let silent = Arc::new(Silent);
    block_on(async {
        let mut listener = Box::pin(cancelled());
        let waker = Waker::from(Arc::clone(&silent));
        assert!(listener.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(Arc::strong_count(&silent), 3, "here, the waker, and its clone in the request");
        drop(listener);
        assert_eq!(Arc::strong_count(&silent), 2);
    });
}

#[test]
fn a_listener_in_a_select_loop_is_terminated_once_it_has_completed() {
    block_on(async {
        let task = spawn(async {
            let mut listener = cancelled();
            assert!(!listener.is_terminated());
            (&mut listener).await;
            assert!(listener.is_terminated());
        });
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_loop_that_ignores_what_it_hears_still_gives_turns_away() {
    let turns = Rc::new(Cell::new(0));
    let count = Rc::clone(&turns);
    block_on(async {
        let other = spawn(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        let task = spawn(async {
            for _ in 0..1000 {
                assert!(pending::<()>().or_cancelled().await.is_err());
                assert!(checkpoint().await.is_err());
            }
        });
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
        other.abort();
    });
    assert!(turns.get() >= 2000 / 128, "{}", turns.get());
}

#[test]
fn many_listeners_of_one_task_are_quick() {
    block_on(async {
        let task = spawn(async {
            taketurns::task::join_all((0..20_000).map(|_| cancelled())).await;
        });
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
}
