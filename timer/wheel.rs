//! [`Wheel`]: which deadlines are due, and when the next one is, in constant time each.
//!
//! A hierarchical timing wheel (Varghese and Lauck, 1987). It knows no clock and no waker: integers
//! in, values out.
//!
//! Time is cut into ticks of `2^shift` ns, and the number of a tick into groups of 6 bits, one a
//! level. A tick shares its upper groups with the wheel's own `now`; the highest group in which
//! they differ is its level, and its digit there is its slot (the choice by XOR is tokio's). So
//! with `now` at tick 5:
//!
//! ```text
//!     tick                      7     63     64     200     4096
//!     level                     0      0      1       1        2
//!     slot                      7     63      1       3        1
//!     a slot of it is           1 tick        64 ticks      4096 ticks
//! ```
//!
//! Everything on one level is due before anything on the level above, and within a level slots are
//! due in their order. The first set bit of the first occupancy word that is not zero is therefore
//! the next slot: an idle hour is one jump, not a walk over empty slots. When `now` enters a slot
//! above the lowest level, its entries are placed anew and land on lower levels: they *cascade*.
//! What is past already goes into the slot of `now` itself.
//!
//! When the next is due is therefore plain on the lowest level. Above it the first slot is only where it
//! begins, so the deadlines in it are looked through, if they are few: a far timer alone does not wake
//! the loop before its time, once a level, only to cascade. Where they are many, the slot's beginning has to
//! do: the loop wakes early for a cascade, one wake for all the many.
//!
//! As many levels as the 64 bits of a nanosecond count need are there (8 at 2^16 ns, 11 at 1 ns), so nothing
//! wraps. The last tick of all stands for *never*: [`NEVER`] is in it. What is armed for it is in a slot of
//! its own behind the last level, where no search looks.
//!
//! Which timer was first at the same deadline need not be written down: two with one deadline are always in one slot,
//! and a slot is left in the order in which it was entered.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::mem;

use super::rings::{Key, Rings};

/// The deadline that does not come: what arithmetic on deadlines saturates to.
pub(super) const NEVER: u64 = u64::MAX;

/// Bits of a tick's number that one level decides.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;

/// As many as 64 bits need: ticks of 1 ns use all of them.
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;

/// The slot of those that never come due. A slot's number is `level * SLOTS` and its own.
const NEVER_SLOT: usize = LEVELS * SLOTS;

/// In a slot of at most so many, [`Wheel::next_expiry`] looks at each. It bounds that search, and with it
/// the early wakes: a timer has its part in one a level at most, and shares each with this many others.
const FEW: usize = 16;

/// Values by deadline. See the head of this file.
pub(super) struct Wheel<T> {
    /// A tick is `2^shift` ns.
    shift: u32,
    /// The tick up to which everything was handed out.
    now: u64,
    /// One word a level, one bit a slot: does the slot hold an entry? The last word is for [`NEVER_SLOT`].
    occupied: [u64; LEVELS + 1],
    rings: Rings,
    entries: Vec<Entry<T>>,
    /// Counts those handed out: who was first at the same nanosecond.
    handed_out: u64,
}

/// What is armed, by its number in the rings.
struct Entry<T> {
    /// In ns.
    deadline: u64,
    value: Option<T>,
}

/// An entry as [`Wheel::take_due`] hands it out.
pub(super) struct Due<T> {
    /// In ns, exactly as it was given.
    pub(super) deadline: u64,
    nth: u64,
    pub(super) value: T,
}

impl<T> Wheel<T> {
    /// A wheel of ticks of `2^shift` ns that begins at `now` ns.
    pub(super) fn new(shift: u32, now: u64) -> Self {
        Wheel {
            shift,
            now: now >> shift,
            occupied: [0; LEVELS + 1],
            rings: Rings::new(NEVER_SLOT as u32 + 1),
            entries: Vec::new(),
            handed_out: 0,
        }
    }

    /// How many are armed, those that never come due included.
    pub(super) fn len(&self) -> usize {
        self.rings.len()
    }

