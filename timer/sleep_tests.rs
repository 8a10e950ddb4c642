//! Sleeps, under timers on which the test makes the driver's calls, and with wakers that record their name.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures_core::FusedFuture;

use super::clock::real_now;
use super::harness::{
    Name, SECOND, Trace, asleep, done_by_turn, looped, manual, ms, steps, timers,
};
use super::{
    CallHandle, Clock, Hold, Instant, Interval, Sleep, Timeout, advance, interval, sleep,
    sleep_until, timeout, timeout_at,
};
use crate::executor::{spawn, yield_now};

#[test]
fn a_sleep_is_ready_once_woken_and_stays_ready() {
    manual(|timers, trace| {
        let [mut sleep] = asleep(trace, [("a", ms(5))]);
        assert!(trace.poll("a", &mut sleep).is_pending());
        assert!(!sleep.is_elapsed());
        assert_eq!(steps(timers, trace, ms(5)), [(5, vec!["a"]), (5, vec!["advance"])]);
        assert!(sleep.is_elapsed());
        assert!(trace.poll("a", &mut sleep).is_ready());
        assert!(trace.poll("a", &mut sleep).is_ready());
    });
}

#[test]
fn the_time_counts_from_the_call_and_the_first_poll_arms_the_timer() {
    manual(|timers, trace| {
        let mut sleep = sleep(ms(5));
        assert_eq!(timers.len(), 0);
        steps(timers, trace, ms(3));
        assert!(trace.poll("a", &mut sleep).is_pending());
        assert_eq!(steps(timers, trace, ms(3)), [(2, vec!["a"]), (3, vec!["advance"])]);
    });
}

#[test]
fn a_sleep_of_zero_yields_exactly_once() {
    manual(|timers, trace| {
        let mut sleep = sleep(Duration::ZERO);
        assert!(trace.poll("a", &mut sleep).is_pending());
        assert_eq!((trace.take(), timers.len()), (vec!["a"], 0));
        assert!(trace.poll("a", &mut sleep).is_ready());
        assert_eq!(trace.take(), [""; 0]);
    });
}

#[test]
fn a_sleep_until_a_passed_deadline_is_ready_at_its_first_poll() {
    manual(|timers, trace| {
        let mut reset = sleep(SECOND);
        reset.reset(Instant::now());
        for mut sleep in [sleep_until(Instant::now() - SECOND), sleep_until(Instant::now()), reset]
        {
            assert!(trace.poll("a", &mut sleep).is_ready());
        }
        assert_eq!((trace.take(), timers.len()), (vec![], 0));
    });
}

#[test]
fn sleep_until_reads_the_clock_at_its_first_poll() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    let deadline = Instant::now() + Duration::from_nanos(1);
    let mut sleep = sleep_until(deadline);
    while Instant(real_now()) <= deadline {} // a reading that these timers do not note
    assert!(trace.poll("a", &mut sleep).is_ready());
}

#[test]
fn sleeps_until_passed_deadlines_end_the_turn_when_its_budget_is_spent() {
    looped(|executor, _| {
        let done = done_by_turn(executor, async || sleep_until(Instant::now()).await);
        assert_eq!(done, [128, 256, 300]);
    });
}

#[test]
fn a_dropped_sleep_wakes_no_task_and_drops_its_waker() {
    manual(|timers, trace| {
        let name = Arc::new(Name { name: "a", trace: trace.clone() });
        let mut sleep = sleep(ms(1));
        let waker = Waker::from(Arc::clone(&name));
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        drop((sleep, waker));
        assert_eq!((Arc::strong_count(&name), timers.len()), (1, 0));
        assert_eq!(steps(timers, trace, ms(1)), [(1, vec!["advance"])]);
    });
}

#[test]
fn a_reset_moves_the_wake_and_lets_a_finished_sleep_wait_again() {
    manual(|timers, trace| {
        let [mut sleep] = asleep(trace, [("a", ms(1))]);
        sleep.reset(Instant::now() + ms(4));
        assert_eq!(steps(timers, trace, ms(4)), [(4, vec!["a"]), (4, vec!["advance"])]);
        assert!(trace.poll("a", &mut sleep).is_ready());
        sleep.reset(Instant::now() + ms(2));
        assert!(trace.poll("a", &mut sleep).is_pending());
        assert_eq!(steps(timers, trace, ms(2)), [(2, vec!["a"]), (2, vec!["advance"])]);
        assert!(trace.poll("a", &mut sleep).is_ready());
    });
}

#[test]
fn the_longest_sleep_never_ends() {
    manual(|timers, trace| {
        let [mut sleep] = asleep(trace, [("a", Duration::MAX)]);
        let mut advance = Box::pin(advance(Duration::MAX));
        assert!(trace.poll("advance", &mut advance).is_pending());
        assert!(timers.move_virtual_clock());
        assert_eq!(trace.take(), ["advance"]);
        assert!(trace.poll("a", &mut sleep).is_pending());
        let _another = asleep(trace, [("b", Duration::MAX)]);
        assert_eq!((trace.take(), timers.len()), (vec![], 2));
    });
}

#[test]
fn a_select_in_a_loop_sees_a_sleep_and_a_timeout_end_once() {
    looped(|executor, _| {
        executor.block_on(async {
            let (mut slept, mut limited) = (sleep(ms(1)), timeout(ms(2), pending::<()>()));
            assert!(!slept.is_terminated() && !limited.is_terminated());
            let mut end = Box::pin(advance(ms(3))).fuse();
            let mut seen = Vec::new();
            loop {
                futures::select! {
                    () = slept => seen.push("slept"),
                    result = limited => seen.push(result.map_or("limited", |()| "ended")),
                    () = end => break,
                }
            }
            assert_eq!(seen, ["slept", "limited"]);
            assert!(slept.is_terminated() && limited.is_terminated());
            slept.reset(Instant::now() + ms(1));
            assert!(!slept.is_terminated());
        });
    });
}

