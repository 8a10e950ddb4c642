//! Intervals: what each behaviour does with missed ticks, in exact times.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures_core::Stream;

use super::clock::real_now;
use super::harness::{SECOND, Trace, done_by_turn, looped, manual, ms, steps, timers};
use super::timers::Timers;
use super::{Clock, Instant, Interval, MissedTickBehavior, interval, interval_at};

const PERIOD: Duration = ms(10);

fn try_tick(interval: &mut Interval) -> Poll<Instant> {
    interval.poll_tick(&mut Context::from_waker(Waker::noop()))
}

/// Moves the clock to the next tick, unless that has passed, and takes the tick. Returns when it was taken and when it was due.
fn take(timers: &Timers, interval: &mut Interval) -> (Instant, Instant) {
    if let Poll::Ready(due) = try_tick(interval) {
        return (Instant::now(), due);
    }
    timers.timeline.set(interval.next_tick().0);
    timers.fire();
    let Poll::Ready(due) = try_tick(interval) else { panic!("the tick was not ready when due") };
    (Instant::now(), due)
}

/// The times, in ms, at which a program takes its ticks and at which they were due. It does something else from 11 to 35.
fn with_an_absence(behavior: MissedTickBehavior) -> Vec<(u64, u64)> {
    let mut taken = Vec::new();
    manual(|timers, _| {
        let start = Instant::now();
        let mut interval = interval(PERIOD);
        interval.set_missed_tick_behavior(behavior);
        for nth in 0..7 {
            if nth == 2 {
                timers.timeline.set((start + ms(35)).0);
            }
            let (at, due) = take(timers, &mut interval);
            let ms = |instant: Instant| (instant - start).as_millis() as u64;
            taken.push((ms(at), ms(due)));
        }
    });
    taken
}

#[test]
fn burst_gives_every_missed_tick() {
    let expected = [(0, 0), (10, 10), (35, 20), (35, 30), (40, 40), (50, 50), (60, 60)];
    assert_eq!(with_an_absence(MissedTickBehavior::Burst), expected);
}

#[test]
fn delay_counts_from_the_late_tick() {
    let expected = [(0, 0), (10, 10), (35, 20), (45, 45), (55, 55), (65, 65), (75, 75)];
    assert_eq!(with_an_absence(MissedTickBehavior::Delay), expected);
}

#[test]
fn skip_keeps_to_multiples_of_the_period() {
    let expected = [(0, 0), (10, 10), (35, 20), (40, 40), (50, 50), (60, 60), (70, 70)];
    assert_eq!(with_an_absence(MissedTickBehavior::Skip), expected);
}

/// How long after a tick the next one is due, if the tick is taken `late`.
fn next_after(behavior: MissedTickBehavior, period: Duration, late: Duration) -> Duration {
    let mut next = Duration::ZERO;
    manual(|timers, _| {
        let start = Instant::now();
        let mut interval = interval(period);
        interval.set_missed_tick_behavior(behavior);
        timers.timeline.set((start + late).0);
        assert_eq!(try_tick(&mut interval), Poll::Ready(start));
        next = interval.next_tick() - start;
    });
    next
}

#[test]
fn for_delay_a_tick_within_a_millisecond_and_its_period_is_not_late() {
    let (us, ns) = (Duration::from_micros, Duration::from_nanos);
    let delay = |period, late| next_after(MissedTickBehavior::Delay, period, late);
    assert_eq!(delay(PERIOD, ms(1)), PERIOD);
    assert_eq!(delay(PERIOD, ms(1) + ns(1)), PERIOD + ms(1) + ns(1));
    assert_eq!(delay(us(10), us(9)), us(10));
    assert_eq!(delay(us(10), us(10)), us(20));
}

#[test]
fn skip_goes_to_the_next_multiple_after_now() {
    let skip = |late| next_after(MissedTickBehavior::Skip, PERIOD, late);
    let times = [ms(0), ms(9), ms(10), ms(11), ms(40)].map(skip);
    assert_eq!(times, [ms(10), ms(10), ms(20), ms(20), ms(50)]);
}

#[test]
fn the_first_tick_is_at_once_or_at_the_given_start() {
    manual(|timers, trace| {
        let start = Instant::now();
        assert_eq!(try_tick(&mut interval(SECOND)), Poll::Ready(start));
        let mut later = interval_at(start + ms(3), PERIOD);
        assert!(try_tick(&mut later).is_pending());
        assert_eq!(take(timers, &mut later), (start + ms(3), start + ms(3)));
        assert_eq!(take(timers, &mut later), (start + ms(13), start + ms(13)));
        let mut past = interval_at(start, SECOND);
        assert_eq!(try_tick(&mut past), Poll::Ready(start));
        assert_eq!(trace.take(), [""; 0]);
    });
}

