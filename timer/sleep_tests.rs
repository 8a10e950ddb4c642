//! Sleeps and the manual clock, with a waker that records and the driver's calls made by hand.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures_core::FusedFuture;

use super::clock::real_now;
use super::harness::{
    Name, SECOND, Trace, asleep, done_by_turn, looped, manual, ms, steps, timers,
};
use super::{
    CallHandle, Clock, Hold, Instant, Interval, Sleep, Timeout, advance, interval, pause, resume,
    sleep, sleep_until, timeout, timeout_at,
};
use crate::executor::{spawn, yield_now};

#[test]
fn advance_stops_at_every_deadline_and_then_at_its_end() {
    manual(|timers, trace| {
        let sleeps = [("c", ms(30)), ("a", ms(10)), ("d", ms(30)), ("b", ms(20)), ("e", ms(41))];
        let _asleep = asleep(trace, sleeps);
        let expected =
            [(10, vec!["a"]), (20, vec!["b"]), (30, vec!["c", "d"]), (40, vec!["advance"])];
        assert_eq!(steps(timers, trace, ms(40)), expected);
        assert_eq!(steps(timers, trace, ms(1)), [(1, vec!["e"]), (1, vec!["advance"])]);
    });
}

#[test]
fn nanoseconds_apart_are_two_steps() {
    manual(|timers, trace| {
        let ns = Duration::from_nanos;
        let _asleep = asleep(trace, [("b", SECOND + ns(1)), ("a", SECOND)]);
        let start = Instant::now();
        let mut advance = Box::pin(advance(2 * SECOND));
        assert!(trace.poll("advance", &mut advance).is_pending());
        assert!(timers.move_virtual_clock());
        assert_eq!((start.elapsed(), trace.take()), (SECOND, vec!["a"]));
        assert!(timers.move_virtual_clock());
        assert_eq!((start.elapsed(), trace.take()), (SECOND + ns(1), vec!["b"]));
    });
}

#[test]
fn a_timer_armed_on_the_way_fires_on_the_way() {
    manual(|timers, trace| {
        let mut advance = Box::pin(advance(ms(10)));
        let _first = asleep(trace, [("first", ms(3))]);
        assert!(trace.poll("advance", &mut advance).is_pending());
        assert!(timers.move_virtual_clock());
        let _second = asleep(trace, [("second", ms(3))]);
        assert!(timers.move_virtual_clock());
        assert!(timers.move_virtual_clock());
        assert!(!timers.move_virtual_clock());
        assert_eq!(trace.take(), ["first", "second", "advance"]);
        assert!(trace.poll("advance", &mut advance).is_ready());
    });
}

#[test]
fn a_dropped_advance_leaves_the_clock_where_it_is() {
    manual(|timers, trace| {
        let start = Instant::now();
        let _asleep = asleep(trace, [("a", ms(10))]);
        let mut advance = Box::pin(advance(SECOND));
        assert!(trace.poll("advance", &mut advance).is_pending());
        assert!(timers.move_virtual_clock());
        drop(advance);
        assert!(!timers.move_virtual_clock());
        assert_eq!((start.elapsed(), timers.wait_limit()), (ms(10), None));
    });
}

#[test]
fn a_standing_clock_neither_fires_nor_ends_a_wait() {
    manual(|timers, trace| {
        let _asleep = asleep(trace, [("a", ms(1))]);
        timers.fire();
        assert!(!timers.move_virtual_clock());
        assert_eq!((timers.wait_limit(), timers.len()), (None, 1));
        assert_eq!(trace.take(), [""; 0]);
    });
}

