//! [`Spin`]: a moment of spinning before a thread parks.
//!
//! A thread that parks leaves the core, and coming back costs the thread that unparks it a system call, and itself some 50
//! microseconds. If what it waits for comes within a few microseconds, looking for it in a loop is far quicker, and takes
//! less CPU time too. But if it comes late, or not at all, the loop has burnt its time for nothing. Nothing tells beforehand
//! which it is.
//!
//! So a wait spins for a limited time, and then parks. With a limit of what parking costs, that is never worse than twice
//! the best that could have been done (Karlin, Li, Manasse and Owicki, *Empirical studies of competitive spinning for a
//! shared-memory multiprocessor*, 1991). And what the last waits were like tells something about the next: after each spin
//! in vain, more waits park at once before the next one spins, up to 15. A spin that was not in vain forgets that. How many
//! waits park is drawn at random below its bound. A fixed number could meet a program's rhythm (a long wait, a short one, a
//! long one) so that always the long ones spin.
//!
//! Where all threads share one core, nothing can come while one of them spins. So it never does there. It may yield the core
//! instead, to whichever thread wants it: that never holds up what it waits for, and what is lost is the time of a core that nobody
//! wanted.

#![forbid(unsafe_code)]

#[cfg(not(all(loom, test)))]
use std::time::Instant;
use std::{hint, thread, time::Duration};

/// The most waits that park at once between two that spin.
const MOST_PARKED: u32 = 15;

/// How a thread waits that may spin first.
#[derive(Debug)]
pub(crate) struct Spin {
    limit: Duration,
    /// What the thread does from one look to the next.
    between: fn(),
    /// How many more waits park at once.
    parked: u32,
    /// The bound below which `parked` is drawn: 0 after a spin that was not in vain.
    bound: u32,
    random: u32,
}

impl Spin {
    /// Spins at most for `limit` before each wait; zero: never. Asks the system how many cores this thread may use.
    pub(crate) fn new(limit: Duration) -> Self {
        let cores = if limit.is_zero() { 1 } else { cores() };
        Self::on(cores, limit)
    }

    /// As [`new`](Self::new), where what the thread waits for may use so many cores.
    pub(crate) fn on(cores: usize, limit: Duration) -> Self {
        let limit = if cores > 1 { limit } else { Duration::ZERO };
        Self::with(limit, || (0..8).for_each(|_| hint::spin_loop())) // some 100 to 300 ns
    }

    /// As [`new`](Self::new), but lets any other thread have the core between two looks. So it does so on one core too.
    #[allow(dead_code, reason = "used by the parts that a feature can take away")]
    pub(crate) fn yielding(limit: Duration) -> Self {
        Self::with(limit, thread::yield_now)
    }

    fn with(limit: Duration, between: fn()) -> Self {
        Self { limit, between, parked: 0, bound: 0, random: 1 }
    }

    /// Whether it ever spins.
    pub(crate) fn is_on(&self) -> bool {
        !self.limit.is_zero()
    }

    /// Spins until `arrived`, at most for the limit. `false`: nothing has arrived, and the caller parks.
    pub(crate) fn wait_until(&mut self, arrived: impl FnMut() -> bool) -> bool {
        if !self.is_on() {
            return false;
        }
        if self.parked > 0 {
            self.parked -= 1;
            return false;
        }
        let has_arrived = spin(self.limit, self.between, arrived);
        self.learn(has_arrived);
        has_arrived
    }

    fn learn(&mut self, has_arrived: bool) {
        self.bound = if has_arrived { 0 } else { MOST_PARKED.min(2 * self.bound + 1) };
        // A linear congruential generator; its high bits are the good ones.
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.parked = (self.random >> 16) % (self.bound + 1);
    }
}

/// 1 if the system does not say.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// `arrived` is asked once more at the end: the thread may have been off its core meanwhile.
#[cfg(not(all(loom, test)))]
fn spin(limit: Duration, between: fn(), mut arrived: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while !arrived() {
        if begin.elapsed() >= limit {
            return arrived();
        }
        between();
    }
    true
}

/// A model has no clock: it asks twice, or, without a limit, until something has arrived.
#[cfg(all(loom, test))]
fn spin(limit: Duration, _: fn(), mut arrived: impl FnMut() -> bool) -> bool {
    while limit == Duration::MAX && !arrived() {
        loom::thread::yield_now();
    }
    arrived() || arrived()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_nanos(1);

    /// How often `arrived` is asked in a wait in which nothing arrives.
    fn asked(spin: &mut Spin) -> u32 {
        let mut asked = 0;
        let arrived = || {
            asked += 1;
            false
        };
        assert!(!spin.wait_until(arrived));
        asked
    }

    #[test]
    fn it_never_spins_on_one_core() {
        let mut spin = Spin::on(1, LONG);
        assert!(!spin.is_on());
        assert_eq!(asked(&mut spin), 0);
    }

    #[test]
    fn a_limit_of_zero_turns_it_off() {
        assert_eq!(asked(&mut Spin::new(Duration::ZERO)), 0);
        assert_eq!(asked(&mut Spin::yielding(Duration::ZERO)), 0);
    }

    #[test]
    fn it_ends_as_soon_as_something_arrives() {
        let mut left = 5;
        let arrived = || {
            left -= 1;
            left == 0
        };
        assert!(Spin::on(2, LONG).wait_until(arrived));
        assert_eq!(left, 0);
    }

    #[test]
    fn it_asks_once_more_when_the_limit_has_passed() {
        assert_eq!(asked(&mut Spin::on(2, SHORT)), 2);
    }

    /// In the long run one in 8.5, as the number of waits that park is drawn from 0 to 15.
    #[test]
    fn waits_in_vain_soon_park_at_once() {
        let mut spin = Spin::on(2, SHORT);
        let spun = (0..1600).filter(|_| asked(&mut spin) > 0).count();
        assert!((1600 / 16..=1600 / 4).contains(&spun), "{spun} of 1600 waits spun");
    }

    #[test]
    fn one_that_was_not_in_vain_makes_the_next_wait_spin() {
        let mut spin = Spin::on(2, SHORT);
        (0..100).for_each(|_| _ = asked(&mut spin));
        while !spin.wait_until(|| true) {}
        (0..10).for_each(|_| assert!(spin.wait_until(|| true)));
    }

    /// A long wait and a short one in turn: the short ones do spin.
    #[test]
    fn a_rhythm_does_not_keep_the_short_waits_from_spinning() {
        let mut spin = Spin::on(2, SHORT);
        let mut met = 0;
        for _ in 0..200 {
            asked(&mut spin);
            met += u32::from(spin.wait_until(|| true));
        }
        assert!(met > 50, "{met} of 200 short waits were met spinning");
    }
}
