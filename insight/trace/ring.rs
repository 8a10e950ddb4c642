//! [`Ring`]: the last events of a loop, written at home and read by any thread.
//!
//! A queue behind a lock would do. But home writes some events in each turn, and a lock costs more than a turn. Worse, a thread
//! that reads a stuck loop's events would wait for the loop. So home writes by plain stores into a ring that any thread may
//! copy, and a reader throws away what home may have overwritten meanwhile:
//!
//! * Home stores in `begun` that it begins the nth event, then the event, then in `done` that it is complete.
//! * A reader loads `done`, copies the events before that, and then loads `begun`. Home has overwritten at most the events that
//!   lie a ring's length before `begun`.
//!
//! An event is two words, so an event of which one word is new and one is old could be read. A reader that has read the new
//! word also sees, by the release of that word, the `begun` of its event, and throws the event away.

#![forbid(unsafe_code)]

use crate::executor::primitives::{AtomicU64, ordering};

/// An event as it is stored: 16 bytes.
pub(crate) type Words = [u64; 2];

pub(crate) struct Ring {
    /// As many as a power of two.
    slots: Box<[[AtomicU64; 2]]>,
    /// How many events home has begun to write.
    begun: AtomicU64,
    /// How many it has written.
    done: AtomicU64,
}

/// What a reader has copied.
pub(crate) struct Copied {
    /// How many events came before these.
    pub(crate) dropped: u64,
    pub(crate) events: Vec<Words>,
}

/// More events than a page can show, and 1 GiB.
const MOST: usize = 1 << 26;

impl Ring {
    /// Room for `capacity` events at least, but for no more than 2^26.
    pub(crate) fn new(capacity: usize) -> Self {
        let slot = || [AtomicU64::new(0), AtomicU64::new(0)];
        let slots = (0..capacity.min(MOST).next_power_of_two()).map(|_| slot()).collect();
        Self { slots, begun: AtomicU64::new(0), done: AtomicU64::new(0) }
    }

    fn slot(&self, event: u64) -> &[AtomicU64; 2] {
        // The remainder by a power of two, so what the cast cuts off does not matter.
        &self.slots[event as usize & (self.slots.len() - 1)]
    }

    /// How many events home has written.
    pub(crate) fn written(&self) -> u64 {
        // Ordering: takes what `ring_done` gives, so the events before it are read whole.
        self.done.load(ordering!(ring_written: Acquire))
    }

    /// How many events are no longer there.
    pub(crate) fn dropped(&self) -> u64 {
        self.written().saturating_sub(self.slots.len() as u64)
    }

    /// The last events, the oldest first. By any thread.
    pub(crate) fn copy(&self) -> Copied {
        let written = self.written();
        let oldest = written.saturating_sub(self.slots.len() as u64);
        // Ordering: takes what `ring_word` gives; see above.
        let load = |word: &AtomicU64| word.load(ordering!(ring_read: Acquire));
        let mut events: Vec<Words> =
            (oldest..written).map(|event| self.slot(event).each_ref().map(load)).collect();
        // Ordering: `ring_read` has made it visible if it matters.
        let begun = self.begun.load(ordering!(ring_check: Relaxed));
        let lost = begun.saturating_sub(self.slots.len() as u64).max(oldest);
        events.drain(..events.len().min((lost - oldest) as usize));
        Copied { dropped: lost.min(written), events }
    }

    /// Writes an event over the oldest. At home alone.
    #[inline]
    pub(crate) fn write(&self, words: Words) {
        // Ordering: home alone writes it.
        let event = self.begun.load(ordering!(ring_own: Relaxed));
        // Ordering: `ring_word` gives it on.
        self.begun.store(event + 1, ordering!(ring_begun: Relaxed));
        for (word, value) in self.slot(event).iter().zip(words) {
            // Ordering: gives `ring_begun` to `ring_read`.
            word.store(value, ordering!(ring_word: Release));
        }
        // Ordering: gives the event to `ring_written`.
        self.done.store(event + 1, ordering!(ring_done: Release));
    }
}
