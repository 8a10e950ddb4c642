//! How much memory this process has: what the operating system has given it pages for.

#![forbid(unsafe_code)]

use std::fs;

use crate::system::Spawn;

/// Bytes resident, in whole pages: `VmRSS` of `/proc/self/status`.
///
/// Some versions of Linux (6.2 to 6.16) count in batches, and are off by up to 128 KiB a core.
///
/// # Panics
///
/// Where there is no such file: anywhere but on Linux.
#[must_use]
pub fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this needs Linux's /proc");
    parse(&status).expect("/proc/self/status has a VmRSS in kB")
}

/// By how many bytes the process grows when this many tasks are spawned and polled once.
pub async fn growth<S: Spawn, H>(spawner: &S, tasks: usize, spawn: impl Fn() -> H) -> u64 {
    let mut handles = Vec::new();
    handles.resize_with(tasks, || None);
    let before = resident();
    for handle in &mut handles {
        *handle = Some(spawn());
    }
    let last = spawner.spawn(async {});
    last.await; // first in, first out: the others have had their turn
    resident().saturating_sub(before)
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use super::*;
    use crate::for_each_system;
    use crate::system::System;
    use crate::systems::tests::started;

    #[test]
    fn the_line_is_found_among_its_likes() {
        let status = "VmHWM:\t    9000 kB\nVmRSS:\t    1200 kB\nRssAnon:\t     800 kB\n";
        assert_eq!(parse(status), Some(1200 * 1024));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn touched_memory_is_resident() {
        let before = resident();
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = resident();
        assert!(after - before > 32 << 20, "{before} {after}");
        drop(touched);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn on_every_system_each_task_was_polled_once_when_the_end_is_measured() {
        fn polls<S: System>() {
            let polled = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&polled);
            let task = move || {
                let counter = Arc::clone(&counter);
                poll_fn(move |_| {
                    counter.fetch_add(1, Ordering::Relaxed);
                    Poll::<()>::Pending
                })
            };
            let Some(mut system) = started::<S>() else { return };
            let seen = Arc::clone(&polled);
            let at_the_end = system.run(|spawner| async move {
                growth(&spawner, 10_000, || spawner.spawn(task())).await;
                seen.load(Ordering::Relaxed)
            });
            assert_eq!(at_the_end, 10_000, "{}", S::NAME);
        }
        for_each_system!(|S| polls::<S>());
    }
}
