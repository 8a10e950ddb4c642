//! `cargo run --release -p taketurns-benches --bin deadlock_looks`: what a look for deadlocks adds to a park.
//!
//! **Measured**: CPU time of the loop's thread for a `sleep` of 1 us, for which the thread parks, while so many other tasks wait: for an
//! hour, or for a lock that a task has. Without `Builder::report_deadlocks`, with it, and the difference. The median of 11 rounds. Then the
//! same for a step of a host loop, `Runtime::try_tick`, which never looks, but begins and ends a run.
//!
//! **Not claimed**: what more than 64 tasks and waits cost. Then not each park looks: a look takes a twentieth of the loop's time at
//! most.

#![forbid(unsafe_code)]

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::RwLock;
use taketurns::time::sleep;
use taketurns::{Builder, spawn, yield_now};
use taketurns_benches::cpu::median_cpu_time;

const HOUR: Duration = Duration::from_secs(3600);
const PARKS: u32 = 2000;

fn main() -> std::io::Result<()> {
    println!("CPU time of a park        off        with  difference");
    for tasks in [0, 10, 20, 40, 60] {
        compare(&format!("{tasks:>2} wait for an hour"), || {
            (0..tasks).for_each(|_| spawn(sleep(HOUR)).detach());
            async {}
        })?;
        compare(&format!("{tasks:>2} wait for a lock "), || {
            let lock = Rc::new(RwLock::new(()));
            for _ in 0..tasks {
                let lock = Rc::clone(&lock);
                spawn(async move {
                    yield_now().await;
                    drop(lock.read().await);
                })
                .detach();
            }
            async move {
                let _held = lock.write().await;
                sleep(HOUR).await;
            }
        })?;
    }
    steps()
}

/// Steps of a host loop, beside many tasks that wait.
fn steps() -> std::io::Result<()> {
    const TASKS: u32 = 100_000;
    const STEPS: u32 = 200;
    let mut steps = [Duration::ZERO; 2];
    for (with, took) in [false, true].into_iter().zip(&mut steps) {
        let runtime = Builder::new().report_deadlocks(with).on_lost(|_| {}).build()?;
        (0..TASKS).for_each(|_| runtime.spawn(async { sleep(HOUR).await }).detach());
        runtime.run_until_stalled();
        let yields = async {
            for _ in 0..u64::MAX {
                yield_now().await;
            }
        };
        runtime.spawn(yields).detach();
        *took = median_cpu_time::<11>(|| (0..STEPS).for_each(|_| _ = runtime.try_tick())) / STEPS;
    }
    let title = format!("a step beside {TASKS}");
    print_row(&title, steps);
    Ok(())
}

fn print_row(title: &str, [off, with]: [Duration; 2]) {
    println!("{title}  {off:>10.2?}  {with:>10.2?}  {:>10.2?}", with.saturating_sub(off));
}

/// `others` spawns what waits meanwhile, and gives what a task does that is to have its first turn before them.
fn compare<F: Future<Output = ()> + 'static>(
    title: &str,
    others: impl Fn() -> F,
) -> std::io::Result<()> {
    let mut parks = [Duration::ZERO; 2];
    for (with, took) in [false, true].into_iter().zip(&mut parks) {
        let runtime = Builder::new().report_deadlocks(with).build()?;
        runtime.block_on(async {
            spawn(others()).detach();
            yield_now().await;
            yield_now().await;
        });
        *took = median_cpu_time::<11>(|| {
            runtime.block_on(async {
                for _ in 0..PARKS {
                    sleep(Duration::from_micros(1)).await;
                }
            });
        }) / PARKS;
    }
    print_row(title, parks);
    Ok(())
}
