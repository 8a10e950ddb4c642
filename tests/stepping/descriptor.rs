//! The runtime's clock and its descriptor, as a host loop sees them.

use std::cell::Cell;
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use taketurns::net::TcpListener;
use taketurns::time::{Clock, Instant, advance, sleep};
use taketurns::{Builder, Runtime, yield_now};

use crate::common::Trace;
use crate::{sleeper, steps};

const MS: Duration = Duration::from_millis(1);

/// Whether a host loop that polls the descriptor would return at once.
fn is_readable(runtime: &Runtime) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(runtime, PollFlags::IN)], Some(&at_once)).unwrap() > 0
}

/// A runtime whose first tick returned `false` and whose descriptor is watched.
fn stalled() -> Runtime {
    let runtime = Runtime::new().unwrap();
    assert!(!runtime.try_tick().unwrap());
    assert!(!is_readable(&runtime));
    runtime
}

#[test]
fn a_wake_from_another_thread_makes_the_descriptor_readable_until_the_next_tick() {
    let runtime = stalled();
    let trace = Trace::new();
    let (sleeper, waker) = sleeper(&trace, "sleeper");
    runtime.spawn(sleeper).detach();
    runtime.run_until_stalled();
    for _ in 0..3 {
        trace.take();
        assert!(!is_readable(&runtime));
        assert_eq!(runtime.next_deadline(), None);
        waker.wake_elsewhere();
        assert!(is_readable(&runtime));
        assert_eq!(runtime.next_deadline(), Some(Duration::ZERO));
        assert!(runtime.try_tick().unwrap());
        assert_eq!(trace.take(), "sleeper");
        assert!(!is_readable(&runtime));
        assert!(!runtime.try_tick().unwrap());
        assert!(!is_readable(&runtime));
    }
}

#[test]
fn a_wake_on_this_thread_between_ticks_makes_the_descriptor_readable() {
    let runtime = stalled();
    let trace = Trace::new();
    let (sleeper, waker) = sleeper(&trace, "sleeper");
    runtime.spawn(sleeper).detach();
    runtime.run_until_stalled();
    waker.get().wake();
    assert!(is_readable(&runtime));
    runtime.run_until_stalled();
    assert_eq!(trace.take(), "sleeper sleeper");
    assert!(!is_readable(&runtime));
}

#[test]
fn a_task_spawned_by_another_thread_makes_the_descriptor_readable() {
    let runtime = stalled();
    let handle = runtime.handle();
    let remote = thread::spawn(move || handle.spawn(async { 42 })).join().unwrap();
    assert!(is_readable(&runtime));
    assert!(runtime.try_tick().unwrap());
    assert!(remote.is_finished());
    assert!(!runtime.try_tick().unwrap());
    assert!(!is_readable(&runtime));
}

#[test]
fn after_a_spawn_between_two_ticks_the_next_deadline_is_zero() {
    let runtime = stalled();
    let trace = Trace::new();
    runtime.spawn(steps(trace.clone(), "task", 2)).detach();
    assert_eq!(runtime.next_deadline(), Some(Duration::ZERO));
    assert!(runtime.try_tick().unwrap());
    assert_eq!(runtime.next_deadline(), Some(Duration::ZERO), "it yielded");
    assert!(runtime.try_tick().unwrap());
    assert!(!runtime.try_tick().unwrap());
    assert_eq!((trace.take().as_str(), runtime.next_deadline()), ("task0 task1", None));
}

#[test]
fn a_connection_makes_the_descriptor_readable_until_the_next_tick() {
    let runtime = stalled();
    let (trace, address) = (Trace::new(), Rc::new(Cell::new(None)));
    let (inner, place) = (trace.clone(), Rc::clone(&address));
    let accepting = runtime.spawn(async move {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        place.set(Some(listener.local_addr().unwrap()));
        for number in 0..2 {
            listener.accept().await.unwrap();
            inner.push(number);
        }
    });
    runtime.run_until_stalled();
    let address = address.get().unwrap();
    for number in ["0", "1"] {
        assert!(!is_readable(&runtime));
        assert_eq!(runtime.next_deadline(), None);
        let _client = TcpStream::connect(address).unwrap();
        assert!(is_readable(&runtime));
        assert!(runtime.try_tick().unwrap());
        assert_eq!(trace.take(), number);
        assert!(!runtime.try_tick().unwrap());
    }
    assert!(accepting.is_finished());
    assert!(!is_readable(&runtime));
}

#[test]
fn a_wake_before_the_descriptor_is_watched_does_not_leave_it_readable() {
    let runtime = Runtime::new().unwrap();
    let trace = Trace::new();
    let (sleeper, waker) = sleeper(&trace, "sleeper");
    runtime.spawn(sleeper).detach();
    runtime.run_until_stalled();
    waker.wake_elsewhere();
    runtime.run_until_stalled();
    is_readable(&runtime); // from now on the descriptor is watched
    assert!(!runtime.try_tick().unwrap());
    assert!(!is_readable(&runtime));
}

#[test]
fn a_stop_makes_the_descriptor_readable_until_the_next_tick() {
    let runtime = stalled();
    runtime.handle().stop();
    assert!(is_readable(&runtime));
    assert!(!runtime.try_tick().unwrap());
    assert!(!is_readable(&runtime));
    runtime.run_forever(); // ends at once: the ticks have left the stop to it
}

