//! `Builder::timer_resolution` and `Builder::timer_slack`: what they set, and what they leave alone.

#![cfg(feature = "time")]

use std::time::Duration;

use taketurns::time::{Clock, advance, pause, resume, sleep};
use taketurns::{Builder, Runtime, spawn};

const MS: Duration = Duration::from_millis(1);

/// Ticks of 13 days, so that no test reaches the end of a tick.
const LONG: Duration = Duration::from_nanos(1 << 50);

/// How long the runtime would wait for a sleep of 1 ms.
fn wait(runtime: &Runtime) -> Duration {
    let _sleeper = runtime.spawn(sleep_a_moment());
    runtime.run_until_stalled();
    runtime.next_deadline().expect("a task sleeps")
}

async fn sleep_a_moment() {
    sleep(MS).await;
}

#[test]
fn a_timer_fires_at_the_end_of_its_tick() {
    for resolution in [LONG, LONG * 2 - Duration::from_nanos(1)] {
        let runtime = Builder::new().timer_resolution(resolution).on_lost(|_| {}).build().unwrap();
        assert!((LONG / 2..=LONG).contains(&wait(&runtime)));
        runtime.block_on(async {
            pause();
            resume();
        });
        assert!((LONG / 2..=LONG).contains(&wait(&runtime)));
    }
}

#[test]
fn the_longest_tick_ends_after_centuries() {
    let one_bit_too_long = Duration::from_nanos(u64::MAX) + Duration::from_nanos(1);
    for resolution in [one_bit_too_long, Duration::MAX] {
        let runtime = Builder::new().timer_resolution(resolution).on_lost(|_| {}).build().unwrap();
        let centuries = 200 * 365 * 24 * 3600;
        assert!(wait(&runtime).as_secs() > centuries);
    }
}

#[test]
fn a_manual_clock_keeps_ticks_of_one_nanosecond() {
    let runtime = Builder::new().clock(Clock::Manual).timer_resolution(LONG).build().unwrap();
    runtime.block_on(async {
        let sleeper = spawn(sleep(Duration::from_nanos(2)));
        advance(Duration::from_nanos(1)).await;
        assert!(!sleeper.is_finished());
        advance(Duration::from_nanos(1)).await;
        assert!(sleeper.is_finished());
    });
}

#[test]
#[should_panic(expected = "`timer_resolution` must be at least 1 ns")]
fn a_resolution_of_zero_is_refused() {
    let _ = Builder::new().timer_resolution(Duration::ZERO);
}

#[cfg(feature = "net")]
mod slack {
    use std::cell::Cell;
    use std::num::NonZeroU64;
    use std::rc::Rc;
    use std::sync::mpsc;

    use rustix::thread::{current_timer_slack, set_current_timer_slack};

    use super::*;

    const US: Duration = Duration::from_micros(1);

    /// The timer slack of this thread, in ns.
    fn slack() -> u64 {
        current_timer_slack().unwrap()
    }

    fn with_slack(slack: Duration) -> Runtime {
        Builder::new().timer_slack(slack).build().unwrap()
    }

    #[test]
    fn a_thread_has_the_timer_slack_of_its_runtime_until_that_ends() {
        let former = slack();
        let runtime = with_slack(3 * US);
        assert_eq!(slack(), 3_000);
        assert_eq!(runtime.block_on(async { slack() }), 3_000);
        drop(runtime);
        assert_eq!(slack(), former);
        assert!(with_slack(5 * US).shutdown().lost().is_empty());
        assert_eq!(slack(), former);
    }

    /// Notes the slack when it is dropped.
    struct Looks(Rc<Cell<u64>>);

    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.set(slack());
        }
    }

    #[test]
    fn destructors_at_the_end_still_run_with_the_timer_slack() {
        let runtime = with_slack(3 * US);
        let seen = Rc::new(Cell::new(0));
        let looks = Looks(Rc::clone(&seen));
        runtime.spawn(async move { drop(looks) }).detach();
        assert_eq!(runtime.shutdown().lost().len(), 1);
        assert_eq!(seen.get(), 3_000);
    }

    #[test]
    fn runtimes_that_end_in_reverse_order_restore_the_former_slack() {
        let former = slack();
        let outer = with_slack(3 * US);
        let inner = with_slack(7 * US);
        assert_eq!(slack(), 7_000);
        drop(inner);
        assert_eq!(slack(), 3_000);
        drop(outer);
        assert_eq!(slack(), former);
    }

    /// The threads that a runtime starts have its slack. The watchdog would sleep for a second in place of 5 ms, and know nothing of
    /// that second.
    #[test]
    fn the_watchdog_does_not_sleep_longer_than_it_is_to() {
        let (tell, told) = mpsc::channel();
        let builder = Builder::new().timer_slack(1_000_000 * US);
        let builder = builder.stall_threshold(20_000 * US);
        let runtime = builder.on_stall(move |stall| tell.send(stall.is_over()).unwrap()).build();
        let is_over = runtime.unwrap().block_on(async { told.recv_timeout(10_000_000 * US) });
        assert_eq!(is_over, Ok(false));
    }

    #[test]
    fn a_slack_too_long_to_be_read_back_is_cut() {
        let most = 0x7fff_ffff;
        let outer = with_slack(Duration::MAX);
        assert_eq!(slack(), most);
        drop(with_slack(Duration::from_nanos(most + 1)));
        assert_eq!(slack(), most);
        drop(outer);
    }

    #[test]
    fn without_timer_slack_the_slack_of_the_thread_is_left_alone() {
        set_current_timer_slack(NonZeroU64::new(9_000)).unwrap();
        let runtime = Runtime::new().unwrap();
        assert_eq!(slack(), 9_000);
        set_current_timer_slack(NonZeroU64::new(11_000)).unwrap();
        drop(runtime);
        assert_eq!(slack(), 11_000);
    }

    #[test]
    #[cfg(feature = "offload")]
    fn threads_of_the_pool_inherit_the_slack() {
        let runtime = with_slack(3 * US);
        let theirs = runtime.block_on(async { taketurns::spawn_blocking(slack).await.unwrap() });
        assert_eq!(theirs, 3_000);
    }

    #[test]
    #[should_panic(expected = "`timer_slack` must be at least 1 ns")]
    fn a_slack_of_zero_is_refused() {
        let _ = Builder::new().timer_slack(Duration::ZERO);
    }
}
