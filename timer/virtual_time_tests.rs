//! A virtual clock: where an advance stops it, and what a pause and a resume keep.

use std::time::Duration;

use super::clock::real_now;
use super::harness::{SECOND, Trace, asleep, manual, ms, steps, timers};
use super::{Clock, Instant, advance, pause, resume, sleep};

#[test]
fn an_advance_stops_at_every_deadline_and_then_at_its_end() {
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
fn the_clock_stops_twice_for_deadlines_one_nanosecond_apart() {
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
fn a_timer_armed_during_an_advance_fires_within_it() {
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
fn while_the_clock_stands_still_no_timer_fires_or_ends_a_wait() {
    manual(|timers, trace| {
        let _asleep = asleep(trace, [("a", ms(1))]);
        timers.fire();
        assert!(!timers.move_virtual_clock());
        assert_eq!((timers.wait_limit(), timers.len()), (None, 1));
        assert_eq!(trace.take(), [""; 0]);
    });
}

#[test]
fn sleeps_keep_what_is_left_of_their_time_over_a_pause_and_a_resume() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    let hour = 3600 * SECOND;
    let [long, short] = asleep(&trace, [("long", 2 * hour), ("short", hour)]);
    pause();
    let start = Instant::now();
    let woken: Vec<_> = steps(&timers, &trace, hour).into_iter().map(|(_, woken)| woken).collect();
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
fn a_timer_that_was_due_before_a_pause_still_fires() {
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

#[test]
#[should_panic = "`advance` needs a virtual clock: call `taketurns::time::pause()` first"]
fn an_advance_of_a_real_clock_panics_with_the_remedy() {
    let timers = timers(Clock::Real);
    let _entered = timers.enter();
    let _ = Trace::default().poll("a", &mut Box::pin(advance(SECOND)));
}

#[test]
#[should_panic = "`advance` while another one is in progress"]
fn a_second_advance_at_once_panics_with_the_remedy() {
    manual(|_, trace| {
        let mut advances = [Box::pin(advance(SECOND)), Box::pin(advance(SECOND))];
        let _ = advances.iter_mut().map(|one| trace.poll("a", one)).count();
    });
}

#[test]
#[should_panic = "`resume` while an `advance` is in progress"]
fn a_resume_during_an_advance_panics_with_the_remedy() {
    manual(|_, trace| {
        let mut advance = Box::pin(advance(SECOND));
        assert!(trace.poll("a", &mut advance).is_pending());
        resume();
    });
}
