//! Four threads submit tasks and jobs to one runtime, for a while, and cancel, time out, panic and drop handles at random, while
//! threads of the pool start and leave. Every handle resolves once, nothing submitted is lost or leaked, memory does not grow,
//! and the threads of the pool end.
//!
//! `TAKETURNS_SOAK_SECONDS` says for how long: 2 by default, 20 in the gate. It stands in a file of its own, as it looks at
//! the memory of the whole process.

#![cfg(all(target_os = "linux", feature = "time", feature = "offload"))]

use std::env;
use std::fs;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use taketurns::offload::check_cancelled;
use taketurns::{Builder, Handle, JoinError, OnExit, spawn_blocking, time, yield_now};

const THREADS: u64 = 4;
/// The threads of the pool have this name, a hyphen and a number.
const POOL: &str = "soak-pool";

/// What was submitted, and what became of it.
#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    /// Futures and closures that were made, and those that were dropped.
    made: AtomicU64,
    dropped: AtomicU64,
    /// Outcomes that a thread waited for, of each kind.
    values: AtomicU64,
    cancelled: AtomicU64,
    timed_out: AtomicU64,
    panicked: AtomicU64,
    detached: AtomicU64,
}

/// Owned by each future and closure.
struct Guard(Arc<Counts>);

impl Guard {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.made.fetch_add(1, Relaxed);
        Self(Arc::clone(counts))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Relaxed);
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end
    }

    /// So short that it often passes before, and often after, what it limits.
    fn limit(&mut self) -> Duration {
        Duration::from_micros(self.below(200))
    }
}

/// A job that gives `number`, or stops early if it is asked to.
fn job(guard: Guard, number: u64, rounds: u64) -> impl FnOnce() -> Option<u64> + Send {
    move || {
        let _guard = guard;
        for _ in 0..rounds {
            check_cancelled().ok()?;
            std::hint::spin_loop();
        }
        Some(number)
    }
}

/// A thread that submits until the time is over.
struct Submitter {
    handle: Handle,
    counts: Arc<Counts>,
    random: Random,
}

impl Submitter {
    fn work(mut self) {
        while !self.counts.is_over.load(Relaxed) {
            let number = self.random.below(u64::MAX);
            match self.random.below(11) {
                0 => self.task(number),
                1 => self.task_with_a_limit(),
                2 => self.task_of_another_thread(number),
                3 => self.call(number),
                4 => self.job(number),
                5 => self.aborted_job(number),
                6 => self.job_with_a_limit(number),
                7 => self.job_that_panics(),
                8 => self.detached(number),
                9 => self.dropped_guard(),
                _ => thread::sleep(self.random.limit() * 20), // threads of the pool leave meanwhile
            }
        }
    }

    fn guard(&self) -> Guard {
        Guard::new(&self.counts)
    }

    /// Counts the one outcome of a handle; a value must be `number`.
    fn count(&self, outcome: Result<Option<u64>, JoinError>, number: u64) {
        let counter = match outcome {
            Ok(Some(value)) => {
                assert_eq!(value, number, "the output of another");
                &self.counts.values
            }
            Ok(None) => &self.counts.cancelled, // it was asked, and ended early
            Err(error) if error.is_cancelled() => &self.counts.cancelled,
            Err(error) if error.is_panic() => &self.counts.panicked,
            Err(error) => panic!("{error}"),
        };
        counter.fetch_add(1, Relaxed);
    }

    fn task(&self, number: u64) {
        let guard = self.guard();
        let task = self.handle.spawn(async move {
            let _guard = guard;
            yield_now().await;
            Some(number)
        });
        self.count(task.wait(), number);
    }

    fn task_with_a_limit(&mut self) {
        let (guard, pause) = (self.guard(), self.random.limit());
        let mut task = self.handle.spawn(async move {
            let _guard = guard;
            time::sleep(pause).await;
            Some(7)
        });
        match task.wait_timeout(self.random.limit()) {
            Some(outcome) => self.count(outcome, 7),
            None => self.count(task.abort_and_wait(), 7),
        }
    }

    fn task_of_another_thread(&self, number: u64) {
        let guard = self.guard();
        let task = self.handle.spawn_with(move || async move {
            let local = Rc::new((guard, number));
            yield_now().await;
            Some(local.1)
        });
        self.count(task.wait(), number);
    }

    fn call(&self, number: u64) {
        let guard = self.guard();
        let outcome = self.handle.call(move || {
            let _guard = guard;
            Some(number)
        });
        self.count(outcome, number);
    }

    fn job(&mut self, number: u64) {
        let job = job(self.guard(), number, self.random.below(1000));
        let outcome = self.handle.spawn(async { spawn_blocking(job).await }).wait();
        self.count(outcome.unwrap(), number);
    }

