//! `cargo run --release -p taketurns-benches --bin away`: 10,000,000 wakes of 1000 tasks from 4 other
//! threads.
//!
//! **Checked**: that no wake is lost. Before each wake a thread writes the wake's number for the task; the
//! task writes down the numbers it sees on each poll. After each million, when the threads are done and the
//! loop has come to rest, each task must have seen the last number of each thread, or this panics (or hangs,
//! when the wake that is lost is the one that says that a thread is done). The numbers are relaxed: that a
//! poll sees them is the wake's doing.
//!
//! **Measured**: wall-clock nanoseconds a wake, from the first of a million to the poll after the last; how
//! many polls that took, as several wakes before a poll are one; how much the process grew after the first
//! million. Half the wakes are `wake_by_ref`, half are a clone and a `wake`. Each system in a process of its
//! own, several times in turn.
//!
//! **Not claimed**: the latency of one wake. Nobody waits for the tasks here: the threads wake as fast as
//! they can, mostly tasks that are woken already, and how many polls come of it depends on how many cores
//! there are for five threads.

#![forbid(unsafe_code)]

use std::array;
use std::future::poll_fn;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use taketurns_benches::for_each_woken_from_away;
use taketurns_benches::resident::resident;
use taketurns_benches::side_by_side::{self, Column, Error, Measure};
use taketurns_benches::system::{Spawn, System};

const TASKS: usize = 1000;
const THREADS: usize = 4;

const COLUMNS: [Column; 3] = [
    Column::compared("ns a wake"),
    Column::told("million polls"),
    Column::told("KiB grown after the first million"),
];
const ROUNDS: usize = 5;

/// Each thread wakes each task so often in a stage: a million wakes in all.
const ROUNDS_A_STAGE: u64 = 250;
const STAGES: u64 = 10;

/// Yields within which the loop must come to rest: far more than any system here needs for 1000 tasks.
const PATIENCE: usize = 10_000;

fn main() -> ExitCode {
    let mut entrants = Vec::new();
    for_each_woken_from_away!(|S| entrants.push((S::NAME, measure::<S> as Measure)));
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System>() -> Result<Vec<f64>, Error> {
    let outcome = S::new()?.run(|spawner| wake_from_away(spawner, STAGES, ROUNDS_A_STAGE));
    let wakes = (TASKS * THREADS) as u64 * STAGES * ROUNDS_A_STAGE;
    Ok(vec![
        outcome.elapsed.as_nanos() as f64 / wakes as f64,
        outcome.polls as f64 / 1e6,
        outcome.growth as f64 / 1024.0,
    ])
}

struct Outcome {
    elapsed: Duration,
    polls: u64,
    /// Bytes from the end of the first stage to the largest after it.
    growth: u64,
}

async fn wake_from_away<S: Spawn>(spawner: S, stages: u64, rounds: u64) -> Outcome {
    let board = Arc::new(Board::new());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let board = Arc::clone(&board);
            spawner.spawn(poll_fn(move |cx| board.tasks[task].poll(cx, &board.closing)))
        })
        .collect();
    let last = spawner.spawn(async {});
    last.await; // first in, first out: the others have left their wakers

    let mut elapsed = Duration::ZERO;
    let mut residents = Vec::new();
    for stage in 0..stages {
        let start = Instant::now();
        wake_in_threads(&board, stage * rounds, rounds).await;
        come_to_rest::<S>(&board, (stage + 1) * rounds).await;
        elapsed += start.elapsed();
        residents.push(resident());
    }

    board.close();
    let mut polls = 0;
    for task in tasks {
        polls += task.await;
    }
    let largest = residents[1..].iter().max().unwrap_or(&residents[0]);
    Outcome { elapsed, polls, growth: largest.saturating_sub(residents[0]) }
}

/// All threads wake all tasks this often, and are done.
async fn wake_in_threads(board: &Arc<Board>, before: u64, rounds: u64) {
    let threads = array::from_fn::<_, THREADS, _>(|me| {
        let board = Arc::clone(board);
        let (done, is_done) = oneshot::channel();
        let thread = thread::spawn(move || {
            (before + 1..=before + rounds).for_each(|number| board.wake_all(me, number));
            done.send(())
        });
        (thread, is_done)
    });
    for (thread, is_done) in threads {
        is_done.await.expect("a waking thread panicked");
        thread.join().expect("a waking thread panicked").expect("nobody waits for it");
    }
}

/// Waits for the polls that are still to come.
async fn come_to_rest<S: Spawn>(board: &Board, number: u64) {
    for _ in 0..PATIENCE {
        if board.tasks.iter().all(|task| task.has_seen(number)) {
            return;
        }
        S::yield_now().await;
    }
    let behind = board.tasks.iter().filter(|task| !task.has_seen(number)).count();
    panic!("a wake was lost: {behind} tasks did not see number {number} of each thread");
}

/// What tasks and threads share.
struct Board {
    tasks: Vec<Task>,
    closing: AtomicBool,
}

impl Board {
    fn new() -> Self {
        let tasks = (0..TASKS).map(|_| Task::default()).collect();
        Self { tasks, closing: AtomicBool::new(false) }
    }

    /// Wakes each task once. Every thread begins somewhere else.
    fn wake_all(&self, me: usize, number: u64) {
        let (before, from_here) = self.tasks.split_at(me * TASKS / THREADS);
        for task in from_here.iter().chain(before) {
            task.told.0[me].store(number, Ordering::Relaxed);
            let waker = task.waker();
            if number & 1 == 0 {
                waker.wake_by_ref();
            } else {
                let own = waker.clone();
                own.wake();
            }
        }
    }

    /// Lets the tasks end.
    fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.tasks.iter().for_each(|task| task.waker().wake_by_ref());
    }
}

/// A number for each thread, apart from what others write.
#[derive(Default)]
#[repr(align(64))]
struct Numbers([AtomicU64; THREADS]);

#[derive(Default)]
struct Task {
    /// By the threads, each its own.
    told: Numbers,
    /// By the task.
    seen: Numbers,
    polls: AtomicU64,
    waker: OnceLock<Waker>,
}

impl Task {
    /// Sees what it is told; when closing, ends with how often it was polled.
    fn poll(&self, cx: &Context<'_>, closing: &AtomicBool) -> Poll<u64> {
        let polls = self.polls.load(Ordering::Relaxed);
        if closing.load(Ordering::Relaxed) {
            return Poll::Ready(polls);
        }
        self.polls.store(polls + 1, Ordering::Relaxed);
        self.waker.get_or_init(|| cx.waker().clone());
        for (told, seen) in self.told.0.iter().zip(&self.seen.0) {
            seen.store(told.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Poll::Pending
    }

    fn has_seen(&self, number: u64) -> bool {
        self.seen.0.iter().all(|seen| seen.load(Ordering::Relaxed) == number)
    }

    fn waker(&self) -> &Waker {
        self.waker.get().expect("each task was polled before the threads began")
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn no_system_loses_a_wake() {
        fn wakes<S: System>() {
            let mut system = S::new().expect("the system cannot run here");
            let outcome = system.run(|spawner| wake_from_away(spawner, 2, 5));
            let first_polls_and_one_a_stage = TASKS as u64 * 3;
            assert!(outcome.polls >= first_polls_and_one_a_stage, "{}", S::NAME);
        }
        for_each_woken_from_away!(|S| wakes::<S>());
    }
}
