//! The executor's own cost, for a before and an after of one machine: `cargo bench -p taketurns-benches`, by
//! Criterion, which keeps a baseline (`-- --save-baseline`). `bin/ratios.rs` is what compares the systems: it
//! measures them in turn, and this one after another.
//!
//! **Measured**: wall-clock time per operation on one thread, as medians of one Criterion run, for
//! the workloads of `workloads.rs` on the systems of `systems/`. Every system gets the same
//! function. Runtimes are made outside of the timed part; the tasks a workload spawns are inside.
//! What awaits them is itself a task, or else the root of `block_on`, whichever costs the system less: the
//! root with `tokio::spawn`, where a task must be `Send`, on `LocalPool` and on compio. Each yields
//! by its own `yield_now`, or by waking itself where it has none; on monoio that is no yield, so there it
//! spawns a task and awaits it. tokio's defers the wake; a plain self-wake would be somewhat cheaper
//! there (10 to 15 % off tokio's best when this was written), but it is not what a program calls.
//!
//! **The floor**: a `VecDeque` of boxed closures, popped, called and pushed back, costs a few
//! nanoseconds a turn; newly boxed each time it costs the allocator's price as well, tens of
//! nanoseconds. Only recycling gets below the second.
//!
//! **Not claimed**: that a program gets faster by these ratios, since programs do more than spawn
//! and yield. Nothing is said here of I/O, timers, blocking work, memory, latency under load, or
//! wakes from other threads. Nanoseconds of different machines, or of different runs, do not
//! compare; ratios within a run do, on an idle machine. `LocalPool` pays for `RemoteHandle`, its
//! way to await a task, in every turn of a task, not only when it is joined.

#![forbid(unsafe_code)]

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use taketurns_benches::for_each_system;
use taketurns_benches::system::System;
use taketurns_benches::workloads::{PingPong, SpawnJoin, SpawnOne, Workload, YieldMany};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .sample_size(40)
        .nresamples(10_000)
        .configure_from_args();
    measure::<SpawnOne>(&mut criterion);
    measure::<SpawnJoin>(&mut criterion);
    measure::<YieldMany>(&mut criterion);
    measure::<PingPong>(&mut criterion);
    criterion.final_summary();
}

fn measure<W: Workload>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(W::NAME);
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(W::OPERATIONS));
    for_each_system!(|S| measure_on::<W, S>(&mut group));
    group.finish();
}

fn measure_on<W: Workload, S: System>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let mut system = match S::new() {
        Ok(system) => system,
        Err(reason) => return eprintln!("{} cannot run here: {reason}", S::NAME),
    };
    group.bench_function(S::NAME, |bencher| {
        let mut run = || system.run(|spawner| W::run(spawner, W::OPERATIONS));
        assert_eq!(run(), W::OPERATIONS, "{} left work of {} undone", S::NAME, W::NAME);
        bencher.iter(run);
    });
}