#[test]
fn a_dropped_tick_drops_its_waker_and_the_next_call_gives_the_same_tick() {
    manual(|timers, trace| {
        let start = Instant::now();
        let mut interval = interval_at(start + PERIOD, PERIOD);
        let mut dropped = Box::pin(interval.tick());
        assert!(trace.poll("dropped", &mut dropped).is_pending());
        assert_eq!(timers.len(), 1);
        drop(dropped);
        assert_eq!(timers.len(), 0);
        assert_eq!(steps(timers, trace, PERIOD), [(10, vec!["advance"])]);
        let mut tick = Box::pin(interval.tick());
        assert_eq!(trace.poll("a", &mut tick), Poll::Ready(start + PERIOD));
        drop(tick);
        let mut tick = Box::pin(interval.tick());
        assert!(trace.poll("a", &mut tick).is_pending());
        assert_eq!(steps(timers, trace, PERIOD)[0], (10, vec!["a"]));
    });
}

#[test]
fn a_loop_that_drops_a_tick_each_round_still_sees_it_come() {
    let timers = timers(Clock::Real);
    let (_entered, trace) = (timers.enter(), Trace::default());
    let mut interval = interval_at(Instant::now() + ms(1), ms(1));
    let until = real_now() + ms(10_000).as_nanos() as u64;
    while trace.poll("a", &mut Box::pin(interval.tick())).is_pending() {
        timers.fire();
        assert!(real_now() < until, "the tick was never seen");
    }
}

#[test]
fn a_reset_moves_the_tick_that_a_task_waits_for() {
    manual(|timers, trace| {
        let mut interval = interval_at(Instant::now() + PERIOD, PERIOD);
        let waker = trace.waker("a");
        assert!(interval.poll_tick(&mut Context::from_waker(&waker)).is_pending());
        steps(timers, trace, ms(4));
        interval.reset();
        assert_eq!(steps(timers, trace, ms(20))[0], (10, vec!["a"]));

        let start = Instant::now();
        interval.reset_at(start + ms(2));
        assert_eq!(interval.next_tick(), start + ms(2));
        assert_eq!(take(timers, &mut interval).1, start + ms(2));
        assert_eq!(take(timers, &mut interval).1, start + ms(12));
    });
}

#[test]
fn missed_ticks_taken_at_once_end_the_turn_when_its_budget_is_spent() {
    looped(|executor, timers| {
        let mut behind = interval(ms(1));
        timers.timeline.set((Instant::now() + ms(1000)).0);
        let done = done_by_turn(executor, async move || _ = behind.tick().await);
        assert_eq!(done, [128, 256, 300]);
    });
}

#[test]
fn an_interval_is_an_endless_stream() {
    manual(|timers, trace| {
        let start = Instant::now();
        let interval = interval(PERIOD);
        assert_eq!(interval.size_hint(), (usize::MAX, None));
        let mut three = interval.take(3).collect::<Vec<_>>();
        assert!(trace.poll("a", &mut three).is_pending());
        steps(timers, trace, PERIOD);
        assert!(trace.poll("a", &mut three).is_pending());
        steps(timers, trace, PERIOD);
        let expected = vec![start, start + PERIOD, start + 2 * PERIOD];
        assert_eq!(trace.poll("a", &mut three), Poll::Ready(expected));
    });
}

#[test]
fn an_interval_says_how_it_is_set() {
    manual(|_, _| {
        let mut interval = interval(PERIOD);
        assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Skip);
        assert_eq!(interval.period(), PERIOD);
    });
}

#[test]
#[should_panic = "`interval`: the period must not be zero"]
fn a_period_of_zero_panics() {
    manual(|_, _| drop(interval(Duration::ZERO)));
}

#[test]
#[should_panic = "`interval_at`: the period must not be zero"]
fn a_period_of_zero_from_a_start_panics() {
    manual(|_, _| drop(interval_at(Instant::now(), Duration::ZERO)));
}

#[test]
#[should_panic = "`interval` needs a runtime: call it inside `taketurns::block_on` or a task"]
fn an_interval_outside_of_a_runtime_panics_with_the_remedy() {
    drop(interval(SECOND));
}
