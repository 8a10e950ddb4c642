//! Task groups: when children run, what a failure ends, and that none outlives its group.
#![cfg(feature = "time")]

mod common;

use std::cell::Cell;
use std::error::Error;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use common::{Trace, reports};
use taketurns::cancel::{OrCancelled, Scope, cancelled, shield};
use taketurns::task::{StartError, TaskGroup};
use taketurns::time::{Clock, Instant, sleep};
use taketurns::{Builder, spawn, yield_now};

const SECOND: Duration = Duration::from_secs(1);

type Outcome<T = ()> = Result<T, &'static str>;

fn block_on<F: Future>(future: F) -> F::Output {
    Builder::new().clock(Clock::AutoAdvance).build().unwrap().block_on(future)
}

/// Sleeps, then says so.
async fn worker(trace: Trace, name: &'static str, seconds: u32) -> Outcome {
    let _guard = trace.on_drop(format!("{name}-gone"));
    trace.push(name);
    sleep(seconds * SECOND).await;
    trace.push(format!("{name}-done"));
    Ok(())
}

#[test]
fn children_run_once_the_body_waits_and_the_scope_returns_when_all_have_ended() {
    let trace = Trace::new();
    let value = block_on(TaskGroup::scope(async |group| {
        for (name, seconds) in [("a", 2), ("b", 1)] {
            group.spawn(worker(trace.clone(), name, seconds));
        }
        trace.push("body");
        assert_eq!((group.len(), group.is_empty()), (2, false));
        Outcome::Ok(5)
    }));
    trace.push("returned");
    assert_eq!(value.unwrap(), 5);
    assert_eq!(trace.take(), "body a b b-done b-gone a-done a-gone returned");
}

