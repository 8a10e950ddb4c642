//! [`Instant`]'s arithmetic, and the real clock behind it.

use std::time::Duration;

use super::clock::real_now;
use super::harness::{SECOND, manual};
use super::{Instant, sleep};
#[cfg(all(feature = "net", target_os = "linux"))]
use crate::common::monotonic::monotonic;

#[test]
fn differences_and_sums_are_exact_or_saturate_or_are_none() {
    manual(|_, _| {
        let now = Instant::now();
        let later = now + SECOND;
        assert_eq!(later.duration_since(now), SECOND);
        assert_eq!(now.duration_since(later), Duration::ZERO);
        assert_eq!(later.checked_duration_since(now), Some(SECOND));
        assert_eq!(now.checked_duration_since(later), None);
        assert_eq!(now.checked_add(SECOND), Some(later));
        assert_eq!(now.checked_add(Duration::MAX), None);
        assert_eq!(later.checked_sub(SECOND), Some(now));
        assert_eq!(now.checked_sub(Duration::MAX), None);
        let mut moved = now;
        moved += 2 * SECOND;
        assert_eq!(moved - now, 2 * SECOND);
        moved -= SECOND;
        assert_eq!(moved, later);
    });
}

#[test]
fn there_are_instants_before_the_clock_began() {
    manual(|_, _| {
        let day = 24 * 3600 * SECOND;
        assert_eq!(
            Instant::now().checked_sub(day).map(|before| before + day),
            Some(Instant::now())
        );
        assert!(sleep(Duration::ZERO).deadline() - day < Instant::now());
    });
}

#[cfg(all(feature = "net", target_os = "linux"))]
#[test]
fn the_real_clock_is_the_monotonic_clock_of_the_system() {
    let system = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let (before, ours, after) = (system(), Duration::from_nanos(monotonic()), system());
    assert!((before..=after).contains(&ours), "{before:?} {ours:?} {after:?}");
}

#[test]
fn the_real_clock_does_not_go_back() {
    let readings = [(); 1000].map(|()| real_now());
    assert!(readings.is_sorted());
}
