//! The workloads of timers, each written once for every system that [`Sleeps`].
//!
//! Deadlines differ within a workload, as those of connections do: by a fixed sequence, the same everywhere.
//! Where far ones are armed, there is a nearer one already, as in most programs: tokio makes a system call
//! for each timer that may be the first.

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::system::Sleeps;

/// Of the `nth`: 10 to 60 s, by ms, in no order.
fn far(nth: u64) -> Duration {
    Duration::from_millis(10_000 + nth * 7919 % 50_000)
}

/// Of the `nth`: 0 to 0.9 ms, by us, in no order.
fn near(nth: u64) -> Duration {
    Duration::from_micros(nth * 7919 % 901)
}

/// Arms a sleep of 10 to 60 s by one poll and drops it, so often, as a timeout around what is ready soon.
/// Returns how many were waiting.
pub async fn cancel<S: Sleeps>(times: u64) -> u64 {
    let _nearer = nearer::<S>().await;
    let mut waiting = 0;
    in_one_turn(|cx| {
        for nth in 0..times {
            let sleep = pin!(S::sleep(Duration::from_secs(10 + nth % 50)));
            waiting += u64::from(sleep.poll(cx).is_pending());
        }
    })
    .await;
    waiting
}

/// Spawns so many tasks that sleep 0 to 0.9 ms each, and awaits them. Returns how many did.
pub async fn fire<S: Sleeps>(spawner: S, tasks: u64) -> u64 {
    let task = |nth| async move {
        S::sleep(near(nth)).await;
        1
    };
    let tasks: Vec<_> = (0..tasks).map(|nth| spawner.spawn(task(nth))).collect();
    let mut woken = 0;
    for task in tasks {
        woken += task.await;
    }
    woken
}

/// Puts an armed sleep off by a ms, so often, as an idle connection's limit at every request. Returns
/// whether it was armed.
pub async fn put_off<S: Sleeps>(times: u64) -> bool {
    let mut sleep = pin!(S::sleep(far(0)));
    let mut armed = false;
    in_one_turn(|cx| armed = sleep.as_mut().poll(cx).is_pending()).await;
    let _nearer = nearer::<S>().await;
    for _ in 0..times {
        S::put_off(sleep.as_mut(), Duration::from_millis(1));
    }
    armed
}

/// How long it takes to arm this many sleeps; and then, `again` of them dropped here and there, to arm as
/// many anew beside the others.
pub async fn crowd<S: Sleeps>(sleeps: u64, again: u64) -> (Duration, Duration) {
    let mut crowd = (0..sleeps).map(|_| Box::pin(None)).collect::<Vec<_>>();
    let _nearer = nearer::<S>().await;
    let first = arm::<S>(&mut crowd, 0..sleeps).await;
    let scattered = |nth: u64| nth * 7919 % sleeps;
    for nth in 0..again {
        crowd[scattered(nth) as usize].set(None);
    }
    let anew = arm::<S>(&mut crowd, (0..again).map(scattered)).await;
    (first, anew)
}

/// A sleep that is armed, and that the system has seen.
async fn nearer<S: Sleeps>() -> Pin<Box<S::Sleep>> {
    let mut sleep = Box::pin(S::sleep(Duration::from_secs(5)));
    in_one_turn(|cx| assert!(sleep.as_mut().poll(cx).is_pending(), "it is far")).await;
    S::yield_now().await;
    sleep
}

/// Arms the sleeps that have these numbers. Returns how long that took.
async fn arm<S: Sleeps>(
    crowd: &mut [Pin<Box<Option<S::Sleep>>>],
    mut numbers: impl Iterator<Item = u64>,
) -> Duration {
    let start = Instant::now();
    in_one_turn(|cx| {
        for nth in numbers.by_ref() {
            let sleep = &mut crowd[nth as usize];
            sleep.set(Some(S::sleep(far(nth))));
            let sleep = sleep.as_mut().as_pin_mut().expect("it was set");
            assert!(sleep.poll(cx).is_pending(), "it is far");
        }
    })
    .await;
    start.elapsed()
}

/// Does what has to be done in a task.
async fn in_one_turn(mut work: impl FnMut(&mut Context<'_>)) {
    poll_fn(|cx| {
        work(cx);
        Poll::Ready(())
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;
    use crate::systems::{Taketurns, TokioCurrentThread, TokioLocalRuntime, TokioLocalSet};

    /// Runs a generic test on each system that sleeps.
    macro_rules! on_each_system {
        ($test:ident) => {
            $test::<Taketurns>();
            $test::<TokioCurrentThread>();
            $test::<TokioLocalSet>();
            $test::<TokioLocalRuntime>();
        };
    }

    #[test]
    fn every_workload_completes_on_every_system() {
        fn complete<S: System<Spawner: Sleeps>>() {
            let mut system = S::new();
            assert_eq!(system.run(|_| cancel::<S::Spawner>(100)), 100, "{}", S::NAME);
            assert_eq!(system.run(|spawner| fire(spawner, 100)), 100, "{}", S::NAME);
            assert!(system.run(|_| put_off::<S::Spawner>(100)), "{}", S::NAME);
            system.run(|_| crowd::<S::Spawner>(100, 10));
        }
        on_each_system!(complete);
    }

    #[test]
    fn on_every_system_a_sleep_that_is_put_off_ends_later() {
        fn ends_later<S: System<Spawner: Sleeps>>() {
            let slept = S::new().run(|_| async {
                let (start, ms) = (Instant::now(), Duration::from_millis(1));
                let mut sleep = pin!(S::Spawner::sleep(ms));
                in_one_turn(|cx| assert!(sleep.as_mut().poll(cx).is_pending())).await;
                S::Spawner::put_off(sleep.as_mut(), 4 * ms);
                sleep.await;
                start.elapsed()
            });
            assert!(slept >= Duration::from_millis(5), "{}: {slept:?}", S::NAME);
        }
        on_each_system!(ends_later);
    }
}
