//! `cancel::Scope`: deadlines, nesting, shields.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::FutureExt;
use taketurns::cancel::{OrCancelled, Scope, cancelled, checkpoint, shield};
use taketurns::task::consume_budget;
use taketurns::time::{Clock, Instant, sleep};
use taketurns::{Builder, spawn, yield_now};

use crate::Silent;
use crate::common::Trace;

const SECOND: Duration = Duration::from_secs(1);

fn block_on<F: Future>(future: F) -> F::Output {
    Builder::new().clock(Clock::AutoAdvance).build().unwrap().block_on(future)
}

#[test]
fn a_cancelled_scope_drops_its_content_and_tells_why() {
    let trace = Trace::new();
    block_on(async {
        let scope = Scope::new();
        assert!(!scope.is_cancelled());
        let (other, inner) = (scope.clone(), trace.clone());
        spawn(async move {
            other.cancel("enough");
            other.cancel("too late");
            inner.push("cancelled");
        })
        .detach();
        let content = async {
            let _guard = trace.on_drop("dropped");
            pending::<()>().await;
        };
        let error = scope.run(content).await.unwrap_err();
        trace.push(error.reason());
        assert_eq!(scope.reason(), Some(error.reason()));
        assert!(scope.is_cancelled());
    });
    assert_eq!(trace.take(), "cancelled dropped enough");
}

#[test]
fn content_that_ends_gives_its_value_even_if_the_scope_was_cancelled_meanwhile() {
    block_on(async {
        let scope = Scope::new();
        let content = async {
            scope.cancel("enough");
            5
        };
        assert_eq!(scope.run(content).await, Ok(5));
        assert!(scope.run(async { unreachable!("dropped without a poll") }).await.is_err());
    });
}

#[test]
fn a_deadline_counts_from_the_run_and_an_output_at_the_deadline_is_not_lost() {
    block_on(async {
        let scope = Scope::with_timeout(SECOND);
        sleep(5 * SECOND).await;
        let begin = Instant::now();
        let error = scope.run(pending::<()>()).await.unwrap_err();
        assert_eq!(error.to_string(), "cancelled: the limit of 1s passed");
        assert_eq!(begin.elapsed(), SECOND);
        assert_eq!(Scope::with_timeout(SECOND).run(sleep(SECOND).map(|()| 3)).await, Ok(3));
        let past = Scope::with_deadline(begin);
        assert_eq!(past.run(async { 4 }).await, Ok(4), "polled once");
        let past = Scope::with_deadline(begin);
        assert_eq!(
            past.run(pending::<()>()).await.unwrap_err().to_string(),
            "cancelled: the deadline passed"
        );
    });
}

#[test]
fn content_that_uses_up_the_budget_does_not_postpone_its_deadline() {
    block_on(async {
        let rounds = Cell::new(0);
        let content = async {
            while rounds.get() < 10_000 {
                consume_budget().await;
                rounds.set(rounds.get() + 1);
            }
        };
        assert!(Scope::with_deadline(Instant::now()).run(content).await.is_err());
        assert_eq!(rounds.get(), 128, "the budget of one turn");
    });
}