#[test]
fn timers_are_unwind_safe() {
    fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    unwind_safe::<Sleep>();
    unwind_safe::<Interval>();
    unwind_safe::<Timeout<Sleep>>();
    unwind_safe::<CallHandle>();
    unwind_safe::<Hold>();
}

#[test]
fn a_sleep_is_send_sync_and_unpin() {
    fn plain<T: Send + Sync + Unpin>() {}
    plain::<Sleep>();
}

#[test]
fn the_timer_of_a_sleep_dropped_on_another_thread_stays_armed() {
    manual(|timers, trace| {
        let [sleep] = asleep(trace, [("a", ms(1))]);
        std::thread::spawn(move || drop(sleep)).join().unwrap();
        assert_eq!(timers.len(), 1);
        assert_eq!(steps(timers, trace, ms(1))[0], (1, vec!["a"]));
        assert_eq!(timers.len(), 0);
    });
}

#[test]
fn under_the_real_clock_a_wait_ends_at_the_latest_one_tick_after_the_deadline() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    assert_eq!((timers.wait_limit(), timers.len()), (None, 0));
    let [sleep] = asleep(&trace, [("a", ms(1))]);
    let left = sleep.deadline() - Instant::now();
    assert!(timers.wait_limit().unwrap() <= left + Duration::from_nanos(1 << 16));
    assert!(!timers.move_virtual_clock());
}

#[test]
fn under_the_real_clock_nothing_ends_a_wait_before_a_lone_deadline() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    for duration in [ms(5), SECOND, 3600 * SECOND, 1_000_000 * SECOND] {
        let [sleep] = asleep(&trace, [("a", duration)]);
        let wait = timers.wait_limit().unwrap();
        assert!(wait >= sleep.deadline() - Instant::now());
    }
}

#[test]
#[should_panic = "`sleep` needs a runtime: call it inside `taketurns::block_on` or a task"]
fn a_sleep_outside_of_a_runtime_panics_with_the_remedy() {
    drop(sleep(SECOND));
}

#[test]
fn a_poll_in_another_runtime_panics_and_names_where_the_timer_was_made() {
    manual(|_, _| {
        let line = line!();
        let plain = sleep(ms(1));
        let until = sleep_until(Instant::now());
        let mut ticks = interval(ms(1));
        let limited = timeout(ms(1), pending::<()>());
        let limited_until = timeout_at(Instant::now(), pending::<()>());
        let texts = [
            panic_in_another_runtime(Box::pin(plain)),
            panic_in_another_runtime(Box::pin(until)),
            panic_in_another_runtime(Box::pin(async move { _ = ticks.tick().await })),
            panic_in_another_runtime(Box::pin(async move { _ = limited.await })),
            panic_in_another_runtime(Box::pin(async move { _ = limited_until.await })),
        ];
        for (text, line) in texts.into_iter().zip(line + 1..) {
            let place = format!("made at {}:{line}:", file!());
            assert!(text.contains(&place) && text.contains("await it in a task there"), "{text}");
        }
    });
}

/// The text of the panic of `timer`, polled in another runtime.
fn panic_in_another_runtime(mut timer: Pin<Box<dyn Future<Output = ()>>>) -> String {
    let mut text = String::new();
    manual(|_, trace| {
        let poll = AssertUnwindSafe(|| trace.poll("a", &mut timer));
        text = *catch_unwind(poll).unwrap_err().downcast().unwrap();
    });
    text
}

#[test]
fn a_sleep_is_32_bytes_with_the_place_where_it_was_made() {
    assert_eq!(size_of::<Sleep>(), 32);
}

#[test]
fn a_sleep_moved_to_another_task_wakes_only_that_task() {
    looped(|executor, timers| {
        executor.block_on(async {
            let (place, begun) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(0)));
            let (leaves, turns) = (Rc::clone(&place), Rc::clone(&begun));
            let first = spawn(poll_fn(move |cx| {
                turns.set(turns.get() + 1);
                let mut sleep = sleep(ms(3));
                assert!(Pin::new(&mut sleep).poll(cx).is_pending());
                leaves.set(Some(sleep));
                Poll::<()>::Pending
            }));
            yield_now().await;
            let moved: Sleep = place.take().unwrap();
            let start = Instant::now();
            let second = spawn(async move {
                moved.await;
                start.elapsed()
            });
            yield_now().await;
            advance(ms(5)).await;
            assert_eq!(second.await.unwrap(), ms(3));
            assert_eq!((begun.get(), timers.len()), (1, 0));
            first.abort();
        });
    });
}

#[test]
fn a_sleep_dropped_unpolled_or_after_its_runtime_does_nothing() {
    let (unpolled, armed) = {
        let timers = timers(Clock::Manual);
        let _entered = timers.enter();
        drop(sleep(SECOND));
        assert_eq!((timers.len(), timers.wait_limit()), (0, None));
        let trace = Trace::default();
        let [armed] = asleep(&trace, [("armed", SECOND)]);
        (sleep(SECOND), armed)
    };
    let another = timers(Clock::Manual);
    let trace = Trace::default();
    let _entered = another.enter();
    let _theirs = asleep(&trace, [("theirs", ms(1))]);
    drop((unpolled, armed));
    assert_eq!(steps(&another, &trace, ms(1)), [(1, vec!["theirs"]), (1, vec!["advance"])]);
}