    fn aborted_job(&mut self, number: u64) {
        let job = job(self.guard(), number, self.random.below(1_000_000));
        let pause = self.random.limit();
        let task = self.handle.spawn(async move {
            let job = spawn_blocking(job);
            time::sleep(pause).await;
            job.abort();
            job.await
        });
        self.count(task.wait().unwrap(), number);
    }

    fn job_with_a_limit(&mut self, number: u64) {
        let job = job(self.guard(), number, self.random.below(10_000));
        let limit = self.random.limit();
        let task =
            self.handle.spawn(async move { time::timeout(limit, spawn_blocking(job)).await });
        match task.wait().unwrap() {
            Ok(outcome) => self.count(outcome, number),
            Err(_elapsed) => _ = self.counts.timed_out.fetch_add(1, Relaxed),
        }
    }

    fn job_that_panics(&self) {
        let guard = self.guard();
        let job = move || -> Option<u64> {
            let _guard = guard;
            resume_unwind(Box::new("asked for"))
        };
        let outcome = self.handle.spawn(async { spawn_blocking(job).await }).wait();
        self.count(outcome.unwrap(), 0);
    }

    fn detached(&mut self, number: u64) {
        let job = job(self.guard(), number, self.random.below(1000));
        self.handle.spawn(async { spawn_blocking(job).detach() }).detach();
        self.counts.detached.fetch_add(1, Relaxed);
    }

    /// The guard drops at once, and the task with it, before or in its first turn.
    fn dropped_guard(&self) {
        let guard = self.guard();
        let task = self.handle.spawn(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        drop(task.abort_on_drop());
        self.counts.detached.fetch_add(1, Relaxed);
    }
}

/// How much of this process is in memory, in bytes.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// How many threads the pool has, by their names.
fn pool_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that ends meanwhile has no name any more.
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(POOL)).count()
}

/// The most memory that this process has until `end`.
fn peak_until(end: Instant) -> u64 {
    let mut peak = resident();
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(5));
        peak = peak.max(resident());
    }
    peak
}

#[test]
fn nothing_is_lost_resolved_twice_or_kept() {
    let seconds = env::var("TAKETURNS_SOAK_SECONDS").map_or(2.0, |text| text.parse().unwrap());
    let quarter = Duration::from_secs_f64(seconds) / 4;
    let counts = Arc::new(Counts::default());
    let (give, take) = std::sync::mpsc::channel();
    let home = thread::spawn(move || {
        let runtime = Builder::new()
            .max_blocking_threads(4)
            .thread_keep_alive(Duration::from_millis(1))
            .blocking_thread_name(POOL)
            .on_exit(OnExit::Wait { deadline: Duration::from_secs(60) })
            .build()
            .unwrap();
        give.send(runtime.handle()).unwrap();
        runtime.run_forever();
        runtime.shutdown()
    });
    let handle = take.recv().unwrap();
    let submitters: Vec<_> = (0..THREADS)
        .map(|seed| {
            let (handle, counts) = (handle.clone(), Arc::clone(&counts));
            thread::spawn(move || Submitter { handle, counts, random: Random(seed) }.work())
        })
        .collect();

    let begin = Instant::now();
    peak_until(begin + quarter); // what is warm-up
    let before = peak_until(begin + 2 * quarter);
    peak_until(begin + 3 * quarter);
    let after = peak_until(begin + 4 * quarter);
    counts.is_over.store(true, Relaxed);
    for submitter in submitters {
        submitter.join().expect("each handle gave what it should");
    }

    // The loop still runs. Its pool has nothing to do, so its threads leave.
    let patience = Instant::now() + Duration::from_secs(60);
    while pool_threads() > 0 {
        assert!(Instant::now() < patience, "threads of the pool stay");
        thread::sleep(Duration::from_millis(1));
    }
    handle.stop();
    let report = home.join().unwrap();
    assert!(report.lost().is_empty() && report.still_running().is_empty(), "{report}");

    let count = |counter: &AtomicU64| counter.load(Relaxed);
    let kinds =
        [&counts.values, &counts.cancelled, &counts.timed_out, &counts.panicked, &counts.detached];
    let [values, cancelled, timed_out, panicked, detached] = kinds.map(count);
    println!(
        "{} submitted: {values} values, {cancelled} cancelled, {timed_out} timed out, \
         {panicked} panicked, {detached} detached; memory {before} then {after} bytes",
        count(&counts.made)
    );
    assert_eq!(values + cancelled + timed_out + panicked + detached, count(&counts.made));
    assert_eq!(count(&counts.dropped), count(&counts.made), "each was dropped once");
    assert!(kinds.iter().all(|kind| count(kind) > 0), "each kind has come");
    assert!(after < before + (1 << 20), "memory grew from {before} to {after} bytes");
}
