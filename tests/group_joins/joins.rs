//! `join_all`, `try_join_all`, `gather_settled` and `race`, of few futures and of many.

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use taketurns::task::{gather_settled, join_all, race, try_join_all};
use taketurns::{block_on, spawn, yield_now};

use super::common::Trace;
use super::{Counting, PanicsInDrop, Signal, panic_of, poll_once};

/// Polled in place, and by wakes.
const SIZES: [usize; 4] = [1, 16, 17, 1000];

#[test]
fn outputs_come_in_the_order_of_the_arguments() {
    block_on(async {
        for size in SIZES {
            let slow_first = (0..size).map(async |n| {
                for _ in n..size.min(20) {
                    yield_now().await;
                }
                n
            });
            assert!(join_all(slow_first).await.into_iter().eq(0..size));
        }
        assert!(join_all(Vec::<std::future::Pending<()>>::new()).await.is_empty());
        assert!(try_join_all(Vec::<std::future::Ready<Result<(), ()>>>::new()).await.is_ok());
    });
}

#[test]
fn many_are_polled_only_when_woken_and_few_in_place() {
    let counting = Arc::new(Counting::default());
    for (size, polled) in [(3, "0 1 2"), (20, "2 0")] {
        let trace = Trace::new();
        let signals: Vec<_> = (0..size).map(|_| Signal::new()).collect();
        let futures = signals.iter().enumerate();
        let all = futures.map(|(n, signal)| signal.clone().traced(trace.clone(), n));
        let mut all = pin!(join_all(all));
        assert!(poll_once(all.as_mut(), &counting).is_pending());
        trace.take();
        signals[2].wake();
        signals[0].wake();
        assert!(poll_once(all.as_mut(), &counting).is_pending());
        assert_eq!(trace.take(), polled);
        signals.iter().for_each(Signal::give);
        assert!(poll_once(all.as_mut(), &counting).is_ready());
        let again = panic_of(|| poll_once(all.as_mut(), &counting));
        assert!(again.starts_with("`join_all` was polled after it was ready"), "{again}");
    }
}

/// python/cpython#75633: what becomes of the siblings is defined.
#[test]
fn the_first_error_drops_the_others_in_order_before_it_returns() {
    for size in [4, 20] {
        let trace = Trace::new();
        let futures = (0..size).map(|n| {
            let trace = trace.clone();
            async move {
                let _dropped = trace.on_drop(n);
                match n {
                    1 => yield_now().await,
                    3 => {}
                    _ => pending().await,
                }
                if n == 3 { Ok(n) } else { Err(n) }
            }
        });
        let result = block_on(async {
            let result = try_join_all(futures).await;
            trace.push("returned");
            result
        });
        assert_eq!(result, Err(1));
        let rest = (4..size).map(|n| format!(" {n}")).collect::<String>();
        assert_eq!(trace.take(), format!("3 1 0 2{rest} returned"));
    }
}

#[test]
fn a_panic_goes_to_the_caller_after_the_others_were_dropped_in_order() {
    for size in [3, 20] {
        let trace = Trace::new();
        let futures = (0..size).map(|n| {
            let trace = trace.clone();
            async move {
                let _dropped = trace.on_drop(n);
                yield_now().await;
                assert_ne!(n, 1, "one");
                pending::<()>().await;
            }
        });
        let panic = panic_of(|| block_on(join_all(futures)));
        assert!(panic.contains("one"), "{panic}");
        let rest = (2..size).map(|n| format!(" {n}")).collect::<String>();
        assert_eq!(trace.take(), format!("1 0{rest}"));
    }
}

