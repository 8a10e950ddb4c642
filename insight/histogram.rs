//! [`Histogram`]: how long tasks wait for their turns, and how long the turns take.
//!
//! An average hides what hurts: of 1000 turns of 10 µs each, one may take a second, and the average is still 1 ms. A list of all
//! times hides nothing, but grows without end. So the times are counted in buckets: for each power of two 8 of the same width, so
//! that a bucket is at most an eighth as wide as the times in it are long (the technique is that of HdrHistogram by Gil Tene). 312
//! buckets reach from a nanosecond to 36 minutes, and counting one more is two shifts and a store.
//!
//! The loop writes, by plain stores. Any thread may read meanwhile, and then the buckets need not be of one moment.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::executor::observe::{Cause, Observe, Seen, TurnEnd};
use crate::executor::primitives::Gauge;

/// Each power of two has 2^`FINE` buckets.
const FINE: u32 = 3;
const PER_POWER: usize = 1 << FINE;
/// Times below 2^`LARGEST` ns, 36 minutes, have a bucket of their own; longer ones are counted in the last.
const LARGEST: u32 = 41;
const BUCKETS: usize = (LARGEST - FINE + 1) as usize * PER_POWER;

/// Times, counted in buckets. What it says of a time is at most an eighth too long, and never too short (but times from 36
/// minutes on are all counted as 36 minutes).
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64]>,
}

impl Histogram {
    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time that `percent` of the times do not exceed: `percentile(50.0)` is the median, `percentile(100.0)` the
    /// longest. `None` if nothing was counted.
    ///
    /// # Panics
    ///
    /// When `percent` is not between 0 and 100.
    #[must_use]
    #[track_caller]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        assert!((0.0..=100.0).contains(&percent), "`percentile` takes 0 to 100, not {percent}");
        let count = self.count();
        // At least one, so that 0 is the shortest; at most all, whatever the rounding.
        let wanted = ((count as f64 * percent / 100.0).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map(|bucket| Duration::from_nanos(longest_in(bucket)))
    }

    /// What was counted since `earlier`, a reading of the same runtime.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.counts.iter().zip(&earlier.counts);
        Self { counts: pairs.map(|(now, before)| now.saturating_sub(*before)).collect() }
    }

    /// The buckets that are not empty, from the shortest times on: the longest time that is counted there, and how many are.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let counts = self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0);
        counts.map(|(bucket, count)| (Duration::from_nanos(longest_in(bucket)), count))
    }
}

/// One line: `1000 counted, half within 11 µs, 99 % within 30 µs, all within 1 ms`.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |percent| self.percentile(percent).map(rounded);
        let (Some(half), Some(most), Some(all)) = (within(50.0), within(99.0), within(100.0))
        else {
            return f.write_str("none counted");
        };
        let count = self.count();
        write!(f, "{count} counted, half within {half:?}, 99 % within {most:?}, all within {all:?}")
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({self})")
    }
}

/// Rounded up to three digits, as the others say nothing.
fn rounded(time: Duration) -> Duration {
    let nanos = time.as_nanos() as u64;
    let unit = 10_u64.pow(nanos.checked_ilog10().unwrap_or_default().saturating_sub(2));
    Duration::from_nanos(nanos.div_ceil(unit) * unit)
}

/// The bucket of a time in nanoseconds.
fn bucket_of(nanos: u64) -> usize {
    let nanos = nanos.min((1 << LARGEST) - 1);
    let Some(shift) = nanos.checked_ilog2().and_then(|power| power.checked_sub(FINE)) else {
        return nanos as usize;
    };
    // The highest bit counts the powers, and the next bits the buckets of one.
    shift as usize * PER_POWER + (nanos >> shift) as usize
}

/// The longest time of a bucket, in nanoseconds.
fn longest_in(bucket: usize) -> u64 {
    if bucket < 2 * PER_POWER {
        return bucket as u64; // each time has a bucket of its own
    }
    let shift = bucket / PER_POWER - 1;
    let highest_bits = (bucket - shift * PER_POWER) as u64;
    ((highest_bits + 1) << shift) - 1
}

/// A histogram that the loop writes.
struct Buckets(Box<[Gauge]>);

impl Buckets {
    fn new() -> Self {
        Self((0..BUCKETS).map(|_| Gauge::default()).collect())
    }

    fn count(&self, nanos: u64) {
        self.0[bucket_of(nanos)].add(1);
    }

    fn read(&self) -> Histogram {
        Histogram { counts: self.0.iter().map(Gauge::get).collect() }
    }
}

