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

use crate::cpu::cpu_time;
use crate::system::{Sleep, Sleeps};

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
    let tasks: Vec<_> = (0..tasks).map(|nth| spawner.spawn_sleep(near(nth))).collect();
    let mut woken = 0;
    for task in tasks {
        task.await;
        woken += 1;
    }
    woken
}

/// Puts an armed sleep off by a ms, so often, as an idle connection's limit at every request. Returns how
/// often that worked: never where this system has no way to do it.
pub async fn put_off<S: Sleeps>(times: u64) -> u64 {
    let start = Instant::now();
    let mut sleep = pin!(S::sleep(far(0)));
    in_one_turn(|cx| assert!(sleep.as_mut().poll(cx).is_pending(), "it is far")).await;
    let _nearer = nearer::<S>().await;
    let mut done = 0;
    let ms = Duration::from_millis(1);
    let mut deadline = start + far(0);
    for _ in 0..times {
        deadline += ms;
        done += u64::from(sleep.as_mut().put_off(ms, deadline));
    }
    done
}

/// The CPU time it takes to arm this many sleeps; and then, `again` of them dropped here and there, to arm as
/// many anew beside the others.
pub async fn crowd<S: Sleeps>(sleeps: u64, again: u64) -> (Duration, Duration) {
    let mut crowd = (0..sleeps).map(|_| Box::pin(None)).collect::<Vec<_>>();
    let _nearer = nearer::<S>().await;
    let first = arm(S::sleep, &mut crowd, 0..sleeps).await;
    let scattered = |nth: u64| nth * 7919 % sleeps;
    for nth in 0..again {
        crowd[scattered(nth) as usize].set(None);
    }
    let anew = arm(S::sleep, &mut crowd, (0..again).map(scattered)).await;
    (first, anew)
}

/// A sleep that is armed, and that the system has seen.
async fn nearer<S: Sleeps>() -> Pin<Box<impl Sleep>> {
    let mut sleep = Box::pin(S::sleep(Duration::from_secs(5)));
    in_one_turn(|cx| assert!(sleep.as_mut().poll(cx).is_pending(), "it is far")).await;
    S::yield_now().await;
    sleep
}

/// Arms the sleeps that have these numbers. Returns the CPU time that took.
async fn arm<F: Sleep>(
    sleep: impl Fn(Duration) -> F,
    crowd: &mut [Pin<Box<Option<F>>>],
    mut numbers: impl Iterator<Item = u64>,
) -> Duration {
    let mut used = Duration::ZERO;
    in_one_turn(|cx| {
        used = cpu_time(|| {
            for nth in numbers.by_ref() {
                let place = &mut crowd[nth as usize];
                place.set(Some(sleep(far(nth))));
                let armed = place.as_mut().as_pin_mut().expect("it was set");
                assert!(armed.poll(cx).is_pending(), "it is far");
            }
        });
    })
    .await;
    used
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
    use crate::for_each_that_sleeps;
    use crate::system::System;
    use crate::systems::tests::started;

    #[test]
    fn every_workload_completes_on_every_system() {
        fn complete<S: System<Spawner: Sleeps>>() {
            let Some(mut system) = started::<S>() else { return };
            assert_eq!(system.run(|_| cancel::<S::Spawner>(100)), 100, "{}", S::NAME);
            assert_eq!(system.run(|spawner| fire(spawner, 100)), 100, "{}", S::NAME);
            let put_off = system.run(|_| put_off::<S::Spawner>(100));
            assert_eq!(put_off, if S::NAME == "compio" { 0 } else { 100 }, "{}", S::NAME);
            system.run(|_| crowd::<S::Spawner>(100, 10));
        }
        for_each_that_sleeps!(|S| complete::<S>());
    }

    #[test]
    fn on_every_system_a_sleep_ends_no_earlier_than_asked_even_if_it_was_put_off() {
        fn ends_later<S: System<Spawner: Sleeps>>() {
            let Some(mut system) = started::<S>() else { return };
            let (slept, asked) = system.run(|_| async {
                let (start, ms) = (Instant::now(), Duration::from_millis(1));
                let mut sleep = pin!(S::Spawner::sleep(4 * ms));
                in_one_turn(|cx| assert!(sleep.as_mut().poll(cx).is_pending())).await;
                let put_off = sleep.as_mut().put_off(5 * ms, start + 9 * ms);
                sleep.await;
                (start.elapsed(), if put_off { 9 * ms } else { 4 * ms })
            });
            assert!(slept >= asked, "{}: {slept:?}", S::NAME);
        }
        for_each_that_sleeps!(|S| ends_later::<S>());
    }

    #[test]
    fn on_every_system_a_task_that_is_spawned_to_sleep_does() {
        fn sleeps<S: System<Spawner: Sleeps>>() {
            let Some(mut system) = started::<S>() else { return };
            let ms = Duration::from_millis(1);
            let slept = system.run(|spawner| async move {
                let start = Instant::now();
                spawner.spawn_sleep(4 * ms).await;
                start.elapsed()
            });
            assert!(slept >= 4 * ms, "{}: {slept:?}", S::NAME);
        }
        for_each_that_sleeps!(|S| sleeps::<S>());
    }
}