#[test]
fn the_outer_scope_ends_the_inner_one_whose_code_never_takes_it_for_its_own() {
    let trace = Trace::new();
    block_on(async {
        let outer = Scope::with_timeout(SECOND);
        let error = outer
            .run(async {
                let _guard = trace.on_drop("outer-content");
                let outcome = Scope::with_timeout(2 * SECOND).run(pending::<()>()).await;
                unreachable!("the inner scope gave {outcome:?}");
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "cancelled: the limit of 1s passed");
    });
    assert_eq!(trace.take(), "outer-content");
}

#[test]
fn an_outer_limit_that_passes_during_an_inner_clean_up_is_the_outers_error() {
    block_on(async {
        let begin = Instant::now();
        let outer = Scope::with_timeout(3 * SECOND);
        let error = outer
            .run(async {
                let inner = Scope::with_timeout(SECOND);
                inner
                    .run(async {
                        cancelled().await; // told by the inner scope, so it is not dropped by that
                        sleep(10 * SECOND).await;
                    })
                    .await
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "cancelled: the limit of 3s passed");
        assert_eq!(begin.elapsed(), 3 * SECOND);
    });
}

#[test]
fn content_that_was_told_cleans_up_and_its_value_counts() {
    let trace = Trace::new();
    block_on(async {
        let scope = Scope::with_timeout(SECOND);
        let value = scope
            .run(async {
                let error = sleep(10 * SECOND).or_cancelled().await.unwrap_err();
                trace.push(error.reason());
                sleep(SECOND).await;
                trace.push("clean");
                "saved"
            })
            .await;
        assert_eq!(value, Ok("saved"));
    });
    assert_eq!(trace.take(), "the limit of 1s passed clean");
}

#[test]
fn a_shielded_wait_in_a_cancelled_scope_costs_no_turns() {
    block_on(async {
        let begin = Instant::now();
        let polls = Rc::new(Cell::new(0));
        let scope = Scope::with_timeout(SECOND);
        let mut run = pin!(scope.run(async {
            shield(sleep(60 * SECOND)).await;
            pending::<()>().await;
        }));
        let count = Rc::clone(&polls);
        let outcome = poll_fn(|cx| {
            count.set(count.get() + 1);
            run.as_mut().poll(cx)
        })
        .await;
        assert_eq!(outcome.unwrap_err().to_string(), "cancelled: the limit of 1s passed");
        assert_eq!(begin.elapsed(), 60 * SECOND);
        assert_eq!(polls.get(), 3, "begun, at the deadline, at the end of the shield");
    });
}

#[test]
fn a_scope_inside_a_shield_is_cancelled_by_itself_alone() {
    let trace = Trace::new();
    block_on(async {
        let outer = Scope::new();
        let outcome = outer
            .run(shield(async {
                outer.cancel("outer");
                assert!(checkpoint().await.is_ok(), "not told inside the shield");
                let inner = Scope::new();
                let error = inner
                    .run(async {
                        inner.cancel("inner");
                        checkpoint().await.unwrap_err()
                    })
                    .await
                    .unwrap();
                trace.push(error.reason());
            }))
            .await;
        assert_eq!(outcome, Ok(()), "the content came to its end");
    });
    assert_eq!(trace.take(), "inner");
}

#[test]
fn a_task_spawned_in_a_scope_is_not_part_of_it() {
    let trace = Trace::new();
    block_on(async {
        let scope = Scope::new();
        let mut task = None;
        let _ = scope
            .run(async {
                let trace = trace.clone();
                task = Some(spawn(async move {
                    trace.push(checkpoint().await.is_ok());
                }));
                scope.cancel("enough");
                pending::<()>().await;
            })
            .await;
        task.unwrap().await.unwrap();
    });
    assert_eq!(trace.take(), "true");
}

#[test]
fn a_scope_works_on_a_foreign_executor() {
    let scope = Scope::new();
    let asks = async {
        scope.cancel("enough");
        pending::<()>().await;
    };
    let error = futures::executor::block_on(scope.run(asks)).unwrap_err();
    assert_eq!(error.reason().as_str(), "enough");
    let told = Scope::new();
    let reason = futures::executor::block_on(told.run(async {
        told.cancel("again");
        cancelled().await
    }));
    assert_eq!(reason.unwrap().as_str(), "again");
}

#[test]
fn after_a_panic_of_the_content_the_thread_is_in_no_scope() {
    block_on(async {
        let scope = Scope::new();
        scope.cancel("enough");
        let panics = Scope::new();
        let run = panics.run(async { panic!("in the content") });
        assert!(std::panic::AssertUnwindSafe(run).catch_unwind().await.is_err());
        panics.cancel("not for this place");
        assert!(checkpoint().await.is_ok());
        let _ = yield_now().await;
    });
}

#[test]
fn a_run_that_is_dropped_gives_its_waker_back() {
    let (scope, silent) = (Scope::new(), Arc::new(Silent));
    let mut run = Box::pin(scope.run(pending::<()>()));
    let waker = Waker::from(Arc::clone(&silent));
    assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(Arc::strong_count(&silent), 3, "here, the waker, and its clone in the scope");
    drop(run);
    assert_eq!(Arc::strong_count(&silent), 2);
}

#[test]
fn a_run_that_is_dropped_gives_up_its_holds() {
    block_on(async {
        let outer = Scope::new();
        let outcome = outer
            .run(async {
                let mut inner = Box::pin(Scope::new().run(shield(pending::<()>())));
                assert!(futures::poll!(&mut inner).is_pending());
                drop(inner);
                outer.cancel("enough");
                pending::<()>().await;
            })
            .await;
        assert_eq!(outcome.unwrap_err().reason().as_str(), "enough");
    });
}

#[test]
fn what_one_run_of_a_scope_hears_or_shields_is_no_matter_of_another() {
    block_on(async {
        let scope = Scope::new();
        scope.cancel("enough");
        let heard = Scope::clone(&scope).run(async { checkpoint().await.is_err() });
        assert!(heard.await.is_err(), "dropped without a poll");
        let scope = Scope::new();
        let told = scope.run(async {
            scope.cancel("enough");
            checkpoint().await.is_err()
        });
        assert_eq!(told.await, Ok(true));
        assert!(scope.run(pending::<()>()).await.is_err(), "it has not heard");
        let scope = Scope::new();
        let begin = Instant::now();
        let shielded = scope.run(shield(sleep(9 * SECOND)));
        let plain = scope.run(pending::<()>());
        let cancels = async {
            sleep(SECOND).await;
            scope.cancel("enough");
        };
        let plain = async {
            assert!(plain.await.is_err());
            assert_eq!(begin.elapsed(), SECOND);
        };
        let (shielded, (), ()) = futures::join!(shielded, plain, cancels);
        assert_eq!((shielded, begin.elapsed()), (Ok(()), 9 * SECOND));
    });
}

#[test]
fn a_checkpoint_that_waits_is_told_and_not_dropped() {
    let trace = Trace::new();
    block_on(async {
        let scope = Scope::new();
        let (other, inner) = (scope.clone(), trace.clone());
        spawn(async move {
            yield_now().await;
            other.cancel("enough");
        })
        .detach();
        let content = async {
            while checkpoint().await.is_ok() {
                inner.push("goes-on");
            }
            inner.push("told");
            1
        };
        assert_eq!(scope.run(content).await, Ok(1));
    });
    assert_eq!(trace.take(), "goes-on told");
}

#[test]
fn a_shield_that_another_task_drops_lets_the_scope_end() {
    block_on(async {
        let scope = Scope::new();
        let kept = Rc::new(std::cell::RefCell::new(Some(Box::pin(shield(pending::<()>())))));
        let (other, drops) = (scope.clone(), Rc::clone(&kept));
        spawn(async move {
            other.cancel("enough");
            yield_now().await;
            yield_now().await;
            drop(drops.take());
        })
        .detach();
        let content = poll_fn(move |cx| match &mut *kept.borrow_mut() {
            Some(shield) => shield.as_mut().poll(cx),
            None => std::task::Poll::Pending,
        });
        assert!(scope.run(content).await.is_err());
    });
}