    /// How many entries fit into what was allocated: all that ever is.
    #[cfg(test)]
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.rings.memory(), self.entries.capacity())
    }

    /// A key to arm an entry under.
    pub(super) fn reserve(&mut self) -> Key {
        let key = self.rings.reserve();
        if self.entries.len() < self.rings.room() {
            self.grow();
        }
        key
    }

    #[cold]
    fn grow(&mut self) {
        self.entries.resize_with(self.rings.room(), || Entry { deadline: 0, value: None });
    }

    /// Arms `value` for `deadline`, in ns, under a [reserved](Self::reserve) key. A past one is due at the
    /// next [`take_due`](Self::take_due).
    pub(super) fn insert(&mut self, key: Key, deadline: u64, value: T) {
        let entry = &mut self.entries[self.rings.entry(key) as usize];
        entry.deadline = deadline;
        // Known to be empty. A plain assignment would read the old value to drop it, and that read is a cache miss.
        mem::forget(entry.value.replace(value));
        let slot = self.slot_of(deadline);
        self.rings.append(slot as u32, key);
        self.occupy(slot);
    }

    /// Takes the value out before it is due; `None` when it is no longer there.
    pub(super) fn cancel(&mut self, key: Key) -> Option<T> {
        let entry = self.rings.find(key)?;
        self.remove(entry)
    }

    /// Arms the entry anew, as a cancel and an insert would, under the same key. `false` when it is
    /// no longer there.
    pub(super) fn reset(&mut self, key: Key, deadline: u64) -> bool {
        let Some(entry) = self.rings.find(key) else { return false };
        self.entries[entry as usize].deadline = deadline;
        self.relink(entry);
        true
    }

    /// The value of `key`, while it is armed.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.rings.find(key)?;
        self.entries[entry as usize].value.as_mut()
    }

    /// Every armed one: its deadline, in ns, and its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().filter_map(|entry| Some((entry.deadline, entry.value.as_ref()?)))
    }

    /// Whether any timer will come due.
    pub(super) fn has_deadlines(&self) -> bool {
        self.occupied[..LEVELS].iter().any(|&slots| slots != 0)
    }

    /// When to call [`take_due`](Self::take_due) next, in ns: exactly when the next is due, unless it
    /// is above the lowest level and shares its slot with more than [`FEW`]; then some time before.
    /// `None` while nothing will ever be due.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        let (slot, begin) = self.next_slot()?;
        let tick = if slot < SLOTS { begin } else { self.first_of_few(slot).unwrap_or(begin) };
        Some(tick << self.shift)
    }

    /// The first tick that is due of a slot, if at most [`FEW`] are in it.
    fn first_of_few(&self, slot: usize) -> Option<u64> {
        let few = self.rings.of(slot as u32).take(FEW + 1);
        let ticks = few.filter_map(|entry| self.tick_of(self.entries[entry as usize].deadline));
        let (count, first) =
            ticks.fold((0, NEVER), |(count, first), tick| (count + 1, first.min(tick)));
        (count <= FEW).then_some(first)
    }

    /// Moves to `now`, in ns, and hands out what is due by then. `due` is sorted: `pop` gives the
    /// one whose (deadline, arming) is first.
    pub(super) fn take_due(&mut self, now: u64, due: &mut Vec<Due<T>>) {
        let target = now >> self.shift;
        while let Some((slot, tick)) = self.next_slot().filter(|&(_, tick)| tick <= target) {
            self.now = tick;
            self.drain_slot(slot, target, due);
        }
        self.now = self.now.max(target);
        due.sort_unstable_by_key(|due| Reverse((due.deadline, due.nth)));
    }

    /// While nothing is armed, `now` moves for free: what is armed next lands on a level as low as can
    /// be, and not as far up as the wheel is behind.
    pub(super) fn catch_up(&mut self, now: u64) {
        if self.len() == 0 {
            self.now = self.now.max(now >> self.shift);
        }
    }

    /// Goes on at `now`, in ns, with ticks of another size. Every key stays valid.
    pub(super) fn change_tick(&mut self, shift: u32, now: u64) {
        let slots = 0..=NEVER_SLOT as u32;
        let armed: Vec<u32> = slots.flat_map(|slot| self.rings.of(slot)).collect();
        (self.shift, self.now) = (shift, now >> shift);
        for entry in armed {
            self.relink(entry);
        }
    }

    /// The first tick that is not before `deadline`; `None` for never.
    #[inline]
    fn tick_of(&self, deadline: u64) -> Option<u64> {
        let tick = 1 << self.shift;
        let last = NEVER - (tick - 1);
        (deadline < last).then(|| (deadline + (tick - 1)) >> self.shift)
    }

    /// The slot to empty next, and its first tick.
    fn next_slot(&self) -> Option<(usize, u64)> {
        let level = self.occupied[..LEVELS].iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let below = level as u32 * BITS;
        // Two shifts: one by all the bits would be too far on the highest level.
        let upper_groups = self.now >> below >> BITS << BITS;
        Some((level * SLOTS + slot, (upper_groups | slot as u64) << below))
    }

    /// Hands out what is due by `target`; the rest cascades.
    fn drain_slot(&mut self, slot: usize, target: u64, due: &mut Vec<Due<T>>) {
        while let Some(entry) = self.rings.first(slot as u32) {
            let deadline = self.entries[entry as usize].deadline;
            if self.tick_of(deadline).is_some_and(|tick| tick <= target) {
                self.handed_out += 1;
                let (value, nth) = (self.remove(entry), self.handed_out);
                due.extend(value.map(|value| Due { deadline, nth, value }));
            } else {
                self.relink(entry);
            }
        }
    }

    fn remove(&mut self, entry: u32) -> Option<T> {
        let emptied = self.rings.remove(entry);
        self.vacate(emptied);
        self.entries[entry as usize].value.take()
    }

    /// Puts an entry into the slot of its deadline, which depends on `now`, as the last.
    fn relink(&mut self, entry: u32) {
        let slot = self.slot_of(self.entries[entry as usize].deadline);
        let emptied = self.rings.relink(slot as u32, entry);
        self.vacate(emptied);
        self.occupy(slot);
    }

    fn slot_of(&self, deadline: u64) -> usize {
        let Some(tick) = self.tick_of(deadline) else { return NEVER_SLOT };
        let tick = tick.max(self.now);
        let lowest = SLOTS as u64 - 1;
        // With the lowest group set, what differs in it alone, or not at all, is on level 0.
        let level = ((tick ^ self.now) | lowest).ilog2() / BITS;
        level as usize * SLOTS + (tick >> (level * BITS)) as usize % SLOTS
    }

    fn occupy(&mut self, slot: usize) {
        self.occupied[slot / SLOTS] |= 1 << (slot % SLOTS);
    }

    fn vacate(&mut self, slot: Option<u32>) {
        if let Some(slot) = slot {
            self.occupied[slot as usize / SLOTS] &= !(1 << (slot as usize % SLOTS));
        }
    }
}
