//! Timers that are never due, moved, reset, or dropped at the wrong time.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, select};
use taketurns::time::{
    Instant, MissedTickBehavior, Sleep, advance, interval, interval_at, pause, resume, sleep,
    sleep_until, timeout, timeout_at,
};
use taketurns::{Runtime, block_on, spawn, yield_now};

use super::common::Trace;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) async fn poll_once(sleep: &mut Sleep) -> Poll<()> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *sleep).poll(cx))).await
}

/// Writes down when `future` is ready, in ms from now, under a name.
pub(super) fn tell(trace: &Trace, name: &'static str, future: impl Future + 'static) {
    let (trace, start) = (trace.clone(), Instant::now());
    let task = async move {
        future.await;
        trace.push(format_args!("{name}:{}", start.elapsed().as_millis()));
    };
    spawn(task).detach();
}

/// tokio-rs/tokio#3551, #6634, #7380
#[test]
fn the_longest_times_never_come_and_delay_no_other_timer() {
    let trace = Trace::new();
    block_on(async {
        pause();
        tell(&trace, "sleep", sleep(Duration::MAX));
        tell(&trace, "sleep_until", sleep_until(Instant::now() + Duration::MAX));
        tell(&trace, "timeout", timeout(Duration::MAX, pending::<()>()));
        tell(&trace, "ready", timeout(Duration::MAX, ready(())));
        for behavior in
            [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip]
        {
            let mut ticks = interval(Duration::MAX);
            ticks.set_missed_tick_behavior(behavior);
            ticks.tick().await;
            tell(&trace, "another tick", async move { ticks.tick().await });
        }
        tell(&trace, "second", sleep(ms(1000)));
        advance(Duration::MAX).await;
    });
    assert_eq!(trace.take(), "ready:0 second:1000");
}

/// embassy-rs/embassy#4736
#[test]
fn a_timer_armed_after_a_dropped_one_that_was_never_due_fires_in_time() {
    for far in [Duration::MAX, Duration::from_nanos(u64::MAX), 1_000_000 * HOUR] {
        let trace = Trace::new();
        block_on(async {
            pause();
            tell(&trace, "near", async move {
                let mut never = sleep(far);
                assert!(poll_once(&mut never).await.is_pending());
                drop(never);
                sleep(ms(7)).await;
            });
            advance(HOUR).await;
        });
        assert_eq!(trace.take(), "near:7");
    }
}

/// A task that waits for a sleep, which the caller can reset.
fn resettable(trace: &Trace, duration: Duration) -> Rc<RefCell<Sleep>> {
    let shared = Rc::new(RefCell::new(sleep(duration)));
    let own = Rc::clone(&shared);
    tell(trace, "woken", poll_fn(move |cx| Pin::new(&mut *own.borrow_mut()).poll(cx)));
    shared
}

/// tokio-rs/tokio#849
#[test]
fn a_reset_to_an_earlier_or_later_time_wakes_at_that_time() {
    let trace = Trace::new();
    block_on(async {
        pause();
        let shared = resettable(&trace, HOUR);
        advance(ms(1)).await;
        shared.borrow_mut().reset(Instant::now() + ms(4));
        advance(HOUR).await;

        let shared = resettable(&trace, ms(5));
        advance(ms(1)).await;
        shared.borrow_mut().reset(Instant::now() + HOUR);
        advance(2 * HOUR).await;
    });
    assert_eq!(trace.take(), "woken:5 woken:3600001");
}

/// tokio-rs/tokio#8274
#[test]
fn a_reset_into_the_past_wakes_at_once() {
    for past in [Duration::ZERO, ms(1), HOUR, Duration::MAX] {
        let trace = Trace::new();
        block_on(async {
            pause();
            let shared = resettable(&trace, HOUR);
            advance(ms(2)).await;
            shared.borrow_mut().reset(Instant::now() - past);
            yield_now().await; // the look that finds it due
            advance(Duration::ZERO).await;
        });
        assert_eq!(trace.take(), "woken:2");
    }
}

#[test]
fn a_sleep_reset_after_it_fired_waits_for_the_new_deadline() {
    let trace = Trace::new();
    block_on(async {
        pause();
        let mut unread = sleep(ms(1));
        assert!(poll_once(&mut unread).await.is_pending());
        advance(ms(5)).await;
        assert!(unread.is_elapsed());
        unread.reset(Instant::now() + ms(10));
        assert!(!unread.is_elapsed());
        assert!(poll_once(&mut unread).await.is_pending());
        tell(&trace, "reset", unread);
        advance(HOUR).await;
    });
    assert_eq!(trace.take(), "reset:10");
}

/// tokio-rs/tokio#6390
#[test]
fn a_sleep_of_zero_yields_once_and_no_other_sleep_ends_early() {
    let trace = Trace::new();
    block_on(async {
        let other = trace.clone();
        spawn(async move {
            for turn in ["one", "two"] {
                other.push(turn);
                yield_now().await;
            }
        })
        .detach();
        sleep(Duration::ZERO).await;
        trace.push("slept");
        yield_now().await;

        for nth in 0..100 {
            let (start, duration) = (Instant::now(), Duration::from_nanos(nth * 997));
            sleep(duration).await;
            assert!(start.elapsed() >= duration);
        }
    });
    assert_eq!(trace.take(), "one slept two");
}