#[test]
fn dropped_midway_it_drops_each_in_order_and_lets_the_first_panic_of_a_drop_go_on() {
    let counting = Arc::new(Counting::default());
    for size in [4, 20] {
        let trace = Trace::new();
        let futures = (0..size).map(|n| {
            let trace = trace.clone();
            async move {
                let _dropped = trace.on_drop(n);
                let _panics = match n {
                    1 => Some(PanicsInDrop("the first")),
                    2 => Some(PanicsInDrop("the second, which is reported")),
                    _ => None,
                };
                pending::<()>().await;
            }
        });
        let mut all = Box::pin(join_all(futures));
        assert!(poll_once(all.as_mut(), &counting).is_pending());
        assert_eq!(panic_of(|| drop(all)), "the first");
        assert_eq!(trace.take(), (0..size).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
    }
}

#[test]
fn dropped_by_a_panic_it_only_reports_those_of_its_drops() {
    let trace = Trace::new();
    let panic = panic_of(|| {
        let mut all = Box::pin(join_all([async {
            let _dropped = trace.on_drop("dropped");
            let _panics = PanicsInDrop("which is reported");
            pending::<()>().await;
        }]));
        assert!(poll_once(all.as_mut(), &Arc::default()).is_pending());
        panic!("of the code around");
    });
    assert_eq!((panic.as_str(), trace.take().as_str()), ("of the code around", "dropped"));
}

#[test]
fn debug_shows_how_many_have_not_ended() {
    let counting = Arc::new(Counting::default());
    let mut all = pin!(join_all((0..3).map(async |n| {
        if n > 0 {
            pending::<()>().await;
        }
    })));
    assert!(poll_once(all.as_mut(), &counting).is_pending());
    assert_eq!(format!("{all:?}"), "JoinAll { futures: 3, left: 2 }");
}

/// python/cpython#76865: `return_exceptions` must not swallow cancellation.
#[test]
fn gather_settled_gives_each_outcome_and_takes_its_tasks_with_it() {
    block_on(async {
        let failing = spawn(async { panic!("of a task") });
        let aborted = spawn(pending::<()>());
        aborted.abort();
        let outcomes = gather_settled([failing, spawn(async {}), aborted]).await;
        let said = outcomes.iter().map(|outcome| match outcome {
            Ok(()) => "ok",
            Err(error) if error.is_panic() => "panic",
            Err(error) if error.is_cancelled() => "cancelled",
            Err(_) => "?",
        });
        assert_eq!(said.collect::<Vec<_>>(), ["panic", "ok", "cancelled"]);

        let left = Rc::new(Cell::new(20));
        let counted = || {
            struct Counts(Rc<Cell<i32>>);
            impl Drop for Counts {
                fn drop(&mut self) {
                    self.0.set(self.0.get() - 1);
                }
            }
            let counts = Counts(Rc::clone(&left));
            spawn(async move {
                let _counts = counts;
                pending::<()>().await;
            })
        };
        let handles: Vec<_> = (0..20).map(|_| counted()).collect();
        let gatherer = spawn(async { gather_settled(handles).await.len() });
        yield_now().await;
        gatherer.abort();
        assert!(gatherer.await.unwrap_err().is_cancelled()); // its own end is no outcome of the tasks
        yield_now().await;
        assert_eq!(left.get(), 0);
    });
}

#[test]
fn the_first_argument_wins_and_the_losers_are_dropped_in_order_before_it_returns() {
    block_on(async {
        let trace = Trace::new();
        let contender = |name: &'static str, output: Option<i32>| {
            let trace = trace.clone();
            async move {
                let _dropped = trace.on_drop(format!("-{name}"));
                trace.push(name);
                match output {
                    Some(output) => output,
                    None => pending().await,
                }
            }
        };
        let won =
            race((contender("a", None), contender("b", Some(2)), contender("c", Some(3)))).await;
        assert_eq!(won, 2);
        assert_eq!(trace.take(), "a b -b -a"); // `c` was not polled, so it had nothing to drop
        assert_eq!(race((contender("a", Some(1)), contender("b", Some(2)))).await, 1);
        trace.take();
        let many = vec![contender("a", None), contender("b", Some(2)), contender("c", None)];
        assert_eq!(race(many).await, 2);
        assert_eq!(trace.take(), "a b -b -a");
    });
}

#[test]
fn of_many_the_one_woken_first_wins() {
    let counting = Arc::new(Counting::default());
    let trace = Trace::new();
    let signals: Vec<_> = (0..20).map(|_| Signal::new()).collect();
    let contenders = signals.iter().enumerate().map(|(n, signal)| {
        let traced = signal.clone().traced(trace.clone(), n);
        async move {
            traced.await;
            n
        }
    });
    let mut many = pin!(race(contenders.collect::<Vec<_>>()));
    assert!(poll_once(many.as_mut(), &counting).is_pending());
    trace.take();
    signals[15].give();
    signals[2].give();
    let won = poll_once(many.as_mut(), &counting);
    assert_eq!(won, std::task::Poll::Ready(15));
    let losers = (0..20).filter(|&n| n != 15).map(|n| format!(" -{n}")).collect::<String>();
    assert_eq!(trace.take(), format!("15 -15{losers}"));
}

