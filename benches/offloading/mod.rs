//! Blocking jobs on the thread pools of the systems that have one: at once, one at a time, and submitted by other threads.
//!
//! A job does next to nothing, so a number is the cost of the way to a thread of the pool and back. [`work`] is a job that
//! computes: what is left of that cost beside a job of some microseconds.

#![forbid(unsafe_code)]

mod pools;

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;

use crate::system::{Sleeps, Spawn};

/// Runs blocking jobs on other threads.
pub trait Offloads: Spawn {
    /// What a thread outside of the loop submits jobs with.
    type Submitter: Submits;

    /// Starts a job at once; the future returned waits for its output.
    fn spawn_blocking<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static;

    /// For another thread, called inside of the loop.
    fn submitter(&self) -> Self::Submitter;
}

/// Submits jobs from any thread.
pub trait Submits: Clone + Send + 'static {
    /// Starts a job at once; the future returned waits for its output, on any thread.
    fn submit<T, J>(&self, job: J) -> impl Future<Output = T>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static;
}

/// Threads in [`by_four_threads`].
const SUBMITTERS: u64 = 4;

/// Starts so many jobs, then awaits them in that order. Returns how many gave their own number.
pub async fn at_once<S: Offloads>(spawner: S, jobs: u64) -> u64 {
    let handles: Vec<_> = (0..jobs).map(|job| spawner.spawn_blocking(move || job)).collect();
    let mut done = 0;
    for (job, handle) in (0..).zip(handles) {
        done += u64::from(handle.await == job);
    }
    done
}

/// As [`at_once`], with jobs that [`work`] first.
pub async fn computing_at_once<S: Offloads>(spawner: S, jobs: u64, steps: u64) -> u64 {
    let job = |job: u64| {
        spawner.spawn_blocking(move || {
            work(steps);
            job
        })
    };
    let handles: Vec<_> = (0..jobs).map(job).collect();
    let mut done = 0;
    for (job, handle) in (0..).zip(handles) {
        done += u64::from(handle.await == job);
    }
    done
}

/// Starts a job and awaits it, so many times. Returns how many gave their own number.
pub async fn one_at_a_time<S: Offloads>(spawner: S, jobs: u64) -> u64 {
    let mut done = 0;
    for job in 0..jobs {
        done += u64::from(spawner.spawn_blocking(move || job).await == job);
    }
    done
}

/// Four threads outside of the loop start a quarter of the jobs each, and wait for them. Returns how many gave their own
/// number.
pub async fn by_four_threads<S: Offloads>(spawner: S, jobs: u64) -> u64 {
    let threads = [(); SUBMITTERS as usize].map(|()| {
        let submitter = spawner.submitter();
        let (ends, end) = oneshot::channel();
        let thread = thread::spawn(move || {
            let done = submit_and_wait(&submitter, jobs / SUBMITTERS);
            ends.send(done)
        });
        (thread, end)
    });
    let mut done = 0;
    for (thread, end) in threads {
        done += end.await.expect("a submitting thread panicked");
        thread.join().expect("it has sent, and ends").expect("it was awaited");
    }
    done
}

fn submit_and_wait(submitter: &impl Submits, jobs: u64) -> u64 {
    let handles: Vec<_> = (0..jobs).map(|job| submitter.submit(move || job)).collect();
    let waits = (0..).zip(handles);
    let outputs = waits.map(|(job, handle)| futures::executor::block_on(handle) == job);
    outputs.map(u64::from).sum()
}

/// A task sleeps for 1 ms, so many times, beside so many jobs that compute. Returns how late each sleep ended.
pub async fn beats_beside<S: Offloads + Sleeps>(
    spawner: S,
    jobs: usize,
    beats: usize,
) -> Vec<Duration> {
    let mut late = Vec::with_capacity(beats);
    beside(spawner, jobs, async {
        for _ in 0..beats {
            let begin = Instant::now();
            S::sleep(PERIOD).await;
            late.push(begin.elapsed().saturating_sub(PERIOD));
        }
    })
    .await;
    late
}

/// A task yields for so long, beside so many jobs that compute. Returns how often.
pub async fn yields_beside<S: Offloads + Sleeps>(spawner: S, jobs: usize, span: Duration) -> u64 {
    let mut yields = 0;
    beside(spawner, jobs, async {
        let begin = Instant::now();
        while begin.elapsed() < span {
            S::yield_now().await;
            yields += 1;
        }
    })
    .await;
    yields
}

const PERIOD: Duration = Duration::from_millis(1);

/// So many jobs compute on the pool, all of them from before the task begins until it is done.
async fn beside<S: Offloads + Sleeps>(spawner: S, jobs: usize, task: impl Future<Output = ()>) {
    let running = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let job = |_| {
        let (running, is_over) = (Arc::clone(&running), Arc::clone(&is_over));
        spawner.spawn_blocking(move || {
            running.fetch_add(1, Ordering::Relaxed);
            while !is_over.load(Ordering::Relaxed) {
                work(1000);
            }
        })
    };
    let handles: Vec<_> = (0..jobs).map(job).collect();
    while running.load(Ordering::Relaxed) < jobs {
        S::sleep(PERIOD).await;
    }
    task.await;
    is_over.store(true, Ordering::Relaxed);
    for handle in handles {
        handle.await;
    }
}

/// Computes: so many steps, each of which needs the result of the one before.
pub fn work(steps: u64) {
    let mut number = 1_u64;
    for _ in 0..steps {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;
    use crate::systems::{SmolLocalExecutor, Taketurns, TokioCurrentThread};

    fn run<S: System<Spawner: Offloads>, W: Future<Output = u64> + 'static>(
        workload: impl FnOnce(S::Spawner) -> W,
    ) -> u64 {
        S::new().expect("it can run here").run(workload)
    }

    #[test]
    fn every_job_gives_its_own_output() {
        fn check<S: System<Spawner: Offloads>>() {
            assert_eq!(run::<S, _>(|spawner| at_once(spawner, 1000)), 1000, "{}", S::NAME);
            assert_eq!(run::<S, _>(|spawner| one_at_a_time(spawner, 100)), 100, "{}", S::NAME);
            assert_eq!(run::<S, _>(|spawner| computing_at_once(spawner, 100, 10)), 100);
        }
        check::<Taketurns>();
        check::<TokioCurrentThread>();
        check::<SmolLocalExecutor>();
    }

    #[test]
    fn a_loop_goes_on_beside_jobs_that_end_with_it() {
        fn check<S: System<Spawner: Offloads + Sleeps>>() {
            let mut system = S::new().expect("it can run here");
            for jobs in [0, 2] {
                let late = system.run(|spawner| beats_beside(spawner, jobs, 3));
                assert_eq!(late.len(), 3, "{}", S::NAME);
                let yields = system.run(|spawner| yields_beside(spawner, jobs, PERIOD));
                assert!(yields > 0, "{}", S::NAME);
            }
        }
        check::<Taketurns>();
        check::<TokioCurrentThread>();
        check::<SmolLocalExecutor>();
    }

    #[test]
    fn every_job_that_a_thread_submits_gives_its_own_output() {
        fn check<S: System<Spawner: Offloads>>() {
            assert_eq!(run::<S, _>(|spawner| by_four_threads(spawner, 1000)), 1000, "{}", S::NAME);
        }
        check::<Taketurns>();
        check::<TokioCurrentThread>();
        check::<SmolLocalExecutor>();
    }
}
