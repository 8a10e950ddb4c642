//! Sleeps, timeouts and intervals.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::{StreamExt, poll};
use taketurns::time::{Clock, Instant, interval_at, sleep, timeout};
use taketurns::{Builder, Runtime};

use super::until_woken;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// By a clock that goes to the next deadline whenever no task is ready.
fn auto() -> Runtime {
    Builder::new().clock(Clock::AutoAdvance).build().unwrap()
}

#[test]
fn a_sleep_made_anew_begins_anew_and_one_that_is_borrowed_goes_on() {
    auto().block_on(async {
        let start = Instant::now();
        for _ in 0..3 {
            let first = select(sleep(ms(10)), sleep(ms(4))).await;
            assert!(matches!(first, Either::Right(_)));
        }
        assert_eq!(start.elapsed(), ms(12)); // and the 10 ms have never passed

        let start = Instant::now();
        let mut once = sleep(ms(10));
        let mut rounds = 0;
        while let Either::Right(_) = select(&mut once, sleep(ms(4))).await {
            rounds += 1;
        }
        assert_eq!((rounds, start.elapsed()), (2, ms(10)));
    });
}

#[test]
fn what_a_dropped_timeout_borrowed_keeps_the_waker() {
    auto().block_on(async {
        let start = Instant::now();
        let mut slow = sleep(ms(9));
        assert!(poll!(pin!(timeout(ms(5), &mut slow))).is_pending());
        until_woken().await;
        // The limit is disarmed, and what it limited has woken this task for nothing.
        assert_eq!(start.elapsed(), ms(9));
        slow.await;
        assert_eq!(start.elapsed(), ms(9));
    });
}

#[test]
fn a_tick_of_the_stream_that_is_given_up_comes_again_and_leaves_the_waker() {
    auto().block_on(async {
        let first = Instant::now() + ms(10);
        let mut ticks = interval_at(first, ms(10));
        assert!(poll!(pin!(ticks.next())).is_pending());
        until_woken().await;
        assert_eq!(Instant::now(), first);
        assert_eq!(ticks.next().await, Some(first));
        assert_eq!(ticks.next().await, Some(first + ms(10)));
    });
}