#[test]
fn a_race_of_none_is_refused_and_a_race_is_awaited_once() {
    let none = panic_of(|| race(Vec::<std::future::Ready<()>>::new()));
    assert!(none.starts_with("`race` of no futures would wait for ever"), "{none}");
    let counting = Arc::new(Counting::default());
    let mut two = pin!(race((ready(1), ready(2))));
    assert!(poll_once(two.as_mut(), &counting).is_ready());
    assert!(panic_of(|| poll_once(two.as_mut(), &counting)).contains("await it once"));
    let mut many = pin!(race([ready(1), ready(2)]));
    assert!(poll_once(many.as_mut(), &counting).is_ready());
    assert!(panic_of(|| poll_once(many.as_mut(), &counting)).contains("await it once"));
}

#[test]
fn a_panic_of_a_contender_drops_the_others_first() {
    let trace = Trace::new();
    let panic = panic_of(|| {
        block_on(race((
            Signal::new().traced(trace.clone(), "a"),
            async { panic!("of a contender") },
            Signal::new().traced(trace.clone(), "c"),
        )));
    });
    assert_eq!((panic.as_str(), trace.take().as_str()), ("of a contender", "a -a"));
}

/// What loses a race by reference goes on later: nothing that has arrived is lost.
#[test]
fn a_loser_by_reference_goes_on() {
    block_on(async {
        let mut slow = pin!(async {
            yield_now().await;
            "slow"
        });
        assert_eq!(race((slow.as_mut(), async { "quick" })).await, "quick");
        assert_eq!(slow.await, "slow");
    });
}

/// Drops every future of this file at every await point, and looks for wakers that were kept.
#[test]
fn dropped_at_any_await_point_each_gives_its_waker_back() {
    fn check<F: Future>(make: impl Fn() -> F) {
        for polls in 0..5 {
            let counting = Arc::new(Counting::default());
            {
                let mut future = pin!(make());
                for _ in 0..polls {
                    if poll_once(future.as_mut(), &counting).is_ready() {
                        break;
                    }
                }
            }
            assert_eq!(Arc::strong_count(&counting), 1, "after {polls} polls");
        }
    }
    for size in [3, 20] {
        let yields = |n: usize| async move {
            for _ in 0..n {
                yield_now().await;
            }
        };
        check(|| join_all((0..size).map(yields)));
        check(|| {
            try_join_all((0..size).map(async |n| {
                yields(n).await;
                Ok::<_, ()>(())
            }))
        });
        check(|| race((1..size).map(yields).collect::<Vec<_>>()));
        check(|| race((yields(2), yields(3))));
    }
}

#[test]
fn a_race_that_is_dropped_drops_each_future_though_several_panic() {
    struct PanicsInDrop(&'static str);
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            std::panic::panic_any(self.0);
        }
    }
    fn panics(with: &'static str) -> impl Future<Output = ()> {
        let dropped = PanicsInDrop(with);
        async move {
            let _dropped = dropped;
            pending::<()>().await;
        }
    }
    let trace = Trace::new();
    // One that was polled, and one that was not.
    for (polls, traced) in [(0, ""), (1, "a -a")] {
        let last = Signal::new().traced(trace.clone(), "a");
        let text = panic_of(|| {
            let mut dropped = Box::pin(race((panics("the first"), panics("the second"), last)));
            for _ in 0..polls {
                assert!(poll_once(dropped.as_mut(), &Arc::default()).is_pending());
            }
        });
        assert_eq!((text.as_str(), trace.take().as_str()), ("the first", traced));
    }
    let text = panic_of(|| drop(race((panics("of two"), panics("the second")))));
    assert_eq!(text, "of two");
    // While the thread unwinds, both are reported.
    let text = panic_of(|| {
        let _dropped = race((panics("the first"), panics("the second")));
        std::panic::panic_any("of the caller");
    });
    assert_eq!(text, "of the caller");
}

/// A few futures are polled in place, one behind the other, within one budget.
#[test]
fn a_future_that_uses_up_each_turns_budget_does_not_starve_those_behind_it() {
    use std::cell::Cell;
    taketurns::block_on(async {
        let (sender, receiver) = taketurns::sync::oneshot::channel();
        let stop = Cell::new(false);
        let busy: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {
            while !stop.get() {
                taketurns::task::consume_budget().await;
            }
        });
        let stops = Box::pin(async {
            receiver.await.unwrap();
            stop.set(true);
        });
        sender.send(()).unwrap();
        taketurns::task::join_all([busy, stops]).await;
    });
}