#[test]
fn a_body_that_yields_lets_each_child_begin_right_after_its_spawn() {
    let trace = Trace::new();
    block_on(TaskGroup::scope(async |group| {
        for name in ["a", "b"] {
            trace.push("spawns");
            group.spawn(worker(trace.clone(), name, 1));
            yield_now().await;
        }
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "spawns a spawns b a-done a-gone b-done b-gone");
}

#[test]
fn the_first_failure_cancels_the_rest_and_all_errors_come_back_in_order() {
    let trace = Trace::new();
    let error = block_on(TaskGroup::scope(async |group| {
        let inner = trace.clone();
        group.spawn_named("cleans", async move {
            inner.push(cancelled().await);
            sleep(SECOND).await;
            Outcome::<()>::Err("while cleaning up")
        });
        group.spawn(worker(trace.clone(), "deaf", 9));
        group.spawn_named("first", async {
            sleep(SECOND).await;
            Outcome::<()>::Err("at work")
        });
        pending::<()>().await;
        Outcome::Ok(())
    }))
    .unwrap_err();
    let names: Vec<_> =
        error.failures().iter().map(|failure| failure.task().unwrap().name()).collect();
    assert_eq!(names, [Some("first"), Some("cleans")]);
    assert_eq!(error.failures()[0].error(), Some(&"at work"));
    let text = error.to_string();
    assert!(
        text.starts_with("2 parts of the group failed:\n  task #3 \"first\", spawned at"),
        "{text}"
    );
    assert!(text.ends_with(": while cleaning up"), "{text}");
    let trace = trace.take();
    assert!(trace.starts_with("deaf task #3 \"first\", spawned at tests/group.rs:"), "{trace}");
    assert!(trace.ends_with("failed deaf-gone"), "{trace}");
}

#[test]
fn a_panic_of_a_child_or_of_the_body_is_a_failure() {
    let error = block_on(TaskGroup::scope(async |group| {
        group.spawn(async {
            assert!(Cell::new(false).get(), "in a child");
            Outcome::Ok(())
        });
        cancelled().await;
        panic!("in the body");
        #[expect(unreachable_code, reason = "it says the types")]
        Outcome::Ok(())
    }))
    .unwrap_err();
    assert!(error.failures()[0].error().is_none() && error.failures()[0].task().is_some());
    let text = error.to_string();
    assert!(text.contains("panicked: in a child"), "{text}");
    assert!(text.contains("the body of the group opened at tests/group.rs:"), "{text}");
    let payload = error.into_failures().remove(0).into_error().unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "in a child");
}

#[test]
fn the_source_of_the_error_is_the_first_failure_unless_that_is_a_panic() {
    let error = block_on(TaskGroup::scope(async |group| {
        group.spawn(async { "x".parse::<u32>() });
        Ok(())
    }))
    .unwrap_err();
    assert!(!error.is_cancelled());
    assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
    let error = block_on(TaskGroup::collect(async |group| {
        group.spawn::<(), _>(async { panic!("in a child") });
        yield_now().await;
        "x".parse::<u32>()
    }))
    .unwrap_err();
    assert_eq!(error.failures().len(), 2);
    assert!(error.source().is_none(), "{error}");
}

#[test]
fn a_handle_says_whether_its_child_has_ended() {
    block_on(TaskGroup::scope(async |group| {
        let child = group.spawn(async { Outcome::Ok(()) });
        assert!(!child.is_finished());
        yield_now().await;
        assert!(child.is_finished());
        Outcome::Ok(())
    }))
    .unwrap();
}

#[test]
fn an_error_of_a_body_that_was_asked_to_end_is_not_lost() {
    let error = block_on(TaskGroup::scope(async |group| {
        group.cancel("enough");
        cancelled().await;
        Outcome::<()>::Err("while cleaning up")
    }))
    .unwrap_err();
    assert_eq!(error.failures()[0].error(), Some(&"while cleaning up"));
}

#[test]
fn a_body_that_fails_before_the_first_turn_of_a_child_leaves_it_without_a_turn() {
    let trace = Trace::new();
    let error = block_on(TaskGroup::scope(async |group| {
        group.spawn(worker(trace.clone(), "never", 1));
        Err::<(), _>("the body")
    }))
    .unwrap_err();
    assert_eq!((error.failures().len(), error.failures()[0].error()), (1, Some(&"the body")));
    assert!(error.failures()[0].task().is_none());
    assert_eq!(trace.take(), "", "not begun, so there was no guard");
}

#[test]
fn a_child_that_fails_or_cancels_before_it_first_suspends() {
    let error = block_on(TaskGroup::scope(async |group| {
        group.spawn(async { Outcome::<()>::Err("at once") });
        Outcome::Ok(())
    }));
    assert_eq!(error.unwrap_err().failures()[0].error(), Some(&"at once"));
    let trace = Trace::new();
    let value = block_on(TaskGroup::scope(async |group| {
        let (ends, inner) = (group.clone(), trace.clone());
        group.spawn::<(), _>(async move {
            ends.cancel("enough");
            inner.push("goes on to its next await");
            yield_now().await;
            unreachable!("dropped here");
        });
        group.spawn(worker(trace.clone(), "never", 1));
        Outcome::Ok(7)
    }));
    assert_eq!(value.unwrap(), 7, "no failure");
    assert_eq!(trace.take(), "goes on to its next await");
}

#[test]
fn a_child_aborted_before_its_first_turn_ends_its_group() {
    block_on(TaskGroup::scope(async |group| {
        let child = group.spawn(async { Outcome::Ok(1) });
        child.abort();
        assert!(child.await.unwrap_err().is_cancelled());
        Outcome::Ok(())
    }))
    .unwrap();
}

#[test]
fn children_spawn_children_and_the_scope_waits_for_all() {
    fn family(group: &TaskGroup<&'static str>, trace: Trace, depth: u32) {
        let inner = group.clone();
        group.spawn(async move {
            trace.push(depth);
            if depth < 3 {
                family(&inner, trace.clone(), depth + 1);
                family(&inner, trace, depth + 1);
            }
            Ok(())
        });
    }
    let trace = Trace::new();
    block_on(TaskGroup::scope(async |group| {
        family(&group, trace.clone(), 0);
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "0 1 1 2 2 2 2 3 3 3 3 3 3 3 3");
}

#[test]
fn a_value_of_a_child_is_had_by_its_handle_and_a_failed_one_has_none() {
    block_on(async {
        let outcome = TaskGroup::collect(async |group| {
            let good = group.spawn(async { Outcome::Ok(3) });
            let bad = group.spawn(async { Outcome::<i32>::Err("bad") });
            assert_eq!(good.await.unwrap(), 3);
            let error = bad.await.unwrap_err();
            assert!(!error.is_cancelled() && !error.is_panic());
            assert!(error.to_string().ends_with(" failed: its group has the error"), "{error}");
            Ok(())
        });
        assert_eq!(outcome.await.unwrap_err().into_failures().len(), 1);
    });
}

#[test]
fn collect_lets_the_others_go_on() {
    let trace = Trace::new();
    let error = block_on(TaskGroup::collect(async |group| {
        group.spawn(async { Outcome::<()>::Err("first") });
        group.spawn(worker(trace.clone(), "a", 1));
        group.spawn(async {
            sleep(2 * SECOND).await;
            Outcome::<()>::Err("second")
        });
        Outcome::Ok(())
    }))
    .unwrap_err();
    let errors: Vec<_> = error.failures().iter().map(|failure| *failure.error().unwrap()).collect();
    assert_eq!(errors, ["first", "second"]);
    assert_eq!(trace.take(), "a a-done a-gone");
}

#[test]
fn cancel_ends_the_group_without_a_failure() {
    let trace = Trace::new();
    let value = block_on(TaskGroup::scope(async |group| {
        group.spawn(worker(trace.clone(), "a", 9));
        yield_now().await;
        assert!(!group.is_cancelled());
        group.cancel("enough");
        group.cancel("too late");
        assert!(group.is_cancelled());
        trace.push(cancelled().await);
        Outcome::Ok(1)
    }));
    assert_eq!(value.unwrap(), 1);
    assert_eq!(trace.take(), "a enough a-gone");
    let error = block_on(TaskGroup::scope(async |group| {
        let ends = group.clone();
        group.spawn(async move {
            ends.cancel("by a child");
            Outcome::Ok(())
        });
        pending::<Outcome>().await // it does not listen, so it is dropped
    }))
    .unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.to_string(), "the group was cancelled: by a child");
}

#[test]
fn a_body_that_cancels_its_group_is_dropped_where_it_waits_next() {
    let trace = Trace::new();
    block_on(async {
        let other = spawn({
            let trace = trace.clone();
            async move { trace.push("another-task") }
        });
        let outcome = TaskGroup::scope(async |group| {
            let _guard = trace.on_drop("body-gone");
            group.cancel("enough");
            trace.push("goes-on");
            pending::<Outcome>().await
        });
        assert!(outcome.await.unwrap_err().is_cancelled());
        trace.push("returned");
        other.await.unwrap();
    });
    assert_eq!(trace.take(), "goes-on body-gone returned another-task");
}

#[test]
fn a_group_that_is_dropped_gives_the_waker_back_to_the_code_around() {
    struct Silent;
    impl Wake for Silent {
        fn wake(self: Arc<Self>) {}
    }
    let silent = Arc::new(Silent);
    block_on(Scope::new().run(async {
        let mut group = Box::pin(TaskGroup::scope(async |_| pending::<Outcome>().await));
        let waker = Waker::from(Arc::clone(&silent));
        assert!(group.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert!(Arc::strong_count(&silent) > 1);
        drop(group);
        assert_eq!(Arc::strong_count(&silent), 1);
    }))
    .unwrap();
}

#[test]
fn a_scope_that_is_dropped_midway_drops_the_body_at_once_and_each_child_in_its_next_turn() {
    let trace = Trace::new();
    block_on(async {
        let mut scope = Box::pin(TaskGroup::scope(async |group| {
            let _guard = trace.on_drop("body-gone");
            for name in ["a", "b"] {
                group.spawn(worker(trace.clone(), name, 9));
            }
            pending::<Outcome>().await
        }));
        assert!(futures::poll!(&mut scope).is_pending());
        yield_now().await;
        drop(scope);
        trace.push("dropped");
        yield_now().await;
        trace.push("end");
    });
    assert_eq!(trace.take(), "a b body-gone dropped a-gone b-gone end");
}

#[test]
fn a_scope_around_the_group_waits_for_its_children_and_has_the_error() {
    let trace = Trace::new();
    block_on(async {
        let begin = Instant::now();
        let scope = Scope::with_timeout(SECOND);
        let inner = trace.clone();
        let error = scope
            .run(async {
                let outcome = TaskGroup::scope(async |group| {
                    group.spawn(async move {
                        inner.push(cancelled().await);
                        sleep(SECOND).await;
                        inner.push("clean");
                        Outcome::Ok(())
                    });
                    group.spawn(worker(trace.clone(), "deaf", 9));
                    pending::<Outcome>().await
                })
                .await;
                unreachable!("{outcome:?}");
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "cancelled: the limit of 1s passed");
        assert_eq!(begin.elapsed(), 2 * SECOND);
    });
    assert_eq!(trace.take(), "deaf the limit of 1s passed deaf-gone clean");
}

#[test]
fn an_error_of_a_group_that_was_cancelled_from_outside_is_not_lost() {
    block_on(async {
        let scope = Scope::with_timeout(SECOND);
        let outcome = scope
            .run(TaskGroup::scope(async |group| {
                group.spawn(async {
                    cancelled().await;
                    Outcome::<()>::Err("while cleaning up")
                });
                pending::<Outcome>().await
            }))
            .await;
        let error = outcome.expect("the content came to its end").unwrap_err();
        assert_eq!(error.failures()[0].error(), Some(&"while cleaning up"));
        assert_eq!(error.reason().as_str(), "the limit of 1s passed");
    });
}

#[test]
fn a_group_inside_a_group_goes_with_it_and_adds_no_error_of_its_own() {
    let trace = Trace::new();
    let error = block_on(TaskGroup::scope(async |outer| {
        let inner = trace.clone();
        outer.spawn(async move {
            let outcome = TaskGroup::scope(async |group| {
                group.spawn(worker(inner.clone(), "a", 9));
                pending::<Outcome>().await
            })
            .await;
            inner.push(format!("{outcome:?}"));
            outcome.map_err(|_| "the inner group")
        });
        yield_now().await;
        yield_now().await;
        Err::<(), _>("the body")
    }))
    .unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(trace.take(), "a a-gone");
}

#[test]
fn a_task_that_is_cancelled_ends_the_group_that_it_awaits() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let task = spawn(async move {
            let error = TaskGroup::scope(async |group| {
                group.spawn(worker(inner.clone(), "a", 9));
                pending::<Outcome>().await
            })
            .await
            .unwrap_err()
            .to_string();
            inner.push(error);
        });
        yield_now().await;
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled(), "the group has heard for its task");
    });
    assert_eq!(trace.take(), "a a-gone the group was cancelled: enough");
}