#[test]
fn a_sleep_is_ready_when_woken_and_stays_so() {
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
fn the_time_runs_from_the_call_and_the_timer_from_the_first_poll() {
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
fn a_deadline_that_has_passed_is_ready_at_the_first_poll() {
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
fn the_clock_is_read_at_the_first_poll_and_not_at_the_call() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    let deadline = Instant::now() + Duration::from_nanos(1);
    let mut sleep = sleep_until(deadline);
    while Instant(real_now()) <= deadline {} // which these timers do not hear of
    assert!(trace.poll("a", &mut sleep).is_ready());
}

#[test]
fn deadlines_that_have_passed_end_the_turn_when_the_budget_does() {
    looped(|executor, _| {
        let done = done_by_turn(executor, async || sleep_until(Instant::now()).await);
        assert_eq!(done, [128, 256, 300]);
    });
}

#[test]
fn the_latest_waker_is_woken_and_no_other() {
    manual(|timers, trace| {
        let [mut sleep] = asleep(trace, [("first", ms(1))]);
        assert!(trace.poll("second", &mut sleep).is_pending());
        assert_eq!(steps(timers, trace, ms(1))[0], (1, vec!["second"]));
    });
}

#[test]
fn a_dropped_sleep_wakes_nobody_and_frees_its_waker() {
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
fn a_reset_moves_the_wake_and_revives_what_was_done() {
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
fn a_pause_keeps_what_is_armed_and_a_resume_what_is_left() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    let hour = 3600 * SECOND;
    let [long, short] = asleep(&trace, [("long", 2 * hour), ("short", hour)]);
    pause();
    let start = Instant::now();
    let woken: Vec<_> = steps(&timers, &trace, hour).into_iter().map(|(_, who)| who).collect();
    assert_eq!(woken, [vec!["short"], vec!["advance"]]);
    assert_eq!((start.elapsed(), short.is_elapsed()), (hour, true));
    resume();
    let left = long.deadline() - Instant::now();
    assert!(left <= hour);
    assert!(timers.wait_limit().is_some_and(|wait| wait <= left + ms(1)));
}

#[test]
fn a_pause_stops_the_clock_where_it_is() {
    let timers = timers(Clock::Real);
    let _entered = timers.enter();
    let before = Instant(real_now());
    pause();
    let paused = Instant::now();
    assert!(paused >= before);
    while Instant(real_now()) <= paused {}
    assert_eq!(Instant::now(), paused);
}

#[test]
fn a_pause_does_not_strand_what_was_already_due() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    let mut sleep = sleep(Duration::from_nanos(1));
    assert!(trace.poll("a", &mut sleep).is_pending());
    while !sleep.is_elapsed() {}
    pause();
    assert_eq!(timers.wait_limit(), Some(Duration::ZERO));
    timers.fire();
    assert_eq!(trace.take(), ["a"]);
}

/// Arms another sleep and drops one when it is woken.
struct Meddler(Mutex<Vec<Sleep>>);

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        let mut another = sleep(ms(1));
        assert!(Trace::default().poll("another", &mut another).is_pending());
        *self.0.lock().unwrap() = vec![another];
    }
}

#[test]
fn a_waker_may_arm_and_drop_sleeps() {
    manual(|timers, trace| {
        let [b, c] = asleep(trace, [("b", ms(2)), ("c", ms(2))]);
        let meddler = Arc::new(Meddler(Mutex::new(vec![b])));
        let mut sleep = sleep(ms(1));
        let waker = Waker::from(Arc::clone(&meddler));
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(steps(timers, trace, ms(2))[..2], [(1, vec![]), (2, vec!["c"])]);
        drop(c);
    });
}

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

/// A sleep until `deadline` whose waker panics when it is woken.
fn asleep_badly(deadline: Instant) -> Sleep {
    let mut sleep = sleep_until(deadline);
    let waker = Waker::from(Arc::new(Panics));
    assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
    sleep
}

#[test]
fn wakers_that_panic_keep_no_other_of_their_batch_from_its_wake() {
    manual(|timers, trace| {
        let deadline = Instant::now() + ms(1);
        let [_first] = asleep(trace, [("first", ms(1))]);
        let _bad = [asleep_badly(deadline), asleep_badly(deadline)];
        let [_last] = asleep(trace, [("last", ms(1))]);
        timers.timeline.set(deadline.0);
        timers.fire();
        assert_eq!((trace.take(), timers.len()), (vec!["first", "last"], 0));
    });
}

