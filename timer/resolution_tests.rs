//! The resolution that a runtime is given, and the tick to which it rounds waits up.

use std::time::Duration;

use super::clock::Clock;
use super::harness::Trace;
use super::timers::{RESOLUTION, Timers};
use super::{Instant, pause, resume, sleep_until};
use crate::common::tokens::Tokens;

/// Asserts that waits end at the tick of their deadline, for ticks of `tick` ns and deadlines all over a tick.
fn waits_for_ticks_of(tick: u64, timers: &Timers) {
    let trace = Trace::default();
    for nth in 0..100_u64 {
        let deadline =
            Instant::now() + Duration::from_millis(500) + Duration::from_nanos(nth * 7919);
        let mut sleep = sleep_until(deadline);
        assert!(trace.poll("sleep", &mut sleep).is_pending());
        let due = Instant(deadline.0.next_multiple_of(tick));
        let before = Instant::now();
        let wait = timers.wait_limit().expect("it is armed");
        let after = Instant::now();
        assert!((due - after..=due - before).contains(&wait), "ticks of {tick} ns: {wait:?}");
    }
}

#[test]
fn a_tick_is_the_resolution_rounded_down_to_a_power_of_two() {
    for (resolution, tick) in [
        (Duration::from_nanos(1), 1),
        (Duration::from_nanos(3), 2),
        (Duration::from_micros(1), 512),
        (RESOLUTION, 1 << 16),
        (Duration::from_millis(10), 1 << 23),
        (Duration::from_secs(1), 1 << 29),
        (Duration::from_secs(3600), 1 << 41),
    ] {
        let timers = Timers::new(Clock::Real, resolution, Tokens::without_loop());
        let _entered = timers.enter();
        waits_for_ticks_of(tick, &timers);
    }
}

#[test]
fn a_resumed_clock_has_its_former_tick() {
    let timers = Timers::new(Clock::Real, Duration::from_millis(10), Tokens::without_loop());
    let _entered = timers.enter();
    pause();
    resume();
    waits_for_ticks_of(1 << 23, &timers);
}
