//! `cargo run --profile bench -p taketurns-benches --bin sync`: what it costs to wait for each other, beside the
//! primitives of other crates.
//!
//! **Measured**: nanoseconds of CPU time an operation of the workloads of `syncing/`, on one thread. An entrant is a
//! crate's primitives on a runtime: ours on ours, tokio's on its `LocalSet`, async-channel on smol's `LocalExecutor`; and
//! "here" are the primitives of other crates on our executor, which tells the primitive's cost from the executor's.
//! local-sync and async-unsync are made for one thread, as ours are. A process makes one run of each workload that is not
//! measured, then several that are, of which it tells the median; each entrant in a process of its own, in turn, many
//! rounds.
//!
//! **Read with it**: a wait costs a turn, so the rows with waits contain the executor's own cost (`bin/ratios.rs`). A task
//! that holds something yields once while it holds it, and that yield is inside. tokio and ours have a budget, by which a
//! task that is never kept waiting gives way every 128 operations; the others have none. What a crate does not have has no
//! number.
//!
//! **Not claimed**: that the primitives can do the same. Those of tokio, async-channel and futures also work between
//! threads, which is most of what they cost here, and ours never do. local-sync's channel has many senders and one
//! receiver, and so have tokio's and async-unsync's; ours and async-channel's have many of both. Nothing is said of
//! channels under other load than one sender and one receiver that both are always ready, nor of memory.

#![forbid(unsafe_code)]

use std::future::Future;
use std::process::ExitCode;

use taketurns_benches::cpu::median_cpu_time;
use taketurns_benches::side_by_side::{self, Asked, Column, Error, Measure};
use taketurns_benches::syncing::groups::{
    Children, Tasks, spawned_and_awaited, woken_one_at_a_time,
};
use taketurns_benches::syncing::peers::{
    AsyncChannel, AsyncUnsync, Futures, LocalSync, NotifyWaiters, Ours, PlainSpawn, Tokio,
};
use taketurns_benches::syncing::{
    Channel, Event, Mutex, Notify, Oneshot, Semaphore, SpawnLocal, acquires, by_oneshots,
    contended_acquires, contended_locks, locks, notifications, through_a_channel,
    woken_all_at_once,
};
use taketurns_benches::system::System;
use taketurns_benches::systems::{SmolLocalExecutor, Taketurns, TokioLocalSet};

const TOKIO: &[&str] = &["tokio_on_LocalSet"];
const ASYNC_CHANNEL: &[&str] = &["async-channel_on_smol"];
/// Those made for one thread, on our executor.
const LOCAL: &[&str] = &["local-sync_here", "async-unsync_here"];
const PLAIN: &[&str] = &["plain_spawn_here"];
const FUTURES: &[&str] = &["futures_here"];

/// At most 0.35 of tokio's, and no more than the best of those made for one thread.
const AS_ASKED: Asked = Asked::TimesOf(&[(TOKIO, 1.0 / 0.35), (LOCAL, 1.0)]);

const COLUMNS: [Column; 10] = [
    Column::compared("channel: a value through bounded(16), between two tasks, ns").asked(
        Asked::TimesOf(&[(TOKIO, 1.0 / 0.35), (ASYNC_CHANNEL, 1.0 / 0.35), (LOCAL, 1.0 / 0.8)]),
    ),
    Column::compared("oneshot: make, send, await, ns").asked(AS_ASKED),
    Column::compared("semaphore: acquire and give back, ns").asked(AS_ASKED),
    Column::compared("semaphore: 100 tasks on 10 permits, ns").asked(AS_ASKED),
    Column::compared("mutex: lock and unlock, ns").asked(AS_ASKED),
    Column::compared("mutex: 100 tasks on one, ns").asked(AS_ASKED),
    Column::compared("notify: two tasks wake each other, ns").asked(AS_ASKED),
    Column::compared("event: each of 10,000 waiters woken at once, ns")
        .asked(Asked::TimesOf(&[(TOKIO, 1.0 / 0.4)])),
    Column::compared("a task of 1000 borrowing children, one woken at a time, ns")
        .asked(Asked::TimesOf(&[(FUTURES, 1.0 / 0.5)])),
    Column::compared("1000 tasks spawned and awaited as a group, each, ns")
        .asked(Asked::TimesOf(&[(PLAIN, 1.0 / 1.2)])),
];
const ROUNDS: usize = 21;

/// Measured runs of a workload in one process.
const RUNS: usize = 9;

const CAPACITY: usize = 16;
const TIMES: u64 = 100_000;