/// The histograms of one runtime, for any thread.
pub(crate) struct Histograms {
    queue_delay: Buckets,
    poll_time: Buckets,
    look_gap: Buckets,
}

impl Histograms {
    pub(crate) fn new() -> Arc<Self> {
        let [queue_delay, poll_time, look_gap] = [(); 3].map(|()| Buckets::new());
        Arc::new(Self { queue_delay, poll_time, look_gap })
    }

    /// How long tasks were ready before their turns.
    pub(crate) fn queue_delay(&self) -> Histogram {
        self.queue_delay.read()
    }

    /// How long turns took.
    pub(crate) fn poll_time(&self) -> Histogram {
        self.poll_time.read()
    }

    /// How long the loop gave turns between two looks outside.
    pub(crate) fn look_gap(&self) -> Histogram {
        self.look_gap.read()
    }
}

/// Fills the histograms.
pub(crate) struct Stopwatch<C> {
    histograms: Arc<Histograms>,
    /// Nanoseconds since some moment.
    clock: C,
    /// When each task became ready: the future of `block_on`, then the tasks by their places.
    ready_since: RefCell<Vec<u64>>,
    turn_began: Cell<u64>,
    /// When the last turn ended, unless the loop has done something else since.
    turn_ended: Cell<Option<u64>>,
    /// When the loop looked outside last, if there was a turn since.
    looked: Cell<Looked>,
}

/// The last look of a run.
#[derive(Clone, Copy)]
struct Looked {
    at: Option<u64>,
    turns_since: bool,
}

const NOT_YET: Looked = Looked { at: None, turns_since: false };

/// By the real clock, whatever clock the runtime has.
pub(crate) fn stopwatch(histograms: Arc<Histograms>) -> Box<dyn Observe> {
    let origin = Instant::now();
    Box::new(Stopwatch::new(histograms, move || origin.elapsed().as_nanos() as u64))
}

impl<C: Fn() -> u64> Stopwatch<C> {
    pub(super) fn new(histograms: Arc<Histograms>, clock: C) -> Self {
        let (ready_since, turn_began) = (RefCell::default(), Cell::new(0));
        let (turn_ended, looked) = (Cell::new(None), Cell::new(NOT_YET));
        Self { histograms, clock, ready_since, turn_began, turn_ended, looked }
    }

    fn is_ready(&self, task: &Seen, now: u64) {
        let Some(index) = task.index() else { return };
        let mut ready_since = self.ready_since.borrow_mut();
        if index >= ready_since.len() {
            ready_since.resize(index + 1, 0);
        }
        ready_since[index] = now;
    }
}

impl<C: Fn() -> u64> Observe for Stopwatch<C> {
    fn woken(&self, task: &Seen, _by: Cause) {
        self.is_ready(task, (self.clock)());
    }

    /// From a turn to the next one the loop takes some nanoseconds. They count to the next: to read the clock again takes longer.
    fn begins_turn(&self, task: &Seen, _polls: u32) {
        let now = self.turn_ended.get().unwrap_or_else(|| (self.clock)());
        self.turn_began.set(now);
        self.looked.set(Looked { turns_since: true, ..self.looked.get() });
        let ready_since = self.ready_since.borrow();
        if let Some(since) = task.index().and_then(|index| ready_since.get(index)) {
            self.histograms.queue_delay.count(now.saturating_sub(*since));
        }
    }

    fn ends_turn(&self, task: &Seen, end: TurnEnd) {
        let now = (self.clock)();
        self.turn_ended.set(Some(now));
        self.histograms.poll_time.count(now.saturating_sub(self.turn_began.get()));
        if end == TurnEnd::Yields {
            self.is_ready(task, now);
        }
    }

    /// What it takes is no turn's, and the tasks that are ready wait for it.
    fn looks(&self) {
        self.turn_ended.set(None);
        let now = (self.clock)();
        if let Looked { at: Some(before), turns_since: true } = self.looked.get() {
            self.histograms.look_gap.count(now.saturating_sub(before));
        }
        self.looked.set(Looked { at: Some(now), turns_since: false });
    }

    /// What came during the wait was seen at once.
    fn unparks(&self) {
        self.looked.set(Looked { at: Some((self.clock)()), turns_since: false });
    }

    /// What a host loop does between two steps is not the loop's.
    fn leaves(&self) {
        self.turn_ended.set(None);
        self.looked.set(NOT_YET);
    }
}