#[test]
fn the_descriptor_is_right_when_runs_and_ticks_alternate() {
    let runtime = stalled();
    let handle = runtime.handle();
    let sent = thread::spawn(move || handle.spawn(async { 1 })).join().unwrap();
    assert_eq!(runtime.block_on(sent).unwrap(), 1);
    assert!(!is_readable(&runtime), "the run consumed it");
    assert!(!runtime.try_tick().unwrap());
    let handle = runtime.handle();
    let sent = thread::spawn(move || handle.spawn(async { 2 })).join().unwrap();
    assert!(is_readable(&runtime), "parked again, it is made readable again");
    assert_eq!(runtime.block_on(sent).unwrap(), 2);
}

#[test]
fn next_deadline_is_the_time_until_the_next_timer() {
    let runtime = stalled();
    let hour = 3_600_000 * MS;
    let task = runtime.spawn(async move { sleep(hour).await });
    let later = runtime.spawn(async move { sleep(2 * hour).await });
    runtime.run_until_stalled();
    let deadline = runtime.next_deadline().expect("a timer is armed");
    assert!(deadline > hour / 2 && deadline <= hour + MS, "{deadline:?}");
    task.abort();
    runtime.run_until_stalled();
    assert!(runtime.next_deadline().is_some_and(|deadline| deadline > hour));
    later.abort();
    runtime.run_until_stalled();
    assert_eq!(runtime.next_deadline(), None);
}

#[test]
fn a_host_loop_that_waits_until_next_deadline_fires_a_timer_in_time() {
    let runtime = stalled();
    let begin = std::time::Instant::now();
    let task = runtime.spawn(async move { sleep(5 * MS).await });
    runtime.run_until_stalled();
    let mut waits = 0;
    while !task.is_finished() {
        let deadline = runtime.next_deadline().expect("a timer is armed");
        let limit = Timespec::try_from(deadline).unwrap();
        let mut watched = [PollFd::new(&runtime, PollFlags::IN)];
        assert_eq!(poll(&mut watched, Some(&limit)).unwrap(), 0);
        waits += 1;
        runtime.run_until_stalled();
    }
    assert!(begin.elapsed() >= 5 * MS);
    // The wheel may turn once on the way to a deadline; more waits would be a loop that spins.
    assert!(waits <= 3, "{waits} waits");
}

#[test]
fn under_a_manual_clock_an_advance_moves_one_deadline_per_tick() {
    let runtime = Builder::new().clock(Clock::Manual).build().unwrap();
    let trace = Trace::new();
    for (name, ms) in [("b", 20), ("a", 10), ("never", 99)] {
        let trace = trace.clone();
        let sleeping = async move {
            let begin = Instant::now();
            sleep(ms * MS).await;
            trace.push(format!("{name}@{}", begin.elapsed().as_millis()));
        };
        runtime.spawn(sleeping).detach();
    }
    runtime.run_until_stalled();
    assert_eq!((trace.take().as_str(), runtime.next_deadline()), ("", None));

    let inner = trace.clone();
    let advancing = runtime.spawn(async move {
        advance(30 * MS).await;
        inner.push("advanced");
    });
    // The first tick begins the advance. Each tick after that moves the clock, as no task is ready.
    for said in ["", "a@10", "b@20", "advanced"] {
        assert_eq!(runtime.next_deadline(), Some(Duration::ZERO));
        assert!(runtime.try_tick().unwrap());
        assert_eq!(trace.take(), said);
    }
    assert!(!runtime.try_tick().unwrap());
    assert_eq!((advancing.is_finished(), runtime.next_deadline()), (true, None));
}

#[test]
fn after_a_tick_that_advanced_the_clock_and_woke_no_task_next_deadline_is_zero() {
    let runtime = Builder::new().clock(Clock::Manual).build().unwrap();
    let trace = Trace::new();
    let inner = trace.clone();
    let advancing = async move {
        let mut unawaited = pin!(sleep(10 * MS));
        let mut noop = Context::from_waker(Waker::noop());
        assert!(unawaited.as_mut().poll(&mut noop).is_pending());
        advance(30 * MS).await;
        inner.push("advanced");
    };
    runtime.spawn(advancing).detach();
    assert!(runtime.try_tick().unwrap());
    assert!(!runtime.try_tick().unwrap());
    assert_eq!((trace.take().as_str(), runtime.next_deadline()), ("", Some(Duration::ZERO)));
    assert!(runtime.try_tick().unwrap());
    assert_eq!(trace.take(), "advanced");
}

#[test]
fn run_until_stalled_inside_of_a_run_panics_with_the_text_of_nested() {
    let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let task = outer.spawn(async move {
        assert!(inner.try_tick().is_err());
        inner.run_until_stalled();
    });
    let panic = outer.block_on(async {
        yield_now().await;
        task.await.unwrap_err().into_panic().unwrap()
    });
    let text = panic.downcast::<String>().unwrap();
    assert!(
        text.starts_with("`run_until_stalled`: this thread already runs an executor"),
        "{text}"
    );
}

#[cfg(feature = "offload")]
#[test]
fn a_blocking_job_that_ends_makes_the_descriptor_readable() {
    let runtime = stalled();
    let job = runtime.spawn(async { taketurns::spawn_blocking(|| 42).await.unwrap() });
    runtime.run_until_stalled();
    while !job.is_finished() {
        poll(&mut [PollFd::new(&runtime, PollFlags::IN)], None).unwrap(); // without end if the job did not make it readable
        runtime.run_until_stalled();
    }
    assert_eq!(runtime.block_on(job).unwrap(), 42);
}