/// A loop gives up after this many rounds, so that the test does not hang if it never sees its deadline.
const ROUNDS: u32 = 1_000_000;

#[test]
fn a_loop_that_makes_a_new_timer_each_round_still_sees_its_deadline() {
    block_on(async {
        let deadline = Instant::now() + ms(1);
        let sees = async |over: &mut (dyn Future<Output = ()> + Unpin)| {
            let mut ready = ready(());
            match select(over, &mut ready).await {
                Either::Left(_) => true,
                Either::Right(_) => false,
            }
        };
        let mut rounds = 0..ROUNDS;
        while rounds.next().is_some() && !sees(&mut sleep_until(deadline)).await {}
        assert!(Instant::now() >= deadline && !rounds.is_empty(), "`sleep_until`");

        let deadline = Instant::now() + ms(1);
        let mut rounds = 0..ROUNDS;
        let over = || timeout_at(deadline, pending::<()>()).map(|result| result.unwrap_err());
        while rounds.next().is_some() && !sees(&mut over().map(drop)).await {}
        assert!(Instant::now() >= deadline && !rounds.is_empty(), "`timeout_at`");
    });
}

#[test]
fn a_sleep_that_moves_to_another_task_wakes_that_task() {
    let trace = Trace::new();
    block_on(async {
        pause();
        let (send, receive) = oneshot::channel();
        let tells = trace.clone();
        spawn(async move {
            let mut moves = sleep(ms(5));
            assert!(poll_once(&mut moves).await.is_pending());
            send.send(moves).unwrap();
            poll_fn(|_| -> Poll<()> {
                tells.push("left");
                Poll::Pending
            })
            .await;
        })
        .detach();
        tell(&trace, "moved", async { receive.await.unwrap().await });
        advance(HOUR).await;
    });
    assert_eq!(trace.take(), "left moved:5");
}

#[test]
fn the_loop_does_not_wait_for_dropped_timers() {
    let runtime = Runtime::new().unwrap();
    let waits = |runtime: &Runtime| {
        runtime.run_until_stalled();
        runtime.next_deadline().is_some()
    };
    let [mut kept] = runtime.block_on(async { [sleep(HOUR)] });
    assert!(!waits(&runtime));
    runtime.block_on(async { assert!(poll_once(&mut kept).await.is_pending()) });
    assert!(waits(&runtime));
    runtime.block_on(async { drop(kept) });
    assert!(!waits(&runtime));
    runtime.block_on(async { drop((sleep(HOUR), timeout(HOUR, pending::<()>()), interval(HOUR))) });
    assert!(!waits(&runtime));
}

#[test]
fn a_sleep_dropped_after_its_runtime_or_in_another_does_nothing() {
    let runtime = Runtime::new().unwrap();
    let [first, second] = runtime.block_on(async {
        let mut both = [sleep(HOUR), sleep(HOUR)];
        for armed in &mut both {
            assert!(poll_once(armed).await.is_pending());
        }
        both
    });
    drop(runtime);
    drop(second);
    let trace = Trace::new();
    block_on(async {
        pause();
        // It has the place in this runtime that `first` had in that one.
        tell(&trace, "own", sleep(ms(1)));
        yield_now().await;
        drop(first);
        advance(HOUR).await;
    });
    assert_eq!(trace.take(), "own:1");
}

/// python/asyncio#201, python/cpython#86296
#[test]
fn an_output_that_arrives_at_the_limit_is_not_lost() {
    let trace = Trace::new();
    block_on(async {
        pause();
        let (send, receive) = oneshot::channel();
        tell(&trace, "sent", async {
            sleep(ms(5)).await;
            send.send(()).unwrap();
        });
        tell(&trace, "received", async {
            timeout(ms(5), receive).await.expect("it was there").unwrap();
        });
        advance(HOUR).await;
        let late = timeout_at(Instant::now() - HOUR, async { "ready" });
        assert_eq!(late.await, Ok("ready"));
    });
    assert_eq!(trace.take(), "sent:5 received:5");
}

/// tokio-rs/tokio#6634
#[test]
fn an_interval_that_starts_at_the_last_instant_never_ticks() {
    let trace = Trace::new();
    block_on(async {
        pause();
        for period in [ms(1), Duration::MAX] {
            let mut ticks = interval_at(Instant::now() + Duration::MAX, period);
            tell(&trace, "tick", async move { ticks.tick().await });
        }
        advance(Duration::MAX).await;
    });
    assert_eq!(trace.take(), "");
}

/// The real clock ends some 500 years from now: it stops there and does not wrap.
#[test]
fn a_clock_resumed_at_the_last_instant_does_not_go_back() {
    block_on(async {
        pause();
        advance(Duration::MAX).await;
        let end = Instant::now();
        resume();
        for _ in 0..1000 {
            assert!(Instant::now() >= end);
        }
    });
}
