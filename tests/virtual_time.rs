//! The auto-advancing clock, and what keeps it still. A job or thread that stands for real time sleeps, but no outcome depends
//! on how long.

#![cfg(all(feature = "time", feature = "offload"))]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::time::{Clock, Instant, advance, hold, interval, pause, resume, sleep, timeout};
use taketurns::{Builder, Runtime, spawn, spawn_blocking, yield_now};

mod common;

use common::{Trace, some_real_time};

const HOUR: Duration = Duration::from_secs(3600);

fn auto() -> Runtime {
    Builder::new().clock(Clock::AutoAdvance).build().unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn hours_take_no_time_and_pass_in_exact_order() {
    let trace = Trace::new();
    auto().block_on(async {
        let start = Instant::now();
        let tasks = [("c", 3), ("a", 1), ("b", 2)].map(|(name, hours)| {
            let trace = trace.clone();
            spawn(async move {
                sleep(HOUR * hours).await;
                trace.push(format_args!("{name}:{}h", start.elapsed().as_secs() / 3600));
                sleep(Duration::from_nanos(1)).await;
                trace.push(format_args!("{name}+{}", (start.elapsed() - HOUR * hours).as_nanos()));
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(start.elapsed(), HOUR * 3 + Duration::from_nanos(1));
    });
    assert_eq!(trace.take(), "a:1h a+1 b:2h b+1 c:3h c+1");
}

#[test]
fn a_virtual_clock_always_begins_at_the_same_instant() {
    let begins = || auto().block_on(async { Instant::now() });
    assert_eq!(begins(), begins());
}

#[test]
fn the_clock_stands_still_while_a_task_is_ready() {
    auto().block_on(async {
        let start = Instant::now();
        let sleeps = spawn(sleep(ms(1)));
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        sleeps.await.unwrap();
        assert_eq!(start.elapsed(), ms(1));
    });
}

#[test]
fn an_interval_in_a_timeout_ticks_until_the_limit() {
    auto().block_on(async {
        let mut ticks = 0;
        let counts = async {
            let mut interval = interval(ms(100));
            loop {
                interval.tick().await;
                ticks += 1;
            }
        };
        let start = Instant::now();
        assert!(timeout(Duration::from_secs(1), counts).await.is_err());
        assert_eq!((ticks, start.elapsed()), (11, Duration::from_secs(1)));
    });
}

#[test]
fn a_blocking_job_keeps_the_clock_still() {
    auto().block_on(async {
        let start = Instant::now();
        let job = spawn_blocking(|| {
            some_real_time();
            "in time"
        });
        assert_eq!(timeout(ms(1), job).await.unwrap().unwrap(), "in time");
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_detached_blocking_job_keeps_the_clock_still_until_its_end() {
    auto().block_on(async {
        let ended = Arc::new(AtomicBool::new(false));
        let sets = Arc::clone(&ended);
        drop(spawn_blocking(move || {
            some_real_time();
            sets.store(true, Ordering::SeqCst);
        }));
        sleep(HOUR).await;
        assert!(ended.load(Ordering::SeqCst));
    });
}

#[test]
fn a_hold_keeps_the_clock_still_for_a_thread() {
    auto().block_on(async {
        let (sender, receiver) = oneshot::channel();
        let hold = hold();
        thread::spawn(move || {
            some_real_time();
            sender.send("in time").unwrap();
            drop(hold);
        });
        assert_eq!(timeout(ms(1), receiver).await.unwrap().unwrap(), "in time");
    });
}

#[test]
fn dropping_the_last_of_several_holds_wakes_the_loop_and_lets_the_clock_move() {
    auto().block_on(async {
        let start = Instant::now();
        let [first, second] = [hold(), hold()];
        let thread = thread::spawn(move || {
            drop(first);
            some_real_time();
            drop(second);
        });
        sleep(HOUR).await;
        assert_eq!(start.elapsed(), HOUR);
        thread.join().unwrap();
    });
}

#[test]
fn without_a_hold_the_clock_does_not_wait_for_a_thread() {
    auto().block_on(async {
        let (sender, receiver) = oneshot::channel::<()>();
        assert!(timeout(HOUR, receiver).await.is_err());
        drop(sender);
    });
}

#[test]
fn an_advance_waits_for_a_blocking_job() {
    let runtime = Builder::new().clock(Clock::Manual).build().unwrap();
    let trace = Trace::new();
    runtime.block_on(async {
        let (told, tells) = (trace.clone(), trace.clone());
        let job = spawn(async move {
            spawn_blocking(some_real_time).await.unwrap();
            told.push("job");
        });
        let sleeps = spawn(async move {
            sleep(ms(1)).await;
            tells.push("sleep");
        });
        yield_now().await;
        advance(HOUR).await;
        job.await.unwrap();
        sleeps.await.unwrap();
    });
    assert_eq!(trace.take(), "job sleep");
}

#[test]
fn an_advance_of_an_auto_advancing_clock_stops_at_its_end() {
    auto().block_on(async {
        let start = Instant::now();
        let late = spawn(async move {
            sleep(ms(20)).await;
            start.elapsed()
        });
        advance(ms(10)).await;
        assert_eq!((start.elapsed(), late.is_finished()), (ms(10), false));
        assert_eq!(late.await.unwrap(), ms(20));
    });
}

#[test]
fn a_pause_stops_auto_advance_and_a_resume_makes_the_clock_real() {
    auto().block_on(async {
        sleep(HOUR).await;
        let start = Instant::now();
        pause();
        let sleeps = spawn(sleep(ms(1)));
        let (sender, receiver) = oneshot::channel();
        thread::spawn(move || {
            some_real_time();
            sender.send(()).unwrap();
        });
        receiver.await.unwrap();
        let unmoved = (start.elapsed(), sleeps.is_finished());
        assert_eq!(unmoved, (Duration::ZERO, false));
        advance(ms(1)).await;
        sleeps.await.unwrap();
        resume();
        sleep(ms(2)).await;
        assert!(start.elapsed() >= ms(3));
    });
}

/// Writes the time of each tick of an endless interval of 10 ms.
async fn ticks(trace: Trace) {
    let start = Instant::now();
    let mut interval = interval(ms(10));
    loop {
        interval.tick().await;
        trace.push(start.elapsed().as_millis());
    }
}

#[test]
fn run_until_stalled_does_not_move_the_clock_and_returns() {
    let (runtime, trace) = (auto(), Trace::new());
    runtime.spawn(ticks(trace.clone())).detach();
    runtime.run_until_stalled();
    runtime.run_until_stalled();
    assert_eq!(trace.take(), "0");
    runtime.block_on(sleep_for(ms(25)));
    assert_eq!(trace.take(), "10 20");
    drop(runtime.shutdown());
}

async fn sleep_for(duration: Duration) {
    sleep(duration).await;
}

#[test]
fn run_until_stalled_completes_an_advance() {
    let runtime = auto();
    let start = runtime.block_on(async { Instant::now() });
    let advances = runtime.spawn(advance(ms(20)));
    let sleeps = runtime.spawn(sleep_for(ms(30)));
    runtime.run_until_stalled();
    assert!(advances.is_finished() && !sleeps.is_finished());
    assert_eq!(runtime.block_on(async { start.elapsed() }), ms(20));
}

#[test]
fn a_host_loop_that_obeys_next_deadline_goes_from_one_deadline_to_the_next() {
    let (runtime, trace) = (auto(), Trace::new());
    runtime.spawn(ticks(trace.clone())).detach();
    for expected in ["0", "10", "20"] {
        while trace.is_empty() {
            assert_eq!(runtime.next_deadline(), Some(Duration::ZERO));
            runtime.try_tick().unwrap();
        }
        assert_eq!(trace.take(), expected);
    }
    drop(runtime.shutdown());
}

#[test]
fn runs_that_never_wait_do_not_move_the_clock() {
    let runtime = auto();
    let start = runtime.block_on(async { Instant::now() });
    let sleeps = runtime.spawn(sleep_for(ms(10)));
    for _ in 0..1000 {
        runtime.block_on(async {});
    }
    assert!(!sleeps.is_finished());
    runtime.block_on(async {
        assert_eq!(start.elapsed(), Duration::ZERO);
        sleeps.await.unwrap();
        assert_eq!(start.elapsed(), ms(10));
    });
}

#[cfg(feature = "net")]
#[test]
fn dropped_operations_hide_no_deadlock() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use taketurns::net::{TcpListener, TcpStream};

    let runtime = auto();
    let stuck = AssertUnwindSafe(|| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (_peer, _) = listener.accept().await.unwrap();
            let mut buf = [0; 8];
            assert!(futures::poll!(pin!(listener.accept())).is_pending());
            assert!(futures::poll!(pin!(stream.read(&mut buf))).is_pending());
            let mut read = pin!(stream.read(&mut buf));
            assert!(timeout(ms(1), read.as_mut()).await.is_err());
            pending::<()>().await;
        });
    });
    let text = *catch_unwind(stuck).unwrap_err().downcast::<String>().unwrap();
    assert!(text.starts_with("deadlock:") && text.contains("for certain"), "{text}");
}

#[test]
fn a_timer_that_is_never_due_does_not_move_the_clock() {
    auto().block_on(async {
        let start = Instant::now();
        let never = spawn(sleep(Duration::MAX));
        sleep(ms(5)).await;
        assert_eq!((start.elapsed(), never.is_finished()), (ms(5), false));
    });
}

#[test]
fn the_deadline_of_on_exit_counts_real_time() {
    let wait = taketurns::OnExit::Wait { deadline: ms(1) };
    let runtime = Builder::new().clock(Clock::AutoAdvance).on_exit(wait).build().unwrap();
    runtime.spawn(async { sleep(HOUR).await }).detach();
    runtime.spawn(pending::<()>()).detach();
    assert_eq!(runtime.shutdown().lost().len(), 1);
}