#[test]
fn a_waker_that_panics_stops_no_advance() {
    manual(|timers, trace| {
        let _bad = asleep_badly(Instant::now() + ms(1));
        assert_eq!(steps(timers, trace, ms(2)), [(1, vec![]), (2, vec!["advance"])]);

        let mut advance = Box::pin(advance(ms(1)));
        assert!(trace.poll_with(&Waker::from(Arc::new(Panics)), &mut advance).is_pending());
        assert!(timers.move_virtual_clock());
        assert!(trace.poll("advance", &mut advance).is_ready());
    });
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Wake for PanicsInDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_waker_whose_drop_panics_is_replaced_and_dropped_all_the_same() {
    manual(|timers, trace| {
        let bad = || Waker::from(Arc::new(PanicsInDrop));
        let mut sleep = sleep(ms(1));
        let poll_badly = |sleep: &mut Sleep| {
            let waker = bad();
            assert!(trace.poll_with(&waker, sleep).is_pending());
            drop(waker); // the sleep has the last one
        };
        poll_badly(&mut sleep);
        assert!(trace.poll("good", &mut sleep).is_pending());
        assert_eq!(steps(timers, trace, ms(1))[0], (1, vec!["good"]));

        sleep.reset(Instant::now() + ms(1));
        poll_badly(&mut sleep);
        // Here the panic is the dropper's; the timer is gone all the same.
        assert!(catch_unwind(AssertUnwindSafe(|| drop(sleep))).is_err());
        assert_eq!(timers.len(), 0);
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
fn a_sleep_is_plain_numbers() {
    fn plain<T: Send + Sync + Unpin>() {}
    plain::<Sleep>();
}

#[test]
fn dropped_away_from_home_it_is_left_to_expire() {
    manual(|timers, trace| {
        let [sleep] = asleep(trace, [("a", ms(1))]);
        std::thread::spawn(move || drop(sleep)).join().unwrap();
        assert_eq!(timers.len(), 1);
        assert_eq!(steps(timers, trace, ms(1))[0], (1, vec!["a"]));
        assert_eq!(timers.len(), 0);
    });
}

#[test]
fn under_the_real_clock_a_wait_ends_at_the_tick_after_the_deadline_at_the_latest() {
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
fn outside_of_a_runtime() {
    drop(sleep(SECOND));
}

#[test]
fn in_another_runtime_the_panic_names_the_place_of_the_call() {
    manual(|_, _| {
        let line = line!();
        let plain = sleep(ms(1));
        let until = sleep_until(Instant::now());
        let mut ticks = interval(ms(1));
        let limited = timeout(ms(1), pending::<()>());
        let limited_until = timeout_at(Instant::now(), pending::<()>());
        let texts = [
            foreign(Box::pin(plain)),
            foreign(Box::pin(until)),
            foreign(Box::pin(async move { _ = ticks.tick().await })),
            foreign(Box::pin(async move { _ = limited.await })),
            foreign(Box::pin(async move { _ = limited_until.await })),
        ];
        for (text, line) in texts.into_iter().zip(line + 1..) {
            let place = format!("made at {}:{line}:", file!());
            assert!(text.contains(&place) && text.contains("await it in a task there"), "{text}");
        }
    });
}

/// With which text `timer` panics in another runtime.
fn foreign(mut timer: Pin<Box<dyn Future<Output = ()>>>) -> String {
    let mut text = String::new();
    manual(|_, trace| {
        let poll = AssertUnwindSafe(|| trace.poll("a", &mut timer));
        text = *catch_unwind(poll).unwrap_err().downcast().unwrap();
    });
    text
}

#[test]
fn a_place_makes_no_timer_larger() {
    assert_eq!(size_of::<Sleep>(), 32);
}

#[test]
#[should_panic = "`advance` needs a virtual clock: call `taketurns::time::pause()` first"]
fn advance_of_a_real_clock() {
    let timers = timers(Clock::Real);
    let _entered = timers.enter();
    let _ = Trace::default().poll("a", &mut Box::pin(advance(SECOND)));
}

#[test]
#[should_panic = "`advance` while another one is in progress"]
fn two_advances_at_once() {
    manual(|_, trace| {
        let mut advances = [Box::pin(advance(SECOND)), Box::pin(advance(SECOND))];
        let _ = advances.iter_mut().map(|one| trace.poll("a", one)).count();
    });
}

#[test]
#[should_panic = "`resume` while an `advance` is in progress"]
fn resume_during_an_advance() {
    manual(|_, trace| {
        let mut advance = Box::pin(advance(SECOND));
        assert!(trace.poll("a", &mut advance).is_pending());
        resume();
    });
}

#[test]
fn moved_to_another_task_it_wakes_that_one_and_only_that() {
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
fn dropped_unpolled_or_after_its_runtime_it_does_nothing() {
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
