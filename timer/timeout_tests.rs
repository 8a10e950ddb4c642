//! Timeouts: the order of poll, clock and drop, and that nothing postpones a limit.

use std::cell::Cell;
use std::error::Error;
use std::future::{Future, pending, poll_fn, ready};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::StreamExt;

use super::harness::{Name, SECOND, Trace, done_by_turn, looped, manual, ms, steps};
use super::{Elapsed, Instant, Timeout, advance, interval_at, sleep, timeout, timeout_at};
use crate::executor::budget;

/// Writes its name when it is dropped.
struct OnDrop(Rc<Cell<u32>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Never ready; counts its polls, and in the second counter its drop.
fn counted(polls: &Rc<Cell<u32>>, drops: &Rc<Cell<u32>>) -> impl Future<Output = ()> + use<> {
    let (polls, guard) = (Rc::clone(polls), OnDrop(Rc::clone(drops)));
    poll_fn(move |_| {
        let _captured = &guard;
        polls.set(polls.get() + 1);
        Poll::Pending
    })
}

#[test]
fn the_future_is_polled_before_the_clock_is_read() {
    manual(|timers, trace| {
        let mut both = timeout(ms(5), sleep(ms(5)));
        assert!(trace.poll("a", &mut both).is_pending());
        assert_eq!(steps(timers, trace, ms(7))[0], (5, vec!["a", "a"]));
        assert_eq!(trace.poll("a", &mut both), Poll::Ready(Ok(())));
        let mut past = timeout_at(Instant::now() - SECOND, ready(1));
        assert_eq!(trace.poll("a", &mut past), Poll::Ready(Ok(1)));
    });
}

#[test]
fn at_the_limit_the_future_is_dropped_before_the_error_is_returned() {
    manual(|timers, trace| {
        let (polls, drops) = <(Rc<Cell<u32>>, Rc<Cell<u32>>)>::default();
        let mut limited = Box::pin(timeout(ms(5), counted(&polls, &drops)));
        assert!(trace.poll("a", &mut limited).is_pending());
        assert_eq!(steps(timers, trace, ms(5))[0], (5, vec!["a"]));
        assert_eq!((polls.get(), drops.get()), (1, 0));
        assert!(matches!(trace.poll("a", &mut limited), Poll::Ready(Err(_))));
        assert_eq!((polls.get(), drops.get(), timers.len()), (2, 1, 0));
    });
}

#[test]
fn with_a_limit_of_zero_the_future_is_polled_once() {
    manual(|timers, trace| {
        let (polls, drops) = <(Rc<Cell<u32>>, Rc<Cell<u32>>)>::default();
        let mut limited = Box::pin(timeout(Duration::ZERO, counted(&polls, &drops)));
        assert!(matches!(trace.poll("a", &mut limited), Poll::Ready(Err(_))));
        assert_eq!((polls.get(), drops.get(), timers.len()), (1, 1, 0));
        assert_eq!(trace.take(), [""; 0]);
    });
}

/// How many clones of the waker exist besides `waker` itself.
fn kept(waker: &Arc<Name>) -> usize {
    Arc::strong_count(waker) - 1
}

#[test]
fn at_the_limit_the_future_behind_a_reference_drops_its_waker() {
    manual(|timers, trace| {
        let name = Arc::new(Name { name: "a", trace: trace.clone() });
        let mut slow = sleep(ms(9));
        let mut ticks = interval_at(Instant::now() + ms(9), ms(9));
        let mut nested = timeout(ms(9), pending::<()>());
        for _ in 0..3 {
            let waker = Waker::from(Arc::clone(&name));
            {
                let mut both = timeout(ms(2), &mut slow);
                let mut next = timeout(ms(2), ticks.next());
                let mut inner = timeout(ms(2), &mut nested);
                assert!(trace.poll_with(&waker, &mut both).is_pending());
                assert!(trace.poll_with(&waker, &mut next).is_pending());
                assert!(trace.poll_with(&waker, &mut inner).is_pending());
                steps(timers, trace, ms(2));
                assert!(matches!(trace.poll_with(&waker, &mut both), Poll::Ready(Err(_))));
                assert!(matches!(trace.poll_with(&waker, &mut next), Poll::Ready(Err(_))));
                assert!(matches!(trace.poll_with(&waker, &mut inner), Poll::Ready(Err(_))));
            }
            drop(waker);
            assert_eq!((kept(&name), timers.len()), (0, 0));
        }
        assert!(trace.poll("b", &mut slow).is_pending());
        assert!(trace.poll("b", &mut nested).is_pending());
        assert_eq!(steps(timers, trace, ms(3))[0], (3, vec!["b", "b"]));
    });
}

#[test]
fn a_reference_that_is_ready_in_the_poll_at_the_limit_gives_its_output() {
    manual(|timers, trace| {
        let mut polls = 0;
        let mut third = poll_fn(|_| {
            polls += 1;
            if polls == 3 { Poll::Ready("ready") } else { Poll::Pending }
        });
        let mut limited = timeout(ms(1), &mut third);
        assert!(trace.poll("a", &mut limited).is_pending());
        steps(timers, trace, ms(1));
        assert_eq!(trace.poll("a", &mut limited), Poll::Ready(Ok("ready")));
    });
}

#[test]
fn with_the_budget_spent_the_future_behind_a_reference_still_drops_its_waker() {
    looped(|executor, timers| {
        let mut slow = sleep(SECOND);
        executor.block_on(poll_fn(|cx| {
            let mut limited = timeout(ms(1), &mut slow);
            assert!(Pin::new(&mut limited).poll(cx).is_pending());
            timers.timeline.set(timers.now() + ms(1).as_nanos() as u64);
            timers.fire();
            for _ in 0..127 {
                budget::spend();
            }
            assert!(matches!(Pin::new(&mut limited).poll(cx), Poll::Ready(Err(_))));
            assert_eq!(timers.len(), 0);
            Poll::Ready(())
        }));
    });
}

#[test]
fn the_longest_limit_never_passes() {
    manual(|timers, trace| {
        let mut limited = timeout(Duration::MAX, pending::<()>());
        assert!(trace.poll("a", &mut limited).is_pending());
        let mut advance = Box::pin(advance(Duration::MAX));
        assert!(trace.poll("advance", &mut advance).is_pending());
        assert!(timers.move_virtual_clock());
        assert_eq!(trace.take(), ["advance"]);
        assert!(trace.poll("a", &mut limited).is_pending());
    });
}

#[test]
fn a_dropped_timeout_drops_the_future_and_disarms_its_timer() {
    manual(|timers, trace| {
        let (polls, drops) = <(Rc<Cell<u32>>, Rc<Cell<u32>>)>::default();
        let mut limited = Box::pin(timeout(ms(5), counted(&polls, &drops)));
        assert!(trace.poll("a", &mut limited).is_pending());
        assert_eq!(timers.len(), 1);
        drop(limited);
        assert_eq!((drops.get(), timers.len()), (1, 0));
    });
}

#[test]
fn a_future_that_spends_every_budget_still_reaches_its_limit() {
    looped(|executor, timers| {
        let deadline = Instant::now() + ms(5);
        let mut turns = 0;
        let busy = async move {
            let mut done = sleep(Duration::ZERO);
            let mut busy = Box::pin(async move {
                loop {
                    (&mut done).await;
                }
            });
            poll_fn(|cx| {
                turns += 1;
                assert!(turns < 10, "its limit was kept away");
                timers.timeline.set(Instant::now().0 + 1_000_000);
                busy.as_mut().poll(cx)
            })
            .await;
        };
        let elapsed: Result<(), Elapsed> = executor.block_on(timeout_at(deadline, busy));
        assert_eq!(elapsed.unwrap_err().deadline(), deadline);
        assert!(Instant::now() < deadline + ms(3));
    });
}

#[test]
fn timeouts_that_are_over_at_once_end_the_turn_when_its_budget_is_spent() {
    looped(|executor, _| {
        let done = done_by_turn(executor, async || {
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        });
        assert_eq!(done, [128, 256, 300]);
    });
}

/// The error of a timeout that is polled at its limit.
fn error<F: Future + Unpin>(trace: &Trace, mut over: Timeout<F>) -> Elapsed {
    match trace.poll("a", &mut over) {
        Poll::Ready(Err(elapsed)) => elapsed,
        _ => panic!("its limit has not passed"),
    }
}

#[test]
fn the_error_says_which_limit_passed() {
    manual(|_, trace| {
        let now = Instant::now();
        let zero = error(trace, timeout(Duration::ZERO, pending::<()>()));
        assert_eq!((zero.limit(), zero.deadline()), (Some(Duration::ZERO), now));
        assert_eq!(zero.to_string(), "the limit of 0ns passed");
        let at = error(trace, timeout_at(now - SECOND, pending::<()>()));
        assert_eq!((at.limit(), at.deadline()), (None, now - SECOND));
        assert_eq!(at.to_string(), "the deadline passed");
        assert_ne!(zero, at);

        let through = io::Error::from(at);
        assert_eq!(through.kind(), io::ErrorKind::TimedOut);
        let inside = through.get_ref().unwrap() as &(dyn Error + 'static);
        assert_eq!(inside.downcast_ref::<Elapsed>(), Some(&at));
    });
}

#[test]
fn the_errors_of_an_inner_and_an_outer_timeout_are_told_apart() {
    manual(|timers, trace| {
        let mut inner_first = timeout(ms(9), timeout(ms(5), pending::<()>()));
        let mut outer_first = timeout(ms(5), timeout(ms(9), pending::<()>()));
        assert!(trace.poll("a", &mut inner_first).is_pending());
        assert!(trace.poll("a", &mut outer_first).is_pending());
        steps(timers, trace, ms(5));
        let Poll::Ready(Ok(Err(inner))) = trace.poll("a", &mut inner_first) else { panic!() };
        let Poll::Ready(Err(outer)) = trace.poll("a", &mut outer_first) else { panic!() };
        assert_eq!((inner.limit(), outer.limit()), (Some(ms(5)), Some(ms(5))));
        let mut both = timeout(ms(5), timeout(ms(5), pending::<()>()));
        assert!(trace.poll("a", &mut both).is_pending());
        steps(timers, trace, ms(9));
        assert!(matches!(trace.poll("a", &mut both), Poll::Ready(Ok(Err(_)))));
    });
}

#[test]
#[should_panic = "a `Timeout` was polled after it was ready"]
fn a_timeout_polled_after_it_was_ready_panics() {
    manual(|_, trace| {
        let mut done = timeout(SECOND, ready(()));
        assert!(trace.poll("a", &mut done).is_ready());
        let _ = trace.poll("a", &mut done);
    });
}

#[test]
#[should_panic = "`timeout` needs a runtime: call it inside `taketurns::block_on` or a task"]
fn a_timeout_outside_of_a_runtime_panics_with_the_remedy() {
    drop(timeout(SECOND, pending::<()>()));
}

#[test]
#[should_panic = "`timeout_at` needs a runtime: call it inside `taketurns::block_on` or a task"]
fn a_timeout_at_outside_of_a_runtime_panics_with_the_remedy() {
    drop(timeout_at(Instant::now(), pending::<()>()));
}