#[test]
fn a_child_in_a_shield_ends_when_the_shield_does() {
    let trace = Trace::new();
    let inner = trace.clone();
    let error = block_on(TaskGroup::scope(async |group| {
        group.spawn::<(), _>(async move {
            shield(async {
                sleep(2 * SECOND).await;
                inner.push("shielded");
            })
            .await;
            yield_now().await;
            unreachable!("dropped here");
        });
        sleep(SECOND).await;
        Err::<(), _>("the body")
    }))
    .unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(trace.take(), "shielded");
}

#[test]
fn start_gives_what_the_child_declares_and_the_child_lives_on() {
    let trace = Trace::new();
    let inner = trace.clone();
    block_on(TaskGroup::scope(async |group| {
        let port = group
            .start(async move |started| {
                sleep(SECOND).await;
                started.set(8080);
                sleep(SECOND).await;
                inner.push("lived-on");
                Ok(())
            })
            .await
            .unwrap();
        trace.push(port);
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "8080 lived-on");
}

#[test]
fn a_child_that_ends_before_it_is_ready_gives_its_failure_to_the_caller_of_start() {
    block_on(TaskGroup::scope(async |group| {
        let failed = group.start::<(), _, _>(async |_| Err("no port")).await.unwrap_err();
        assert!(failed.to_string().ends_with(": no port"), "{failed}");
        let panicked = group.start::<(), _, _>(async |_| panic!("no idea")).await.unwrap_err();
        assert!(panicked.to_string().ends_with("panicked: no idea"), "{panicked}");
        let ended = group.start::<(), _, _>(async |_| Ok(())).await.unwrap_err();
        assert!(matches!(ended, StartError::Ended(_)));
        assert!(ended.to_string().ends_with("before it called `set`"), "{ended}");
        assert!(!group.is_cancelled());
        Outcome::Ok(())
    }))
    .unwrap();
}

#[test]
fn the_source_of_a_start_error_is_what_the_child_returned() {
    block_on(TaskGroup::scope(async |group| {
        let start = group.start::<u32, _, _>(async |started| {
            started.set("x".parse()?);
            Ok(())
        });
        let error = start.await.unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
        let ended = group.start::<(), _, _>(async |_| Ok(())).await.unwrap_err();
        assert!(ended.source().is_none());
        Ok::<_, std::num::ParseIntError>(())
    }))
    .unwrap();
}

#[test]
fn a_failure_after_start_is_the_groups() {
    let error = block_on(TaskGroup::scope(async |group| {
        let start = group.start(async |started| {
            started.set(());
            yield_now().await;
            Err("later")
        });
        start.await.unwrap();
        pending::<Outcome>().await
    }))
    .unwrap_err();
    assert_eq!(error.failures()[0].error(), Some(&"later"));
}

#[test]
fn a_panic_after_start_is_the_groups() {
    let error = block_on(TaskGroup::scope(async |group| {
        let start = group.start(async |started| {
            started.set(());
            yield_now().await;
            panic!("later");
        });
        start.await.unwrap();
        pending::<Outcome>().await
    }))
    .unwrap_err();
    assert!(error.to_string().ends_with("panicked: later"), "{error}");
}

#[test]
fn a_start_given_up_midway_aborts_its_child() {
    let trace = Trace::new();
    block_on(TaskGroup::scope(async |group| {
        let guard = trace.on_drop("gone");
        let mut start = Box::pin(group.start::<(), _, _>(async move |_started| {
            let _guard = guard;
            pending::<Outcome>().await
        }));
        assert!(futures::poll!(&mut start).is_pending());
        drop(start);
        yield_now().await;
        assert!(group.is_empty());
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "gone");
}

#[test]
fn a_group_that_has_ended_takes_no_child() {
    let text = block_on(async {
        let mut kept = None;
        TaskGroup::scope(async |group| {
            kept = Some(group.clone());
            Outcome::Ok(())
        })
        .await
        .unwrap();
        let group = kept.unwrap();
        let spawn = || drop(group.spawn(async { Outcome::Ok(()) }));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(spawn)).unwrap_err()
    });
    let text = text.downcast::<String>().unwrap();
    assert!(text.starts_with("the task group opened at tests/group.rs:"), "{text}");
}

#[test]
fn a_destructor_that_panics_as_its_child_is_dropped_is_a_failure_and_the_others_end() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let trace = Trace::new();
    let error = block_on(TaskGroup::scope(async |group| {
        let bomb = Bomb;
        group.spawn(async move {
            let _bomb = bomb;
            pending::<Outcome>().await
        });
        group.spawn(worker(trace.clone(), "a", 9));
        yield_now().await;
        Err::<(), _>("the body")
    }))
    .unwrap_err();
    assert_eq!(error.failures().len(), 2, "{error}");
    assert!(error.to_string().contains("panicked: in a destructor"), "{error}");
    assert_eq!(trace.take(), "a a-gone");
}

#[test]
fn many_short_children_of_one_group_use_the_memory_of_a_few() {
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    block_on(TaskGroup::scope(async |group| {
        for _ in 0..10_000 {
            let count = Rc::clone(&count);
            group.spawn(async move {
                count.set(count.get() + 1);
                Outcome::Ok(())
            });
            yield_now().await;
        }
        assert_eq!(group.len(), 0);
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(polls.get(), 10_000);
}

#[test]
fn a_child_that_ignores_the_request_it_heard_is_waited_for() {
    let trace = Trace::new();
    let inner = trace.clone();
    let error = block_on(TaskGroup::scope(async |group| {
        group.spawn(async move {
            let _ = sleep(9 * SECOND).or_cancelled().await;
            sleep(SECOND).await;
            inner.push("its own end");
            Outcome::Ok(())
        });
        yield_now().await;
        Err::<(), _>("the body")
    }))
    .unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(trace.take(), "its own end");
}

/// The group reaches a child by the place that it takes when it first waits.
#[test]
fn a_child_that_ends_the_group_in_its_first_turn_and_then_listens_is_told() {
    let trace = Trace::new();
    block_on(TaskGroup::scope(async |group| {
        let (ends, inner) = (group.clone(), trace.clone());
        group.spawn(async move {
            ends.cancel("enough");
            inner.push(cancelled().await);
            inner.push(sleep(9 * SECOND).or_cancelled().await.is_err());
            Outcome::Ok(())
        });
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "enough true");
}

#[test]
fn a_group_that_is_cut_short_from_outside_gives_no_value_even_if_its_body_had_one() {
    let trace = Trace::new();
    block_on(async {
        let limit = Scope::with_timeout(SECOND);
        let group = TaskGroup::scope(async |group| {
            group.spawn(worker(trace.clone(), "a", 9));
            Outcome::Ok("saved")
        });
        let error = limit.run(group).await.unwrap_err();
        assert_eq!(error.to_string(), "cancelled: the limit of 1s passed");
        let inner = trace.clone();
        let task = spawn(async move {
            let outcome = TaskGroup::scope(async |group| {
                group.spawn(worker(inner.clone(), "b", 9));
                Outcome::Ok("saved")
            })
            .await;
            inner.push(outcome.unwrap_err().is_cancelled());
        });
        yield_now().await;
        yield_now().await;
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "a a-gone b b-gone true");
}

#[test]
fn a_child_that_was_told_and_ends_by_a_question_mark_has_not_failed() {
    async fn told<E: From<taketurns::cancel::Cancelled> + 'static + std::fmt::Debug>() {
        let value = TaskGroup::<E>::scope(async |group| {
            let child = group.spawn::<(), _>(async { Ok(pending().or_cancelled().await?) });
            yield_now().await;
            yield_now().await;
            group.cancel("enough");
            let error = shield(child).await.unwrap_err(); // or the body would be dropped here
            assert_eq!(error.reason().unwrap().as_str(), "enough");
            Ok(5)
        });
        assert_eq!(value.await.unwrap(), 5);
    }
    block_on(async {
        told::<taketurns::cancel::Cancelled>().await;
        told::<std::io::Error>().await;
        told::<Box<dyn std::error::Error>>().await;
        told::<Box<dyn std::error::Error + Send + Sync>>().await;
    });
}

#[test]
fn a_limit_of_its_own_that_a_child_passes_on_is_its_failure() {
    let error = block_on(TaskGroup::scope(async |group| {
        group.spawn(async { Scope::with_timeout(SECOND).run(pending::<()>()).await });
        pending::<Result<(), taketurns::cancel::Cancelled>>().await
    }))
    .unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
}

#[test]
fn a_start_that_was_never_polled_or_not_told_of_a_failure_loses_nothing() {
    let trace = Trace::new();
    block_on(TaskGroup::scope(async |group| {
        let inner = trace.clone();
        drop(group.start::<(), _, _>(async move |_started| {
            inner.push("never");
            pending::<Outcome>().await
        }));
        yield_now().await;
        assert!(group.is_empty());
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "");
    let error = block_on(TaskGroup::scope(async |group| {
        let start = group.start::<(), _, _>(async |_started| Outcome::Err("no port"));
        yield_now().await;
        drop(start);
        pending::<Outcome>().await
    }))
    .unwrap_err();
    assert_eq!(error.failures()[0].error(), Some(&"no port"));
}

#[test]
fn a_child_that_drops_its_started_is_aborted_and_its_caller_told() {
    let trace = Trace::new();
    let inner = trace.clone();
    block_on(TaskGroup::scope(async |group| {
        let start = group.start::<(), _, _>(async move |started| {
            let _guard = inner.on_drop("gone");
            drop(started);
            pending::<Outcome>().await
        });
        assert!(matches!(start.await, Err(StartError::Ended(_))));
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "gone");
}

#[test]
fn a_group_that_has_ended_holds_nothing_around_it_while_its_future_is_kept() {
    block_on(async {
        let limit = Scope::with_timeout(SECOND);
        let content = async {
            let mut group = std::pin::pin!(TaskGroup::scope(async |_| Outcome::Ok(())));
            group.as_mut().await.unwrap();
            pending::<()>().await;
        };
        assert!(limit.run(content).await.is_err());
    });
}

/// The deadlock report names the group.
#[test]
#[should_panic(expected = "waits for the tasks of the group opened at tests/group.rs")]
fn a_deadlock_in_a_group_is_told() {
    let runtime =
        Builder::new().clock(Clock::AutoAdvance).deadlock_grace(Duration::ZERO).build().unwrap();
    let _ = runtime.block_on(TaskGroup::scope(async |group| {
        group.spawn(pending::<Outcome>());
        Outcome::Ok(())
    }));
}

#[test]
fn a_child_without_budget_that_listens_is_told() {
    let trace = Trace::new();
    let inner = trace.clone();
    block_on(TaskGroup::scope(async |group| {
        group.spawn(async move {
            while taketurns::task::has_budget() {
                taketurns::task::consume_budget().await;
            }
            inner.push(cancelled().await);
            Outcome::Ok(())
        });
        yield_now().await;
        group.cancel("enough");
        Outcome::Ok(())
    }))
    .unwrap();
    assert_eq!(trace.take(), "enough");
}

/// The sibling hears in the same poll in which the group waits to be dropped.
#[test]
fn a_group_that_is_not_dropped_after_all_ends() {
    block_on(async {
        let scope = Scope::new();
        let inner = scope.clone();
        let task = spawn(async move {
            let group = TaskGroup::<&str>::scope(async |group| {
                group.spawn(async {
                    let turns = async {
                        for _ in 0..3 {
                            yield_now().await;
                        }
                    };
                    shield(turns).await;
                    Ok(())
                });
                pending::<Outcome>().await
            });
            let sibling = async {
                for _ in 0..4 {
                    yield_now().await;
                }
                let _ = taketurns::cancel::checkpoint().await;
            };
            let _ = inner.run(futures::future::join(group, sibling)).await;
        });
        yield_now().await;
        yield_now().await;
        scope.cancel("enough");
        task.await.unwrap();
    });
}

#[test]
fn a_panic_of_a_child_whose_group_is_dropped_is_reported() {
    let (reports, policy) = reports();
    Builder::new().unhandled_panic(policy).build().unwrap().block_on(async {
        let mut scope = Box::pin(TaskGroup::scope(async |group| {
            group.spawn::<(), _>(async { panic!("in a child") });
            shield(pending::<Outcome>()).await
        }));
        assert!(futures::poll!(&mut scope).is_pending());
        yield_now().await;
        drop(scope);
    });
    let reports = reports.lock().unwrap();
    assert!(reports[0].contains("panicked: in a child"), "{reports:?}");
}

#[test]
fn a_failure_that_is_given_back_after_the_end_of_the_group_is_reported() {
    let (reports, policy) = reports();
    Builder::new().unhandled_panic(policy).build().unwrap().block_on(async {
        let mut kept = None;
        TaskGroup::scope(async |group| {
            kept = Some(group.start::<(), _, _>(async |_started| panic!("never seen")));
            Outcome::Ok(())
        })
        .await
        .unwrap();
        drop(kept);
    });
    let reports = reports.lock().unwrap();
    assert!(reports[0].contains("panicked: never seen"), "{reports:?}");
}
