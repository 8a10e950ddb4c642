//! [`Pace`]: how often a look is taken that may be long.
//!
//! A look at a fixed distance would do while it is short. But one that takes a second, as there are a million waits to look at, would be
//! due again as soon as it is done. So the distance is counted from its end, and grows with what it took.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

/// The least time from one long look to the next.
const DISTANCE: Duration = Duration::from_secs(1);
/// A long look takes one part in so many of the loop's time, at most.
const PARTS: u32 = 20;
/// A look at so many is short.
const FEW: usize = 64;

/// When the next look is due.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    next: Option<Instant>,
}

impl Pace {
    /// In how long a look at `many` things is due: zero if it is.
    pub(super) fn due_in(self, many: usize, now: Instant) -> Duration {
        let next = self.next.filter(|_| many > FEW);
        next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    /// After a look at `many` things.
    pub(super) fn after(many: usize, begin: Instant, end: Instant) -> Self {
        let distance = DISTANCE.max(PARTS * end.saturating_duration_since(begin));
        Self { next: (many > FEW).then(|| end + distance) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_few_is_always_due() {
        let now = Instant::now();
        let pace = Pace::after(FEW + 1, now, now);
        assert_eq!(pace.due_in(FEW, now), Duration::ZERO);
        assert_eq!(pace.due_in(FEW + 1, now), DISTANCE);
    }

    #[test]
    fn a_look_at_many_is_due_a_second_after_the_last_one() {
        let now = Instant::now();
        assert_eq!(Pace::default().due_in(usize::MAX, now), Duration::ZERO, "the first is");
        let pace = Pace::after(1000, now, now);
        let moment = Duration::from_nanos(1);
        assert_eq!(pace.due_in(1000, now + DISTANCE - moment), moment);
        assert_eq!(pace.due_in(1000, now + DISTANCE), Duration::ZERO);
    }

    #[test]
    fn one_that_took_long_keeps_the_next_away() {
        let begin = Instant::now();
        let end = begin + Duration::from_secs(2);
        let pace = Pace::after(1000, begin, end);
        assert_eq!(pace.due_in(1000, end), Duration::from_secs(40));
    }
}
