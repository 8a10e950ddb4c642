//! Timers that are never due, moved, reset, or dropped at the wrong time.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, select};
use taketurns::task::Unhandled;
use taketurns::time::{
    Instant, MissedTickBehavior, Sleep, advance, interval, interval_at, pause, resume, sleep,
    sleep_until, timeout, timeout_at,
};
use taketurns::{Builder, OnExit, Runtime, UnhandledPanic, block_on, spawn, yield_now};

use super::common::Trace;

const HOUR: Duration = Duration::from_secs(3600);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn poll_once(sleep: &mut Sleep) -> Poll<()> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *sleep).poll(cx))).await
}

/// Writes down when `future` is ready, in ms from now, under a name.
fn tell(trace: &Trace, name: &'static str, future: impl Future + 'static) {
    let (trace, start) = (trace.clone(), Instant::now());
    let task = async move {
        future.await;
        trace.push(format_args!("{name}:{}", start.elapsed().as_millis()));
    };
    spawn(task).detach();
}

/// tokio-rs/tokio#3551, #6634, #7380
#[test]
fn the_longest_times_are_never_and_hold_up_nobody() {
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
fn a_timer_after_a_cancelled_one_that_was_never_due_is_in_time() {
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

/// A task that waits for a sleep which others can reset.
fn resettable(trace: &Trace, duration: Duration) -> Rc<RefCell<Sleep>> {
    let shared = Rc::new(RefCell::new(sleep(duration)));
    let own = Rc::clone(&shared);
    tell(trace, "woken", poll_fn(move |cx| Pin::new(&mut *own.borrow_mut()).poll(cx)));
    shared
}

/// tokio-rs/tokio#849
#[test]
fn a_reset_to_an_earlier_time_wakes_then_and_one_to_a_later_not_before() {
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
fn a_reset_into_the_past_wakes() {
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
fn a_reset_of_one_that_expired_unread_waits_for_the_new_time() {
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
fn a_sleep_of_zero_is_one_yield_and_no_other_ends_early() {
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

/// Gives up after so many rounds: a loop that never sees its deadline is not to hang.
const ROUNDS: u32 = 1_000_000;

#[test]
fn a_loop_that_makes_its_deadline_anew_each_round_sees_it() {
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
fn a_sleep_that_moves_to_another_task_wakes_that_one() {
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

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn of_changing_wakers_the_last_is_woken_and_none_is_kept() {
    let wakers: Vec<_> = (0..5).map(|_| Arc::new(Wakes::default())).collect();
    block_on(async {
        pause();
        let mut polled = sleep(ms(1));
        for wakes in &wakers {
            let waker = Waker::from(Arc::clone(wakes));
            let again = Pin::new(&mut polled).poll(&mut Context::from_waker(&waker));
            assert!(again.is_pending());
        }
        let kept: Vec<_> = wakers.iter().map(Arc::strong_count).collect();
        assert_eq!(kept, [1, 1, 1, 1, 2]);
        advance(ms(1)).await;
        assert!(poll_once(&mut polled).await.is_ready());
    });
    let woken: Vec<_> = wakers.iter().map(|wakes| wakes.0.load(Ordering::Relaxed)).collect();
    assert_eq!(woken, [0, 0, 0, 0, 1]);
    assert!(wakers.iter().all(|wakes| Arc::strong_count(wakes) == 1));
}

#[test]
fn a_thousand_limits_of_one_handle_leave_no_waker() {
    let wakes = Arc::new(Wakes::default());
    block_on(async {
        pause();
        let mut handle = spawn(pending::<()>());
        for _ in 0..1000 {
            let waker = Waker::from(Arc::clone(&wakes));
            let mut limited = timeout(Duration::ZERO, &mut handle);
            let polled = Pin::new(&mut limited).poll(&mut Context::from_waker(&waker));
            assert!(matches!(polled, Poll::Ready(Err(_))));
            drop(waker);
            assert_eq!(Arc::strong_count(&wakes), 1);
            yield_now().await; // for another budget
        }
        handle.abort();
    });
}

#[test]
fn what_was_dropped_unpolled_or_polled_is_not_waited_for() {
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
fn dropped_after_its_runtime_or_in_another_it_disturbs_nobody() {
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
fn what_arrives_at_the_very_limit_is_not_lost() {
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
fn an_interval_that_starts_at_the_end_of_time_waits_for_it() {
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

/// Some 500 years from now the real clock stands, rather than begin anew.
#[test]
fn a_clock_that_runs_on_from_the_end_of_time_does_not_go_back() {
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

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

fn poll_badly(sleep: &mut Sleep) {
    let waker = Waker::from(Arc::new(Panics));
    assert!(Pin::new(sleep).poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn a_waker_that_panics_ends_no_run_and_keeps_nobody_waiting() {
    let trace = Trace::new();
    block_on(async {
        pause();
        tell(&trace, "before", sleep(ms(1)));
        yield_now().await;
        let mut bad = sleep(ms(1));
        poll_badly(&mut bad);
        tell(&trace, "behind", sleep(ms(1)));
        advance(ms(5)).await;
        assert!(poll_once(&mut bad).await.is_ready());
    });
    assert_eq!(trace.take(), "before:1 behind:1");
}

#[test]
fn a_waker_that_panics_in_a_look_is_reported_in_the_name_of_no_task() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reports);
    let hook = move |failure: &Unhandled| {
        seen.lock().unwrap().push((failure.task().is_some(), failure.error().to_string()));
    };
    let hook = UnhandledPanic::Call(Arc::new(hook));
    Builder::new().unhandled_panic(hook).build().unwrap().block_on(async {
        let mut bad = sleep(ms(1));
        poll_badly(&mut bad);
        sleep(ms(2)).await;
    });
    let expected = "a waker or destructor panicked: a waker that panics".to_owned();
    assert_eq!(*reports.lock().unwrap(), [(false, expected)]);
}

#[test]
fn a_waker_that_panics_while_a_runtime_ends_costs_no_report() {
    let wait = OnExit::Wait { deadline: HOUR };
    let runtime = Builder::new().on_exit(wait).build().unwrap();
    let trace = Trace::new();
    let [mut bad] = runtime.block_on(async { [sleep(ms(1))] });
    let (deadline, told) = (bad.deadline(), trace.clone());
    runtime.block_on(async { poll_badly(&mut bad) });
    let task = async move {
        sleep_until(deadline + ms(1)).await;
        told.push("ended");
    };
    runtime.spawn(task).detach();
    let report = runtime.shutdown();
    assert_eq!((trace.take().as_str(), report.lost().len()), ("ended", 0));
}
