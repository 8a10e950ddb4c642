//! `cargo run --profile bench -p taketurns-benches --features peers --bin remote`: what it costs to reach a loop from
//! another thread.
//!
//! **Measured**, in time on the wall: the latency of a wake of a loop that has been idle for 20 us, and for 1 ms (medians of
//! some hundred wakes, by a thread that never sleeps, so each side has a core); a question to a thread that waits for it,
//! and its answer by a oneshot channel of futures, which is two switches between threads; and each of 1,000,000 tasks that
//! a thread sends to a loop that runs them meanwhile, also in CPU time of all threads. The process runs each but the first
//! two some times, after a run that does not count, and tells the medians; each system in a process of its own, in turn,
//! many rounds. In the rows with an adaptive wait, ours has one of 50 us, and the others are as they were.
//!
//! **Read with it**: the longer a core has been idle the longer it takes to begin, and on a virtual machine the host has a
//! part in that: a wake takes 3 us if other programs keep the cores awake, and 70 if not. On two cores, another program's
//! load is in these numbers more than in any other table.
//!
//! **Not claimed**: that a system without a number could not be reached some other way. tokio's LocalSet and LocalRuntime,
//! smol's LocalExecutor, LocalPool, compio and glommio take no tasks from other threads, only wakes. monoio takes wakes with
//! a feature that is not turned on here, since it makes its other wakes dearer. Tasks that are not `Send` go to a runtime
//! of the pool of tokio-util, which has one thread here; smol's executor takes none.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use taketurns::Handle;
use taketurns_benches::cpu::median_wall_and_process;
use taketurns_benches::for_each_woken_when_idle;
use taketurns_benches::sending::{made_for_a_thread, sent_by_a_thread};
use taketurns_benches::side_by_side::{self, Asked, Column, Error, Measure};
use taketurns_benches::system::System;
use taketurns_benches::systems::{SmolExecutor, Taketurns, TaketurnsAdaptive, TokioCurrentThread};
use taketurns_benches::waking::{answered_by_a_thread, woken_when_idle};
use tokio_util::task::LocalPoolHandle;

const TOKIO: &[&str] = &["tokio_current_thread"];
const LOCAL_POOL: &[&str] = &["tokio-util_LocalPool"];
const PEERS: &[&str] = &[
    "tokio_current_thread",
    "tokio_LocalSet",
    "tokio_LocalRuntime",
    "smol_LocalExecutor",
    "futures_LocalPool",
    "compio",
    "glommio",
];

const COLUMNS: [Column; 9] = [
    Column::compared("a wake of a loop that was idle for 20 us, ns"),
    Column::compared("the same, with an adaptive wait").asked(Asked::AtMost(2000.0)),
    Column::compared("a wake of a loop that was idle for 1 ms, ns"),
    Column::compared("asked of a thread, and answered by a oneshot, ns")
        .asked(Asked::TimesOf(&[(PEERS, 1.0 / 1.05)])),
    Column::compared("the same, with an adaptive wait"),
    Column::compared("1,000,000 tasks sent by a thread: each, ns")
        .asked(Asked::TimesOf(&[(TOKIO, 2.0)])),
    Column::compared("the same, ns of CPU time of all threads"),
    Column::compared("1,000,000 tasks that are not Send, made for a thread: each, ns")
        .asked(Asked::TimesOf(&[(LOCAL_POOL, 1.0)])),
    Column::compared("the same, ns of CPU time of all threads"),
];
const ROUNDS: usize = 11;

/// Measured runs of a workload in one process.
const RUNS: usize = 3;

const WAKES: u64 = 500;
const QUESTIONS: u64 = 1000;
const TASKS: u64 = 1_000_000;

/// What a system does not have.
const NONE: [f64; 2] = [f64::NAN; 2];

fn main() -> ExitCode {
    let mut entrants: Vec<(&str, Measure)> = vec![
        (Taketurns::NAME, ours),
        (TokioCurrentThread::NAME, tokio),
        (SmolExecutor::NAME, smol),
        (LOCAL_POOL[0], local_pool),
    ];
    for_each_woken_when_idle!(|S| {
        if entrants.iter().all(|(name, _)| *name != S::NAME) {
            entrants.push((S::NAME, || Ok([reached(&mut S::new()?), vec![f64::NAN; 4]].concat())));
        }
    });
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn ours() -> Result<Vec<f64>, Error> {
    let on = &mut Taketurns::new()?;
    let adaptive = &mut TaketurnsAdaptive::new()?;
    let mut numbers = reached(on);
    numbers[1] = wake(adaptive, SHORT);
    numbers[4] = answer(adaptive);
    let sent = each(TASKS, || on.run(|_| sent_by_a_thread(Handle::current, TASKS)));
    let made = each(TASKS, || on.run(|_| made_for_a_thread(Handle::current, TASKS)));
    Ok([&numbers[..], &sent, &made].concat())
}

fn tokio() -> Result<Vec<f64>, Error> {
    use tokio::runtime::Handle;
    let on = &mut TokioCurrentThread::new()?;
    let numbers = reached(on);
    let sent = each(TASKS, || on.run(|_| sent_by_a_thread(Handle::current, TASKS)));
    Ok([&numbers[..], &sent, &NONE].concat())
}

fn smol() -> Result<Vec<f64>, Error> {
    let on = &mut SmolExecutor::new()?;
    let numbers = reached(on);
    let sent = each(TASKS, || on.run(|spawner| sent_by_a_thread(|| spawner, TASKS)));
    Ok([&numbers[..], &sent, &NONE].concat())
}

fn local_pool() -> Result<Vec<f64>, Error> {
    let on = &mut TokioCurrentThread::new()?;
    let pool = LocalPoolHandle::new(1);
    let made = each(TASKS, || {
        let pool = pool.clone();
        on.run(|_| made_for_a_thread(|| pool, TASKS))
    });
    Ok([&[f64::NAN; 7][..], &made].concat())
}

const SHORT: Duration = Duration::from_micros(20);
const LONG: Duration = Duration::from_millis(1);

/// The first five columns, without an adaptive wait.
fn reached<S: System>(on: &mut S) -> Vec<f64> {
    let (short, long, answer) = (wake(on, SHORT), wake(on, LONG), answer(on));
    vec![short, short, long, answer, answer]
}

/// Nanoseconds of the median wake.
fn wake<S: System>(on: &mut S, idle: Duration) -> f64 {
    let mut latencies = on.run(|spawner| woken_when_idle(spawner, WAKES, idle));
    latencies.sort();
    latencies[latencies.len() / 2].as_nanos() as f64
}

fn answer<S: System>(on: &mut S) -> f64 {
    each(QUESTIONS, || on.run(|spawner| answered_by_a_thread(spawner, QUESTIONS)))[0]
}

/// Nanoseconds of each operation in the median run: on the wall, and of CPU time of all threads.
fn each(operations: u64, mut run: impl FnMut() -> u64) -> [f64; 2] {
    let run = || assert_eq!(run(), operations, "work was left undone");
    median_wall_and_process::<RUNS>(run).map(|time| time.as_nanos() as f64 / operations as f64)
}
