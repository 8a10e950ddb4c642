//! How much of a processor a run has used, and how long it took.
//!
//! Most figures are of one thread that has always something to do, so on a machine with nothing else to do its CPU time
//! is the time on the wall. On any other it is fairer: the longer a run, the more often it is interrupted, so
//! time on the wall would count against the slower system. Where threads work together it is the time on the wall that
//! counts, and the CPU time of the process says what it cost.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The CPU time this thread uses while it runs this.
pub fn cpu_time(run: impl FnOnce()) -> Duration {
    used(ClockId::ThreadCPUTime, run)
}

/// The CPU time this thread has used so far.
pub fn thread_time() -> Duration {
    now(ClockId::ThreadCPUTime)
}

/// The CPU time all threads of this process use while this one runs this.
pub fn process_cpu_time(run: impl FnOnce()) -> Duration {
    used(ClockId::ProcessCPUTime, run)
}

/// The time on the wall that this takes.
pub fn wall_time(run: impl FnOnce()) -> Duration {
    let before = Instant::now();
    run();
    before.elapsed()
}

/// The CPU time of each of some runs, after one that is not measured; of these the median.
pub fn median_cpu_time<const RUNS: usize>(mut run: impl FnMut()) -> Duration {
    run();
    median(&mut [(); RUNS].map(|()| cpu_time(&mut run)))
}

/// The time on the wall and the CPU time of all threads, of each of some runs, after one that is not measured; of both the
/// median.
pub fn median_wall_and_process<const RUNS: usize>(mut run: impl FnMut()) -> [Duration; 2] {
    run();
    let mut walls = [Duration::ZERO; RUNS];
    let mut used = walls.each_mut().map(|wall| process_cpu_time(|| *wall = wall_time(&mut run)));
    [&mut walls, &mut used].map(median)
}

fn median<const RUNS: usize>(times: &mut [Duration; RUNS]) -> Duration {
    times.sort();
    times[RUNS / 2]
}

fn used(clock: ClockId, run: impl FnOnce()) -> Duration {
    let before = now(clock);
    run();
    now(clock).saturating_sub(before)
}

fn now(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().expect("no less than nothing was used")
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::offloading::work;

    #[test]
    fn what_a_thread_waits_for_is_not_in_its_cpu_time() {
        let span = Duration::from_millis(20);
        let used = cpu_time(|| thread::sleep(span));
        assert!(used < span, "{used:?}");
    }

    #[test]
    fn what_a_thread_computes_is_in_its_cpu_time() {
        let ms = Duration::from_millis(1);
        let used = cpu_time(|| {
            let now = || now(ClockId::ThreadCPUTime);
            let before = now();
            while now() - before < ms {}
        });
        assert!(used >= ms, "{used:?}");
    }

    #[test]
    fn what_another_thread_computes_is_in_the_cpu_time_of_the_process() {
        let mut used = Duration::ZERO;
        let process = process_cpu_time(|| {
            let compute = || cpu_time(|| work(100_000));
            used = thread::spawn(compute).join().expect("it does not panic");
        });
        assert!(process >= used, "{process:?} {used:?}");
    }

    #[test]
    fn the_median_is_of_the_runs_after_the_first() {
        let mut runs = 0;
        median_cpu_time::<3>(|| runs += 1);
        assert_eq!(runs, 4);
        median_wall_and_process::<3>(|| runs += 1);
        assert_eq!(runs, 8);
    }

    #[test]
    fn the_time_on_the_wall_has_what_a_thread_waits_for() {
        let span = Duration::from_millis(20);
        let [wall, used] = median_wall_and_process::<1>(|| thread::sleep(span));
        assert!(wall >= span && used < wall, "{wall:?} {used:?}");
    }
}