fn main() -> ExitCode {
    let entrants: [(&str, Measure); 8] = [
        ("taketurns", ours),
        ("tokio_on_LocalSet", tokio),
        ("async-channel_on_smol", async_channel_on_smol),
        ("async-channel_here", async_channel_here),
        ("local-sync_here", local_sync),
        ("async-unsync_here", async_unsync),
        ("futures_here", futures),
        ("plain_spawn_here", plain_spawn),
    ];
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

/// What a crate does not have.
const NONE: f64 = f64::NAN;

fn ours() -> Result<Vec<f64>, Error> {
    let on = &mut Taketurns::new()?;
    let channels = [channel::<_, Ours>(on), oneshot::<_, Ours>(on)];
    let semaphore = semaphore::<_, taketurns::sync::Semaphore>(on);
    let mutex = mutex::<_, taketurns::sync::Mutex<u64>>(on);
    let notify = notify::<_, taketurns::sync::Notify>(on);
    let event = event::<_, taketurns::sync::Event>(on);
    let groups = [children::<_, Ours>(on), tasks::<Ours>(on)];
    Ok([&channels[..], &semaphore, &mutex, &[notify, event], &groups].concat())
}

fn tokio() -> Result<Vec<f64>, Error> {
    let on = &mut TokioLocalSet::new()?;
    let channels = [channel::<_, Tokio>(on), oneshot::<_, Tokio>(on)];
    let semaphore = semaphore::<_, tokio::sync::Semaphore>(on);
    let mutex = mutex::<_, tokio::sync::Mutex<u64>>(on);
    let notify = notify::<_, tokio::sync::Notify>(on);
    let event = event::<_, NotifyWaiters>(on);
    Ok([&channels[..], &semaphore, &mutex, &[notify, event, NONE, NONE]].concat())
}

fn async_channel_on_smol() -> Result<Vec<f64>, Error> {
    let channel = channel::<_, AsyncChannel>(&mut SmolLocalExecutor::new()?);
    Ok([&[channel][..], &[NONE; 9]].concat())
}

fn async_channel_here() -> Result<Vec<f64>, Error> {
    let channel = channel::<_, AsyncChannel>(&mut Taketurns::new()?);
    Ok([&[channel][..], &[NONE; 9]].concat())
}

fn local_sync() -> Result<Vec<f64>, Error> {
    let on = &mut Taketurns::new()?;
    let channels = [channel::<_, LocalSync>(on), oneshot::<_, LocalSync>(on)];
    let semaphore = semaphore::<_, local_sync::semaphore::Semaphore>(on);
    Ok([&channels[..], &semaphore, &[NONE; 6]].concat())
}

fn async_unsync() -> Result<Vec<f64>, Error> {
    let on = &mut Taketurns::new()?;
    let channels = [channel::<_, AsyncUnsync>(on), oneshot::<_, AsyncUnsync>(on)];
    let semaphore = semaphore::<_, async_unsync::semaphore::Semaphore>(on);
    Ok([&channels[..], &semaphore, &[NONE; 6]].concat())
}

fn futures() -> Result<Vec<f64>, Error> {
    let on = &mut Taketurns::new()?;
    let channels = [channel::<_, Futures>(on), oneshot::<_, Futures>(on)];
    let mutex = mutex::<_, futures::lock::Mutex<u64>>(on);
    let children = children::<_, Futures>(on);
    Ok([&channels[..], &[NONE; 2], &mutex, &[NONE; 2], &[children, NONE]].concat())
}

fn plain_spawn() -> Result<Vec<f64>, Error> {
    Ok([&[NONE; 9][..], &[tasks::<PlainSpawn>(&mut Taketurns::new()?)]].concat())
}

fn channel<S: System<Spawner: SpawnLocal>, C: Channel + 'static>(on: &mut S) -> f64 {
    median(on, TIMES, |spawner| through_a_channel::<_, C>(spawner, CAPACITY, TIMES))
}

fn oneshot<S: System<Spawner: SpawnLocal>, O: Oneshot + 'static>(on: &mut S) -> f64 {
    median(on, TIMES, |_| by_oneshots::<O>(TIMES))
}

/// Uncontended, then contended.
fn semaphore<S: System<Spawner: SpawnLocal>, P: Semaphore>(on: &mut S) -> [f64; 2] {
    let contended = |spawner| contended_acquires::<_, P>(spawner, TIMES);
    [median(on, TIMES, |_| acquires::<P>(TIMES)), median(on, TIMES, contended)]
}

/// Uncontended, then contended.
fn mutex<S: System<Spawner: SpawnLocal>, M: Mutex>(on: &mut S) -> [f64; 2] {
    let contended = |spawner| contended_locks::<_, M>(spawner, TIMES);
    [median(on, TIMES, |_| locks::<M>(TIMES)), median(on, TIMES, contended)]
}

fn notify<S: System<Spawner: SpawnLocal>, N: Notify>(on: &mut S) -> f64 {
    median(on, TIMES, |spawner| notifications::<_, N>(spawner, TIMES))
}

fn event<S: System<Spawner: SpawnLocal>, E: Event>(on: &mut S) -> f64 {
    median(on, TIMES, |spawner| woken_all_at_once::<_, E>(spawner, TIMES))
}

fn children<S: System<Spawner: SpawnLocal>, C: Children + 'static>(on: &mut S) -> f64 {
    median(on, TIMES, |spawner| woken_one_at_a_time::<_, C>(spawner, TIMES))
}

fn tasks<T: Tasks + 'static>(on: &mut Taketurns) -> f64 {
    median(on, TIMES, |_| spawned_and_awaited::<T>(TIMES))
}

/// Nanoseconds an operation of the median run.
fn median<S: System, W: Future<Output = u64> + 'static>(
    on: &mut S,
    times: u64,
    workload: impl Fn(S::Spawner) -> W,
) -> f64 {
    let median = median_cpu_time::<RUNS>(|| {
        assert_eq!(on.run(&workload), times, "{} left work undone", S::NAME);
    });
    median.as_nanos() as f64 / times as f64
}
