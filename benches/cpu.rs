//! How much of a processor a thread has used.
//!
//! The figures are of one thread that has always something to do, so on a machine with nothing else to do this
//! is the time on the wall. On any other it is fairer: the longer a run, the more often it is interrupted, so
//! time on the wall would count against the slower system.

#![forbid(unsafe_code)]

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The CPU time this thread uses while it runs this.
pub fn cpu_time(run: impl FnOnce()) -> Duration {
    let before = now();
    run();
    now().saturating_sub(before)
}

/// The CPU time of each of some runs, after one that is not measured; of these the median.
pub fn median_cpu_time<const RUNS: usize>(mut run: impl FnMut()) -> Duration {
    run();
    let mut runs = [(); RUNS].map(|()| cpu_time(&mut run));
    runs.sort();
    runs[RUNS / 2]
}

fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.try_into().expect("a thread has used no less than nothing")
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

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
            let before = now();
            while now() - before < ms {}
        });
        assert!(used >= ms, "{used:?}");
    }

    #[test]
    fn the_median_is_of_the_runs_after_the_first() {
        let mut runs = 0;
        median_cpu_time::<3>(|| runs += 1);
        assert_eq!(runs, 4);
    }
}
