//! The timer that was armed last, while it is kept out of the wheel.

use std::sync::Arc;
use std::task::Waker;

use super::harness::{Name, SECOND, Trace, asleep, manual, ms, steps, timers};
use super::{Clock, Instant, pause, resume, sleep};

#[test]
fn the_newest_timer_dropped_wakes_no_task_and_drops_its_waker() {
    manual(|timers, trace| {
        let named = Arc::new(Name { name: "dropped", trace: trace.clone() });
        let waker = Waker::from(Arc::clone(&named));
        let mut dropped = sleep(ms(1));
        assert!(trace.poll_with(&waker, &mut dropped).is_pending());
        drop(waker);
        assert_eq!((Arc::strong_count(&named), timers.len()), (2, 1));
        drop(dropped);
        assert_eq!((Arc::strong_count(&named), timers.len()), (1, 0));
        assert_eq!(timers.wait_limit(), None);
        assert_eq!(steps(timers, trace, ms(2)), [(2, vec!["advance"])]);
    });
}

#[test]
fn a_timer_armed_after_the_newest_was_dropped_is_another_timer() {
    manual(|timers, trace| {
        drop(asleep(trace, [("a", ms(1))]));
        let [mut b] = asleep(trace, [("b", ms(2))]);
        let [c] = asleep(trace, [("c", ms(3))]);
        drop(asleep(trace, [("d", ms(1))]));
        drop(c);
        let _e = asleep(trace, [("e", ms(4))]);
        assert_eq!(timers.len(), 2);
        assert_eq!(
            steps(timers, trace, ms(5)),
            [(2, vec!["b"]), (4, vec!["e"]), (5, vec!["advance"])]
        );
        assert!(trace.poll("b", &mut b).is_ready());
    });
}

#[test]
fn a_reset_of_the_newest_timer_moves_its_wake_either_way() {
    manual(|timers, trace| {
        let start = Instant::now();
        let [mut later] = asleep(trace, [("later", ms(1))]);
        later.reset(start + ms(3));
        let [mut sooner] = asleep(trace, [("sooner", ms(5))]);
        sooner.reset(start + ms(2));
        let expected = [(2, vec!["sooner"]), (3, vec!["later"]), (9, vec!["advance"])];
        assert_eq!(steps(timers, trace, ms(9)), expected);
    });
}

#[test]
fn at_one_deadline_the_newest_timer_fires_before_one_that_was_reset_after_it() {
    manual(|timers, trace| {
        let deadline = Instant::now() + ms(1);
        let [mut first, _second] = asleep(trace, [("first", ms(1)), ("second", ms(1))]);
        first.reset(deadline);
        let _third = asleep(trace, [("third", ms(1))]);
        let expected = [(1, vec!["second", "first", "third"]), (2, vec!["advance"])];
        assert_eq!(steps(timers, trace, ms(2)), expected);
    });
}

#[test]
fn the_newest_timer_wakes_the_waker_of_the_last_poll() {
    manual(|timers, trace| {
        let [mut sleep] = asleep(trace, [("old", ms(1))]);
        assert!(trace.poll("new", &mut sleep).is_pending());
        assert_eq!(steps(timers, trace, ms(2)), [(1, vec!["new"]), (2, vec!["advance"])]);
        assert!(trace.poll("new", &mut sleep).is_ready());
    });
}

#[test]
fn the_newest_timer_ends_a_wait_and_fires() {
    manual(|timers, trace| {
        let [mut sleep] = asleep(trace, [("a", ms(1))]);
        timers.timeline.set(timers.now() + ms(1).as_nanos() as u64);
        assert_eq!(timers.wait_limit(), Some(ms(0)));
        let [_other] = asleep(trace, [("b", SECOND)]);
        timers.fire();
        assert_eq!(trace.take(), ["a"]);
        assert!(trace.poll("a", &mut sleep).is_ready());
        drop(sleep);
        assert_eq!(timers.len(), 1);
    });
}

#[test]
fn a_change_of_clock_keeps_the_newest_timer() {
    let (timers, trace) = (timers(Clock::Manual), Trace::default());
    let _entered = timers.enter();
    let [mut sleep] = asleep(&trace, [("a", ms(1))]);
    resume();
    pause();
    let gone = Instant::now();
    assert_eq!(timers.len(), 1);
    sleep.reset(gone + ms(1));
    assert_eq!(steps(&timers, &trace, ms(2)), [(1, vec!["a"]), (2, vec!["advance"])]);
}

#[test]
fn the_newest_timer_drops_its_waker_when_the_runtime_ends() {
    let trace = Trace::default();
    let named = Arc::new(Name { name: "left", trace: trace.clone() });
    let timers = timers(Clock::Manual);
    let mut left = {
        let _entered = timers.enter();
        sleep(SECOND)
    };
    {
        let _entered = timers.enter();
        assert!(trace.poll_with(&Waker::from(Arc::clone(&named)), &mut left).is_pending());
    }
    assert_eq!(Arc::strong_count(&named), 2);
    drop(timers);
    assert_eq!(Arc::strong_count(&named), 1);
    drop(left);
}

#[test]
fn many_timers_armed_after_a_long_time_without_one_cause_no_early_wake() {
    manual(|timers, trace| {
        timers.timeline.set(timers.now() + 3600 * SECOND.as_nanos() as u64);
        let _many = asleep(trace, [("a", SECOND); 20]);
        assert_eq!(timers.wait_limit(), None);
        assert_eq!(steps(timers, trace, SECOND)[0], (1000, vec!["a"; 20]));
    });
}
