//! Pinning: which CPU a thread may run on.

#![forbid(unsafe_code)]

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs that this thread may run on, in ascending order: at least one.
///
/// # Errors
///
/// The system refuses to say, as on a machine of more than 1024 CPUs.
pub(super) fn allowed_cpus() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect())
}

/// From now on this thread runs on this CPU alone, and so do the threads that it starts.
pub(super) fn pin_to(cpu: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    Ok(sched_setaffinity(None, &only)?)
}
