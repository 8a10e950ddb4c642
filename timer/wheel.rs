//! [`Wheel`]: which deadlines are due, and when the next one is, in constant time each.
//!
//! It is a hierarchical timing wheel (Varghese and Lauck, 1987). A simple wheel is a circle of slots, one per tick. Arming a
//! timer puts it into the slot of its tick, and time walks from slot to slot. But for deadlines up to an hour ahead, ticks
//! of 66 us would need 55 million slots. So there are several levels of 64 slots each, and a slot of one level stands for as
//! much time as all slots of the level below.
//!
//! Time is cut into ticks of `2^shift` ns, and the number of a tick into groups of 6 bits, one group per level. The wheel
//! has a tick `now` of its own. The highest group in which a tick differs from `now` is the level of that tick, and the
//! number in that group is its slot. (The choice by XOR is tokio's.) So with `now` at tick 5:
//!
//! ```text
//!     tick                      7     63     64     200     4096
//!     level                     0      0      1       1        2
//!     slot                      7     63      1       3        1
//!     a slot of it is           1 tick        64 ticks      4096 ticks
//! ```
//!
//! All entries of one level are due before those of the level above, and within a level the slots are due in their order. So
//! the next slot is the first set bit of the first occupancy word that is not zero, and an hour without a timer is one jump,
//! not a walk over empty slots. When `now` enters a slot above the lowest level, the slot's entries are placed again and land
//! on lower levels: they *cascade*. An entry whose tick has passed goes into the slot of `now`.
//!
//! On the lowest level a slot is one tick, so it says exactly when the next entry is due. A slot of a level above says only
//! when it begins. If it has few entries, their deadlines are compared: otherwise a single far timer would wake the loop once
//! per level, only to cascade. If it has many, its beginning has to do, and one early wake serves them all.
//!
//! There are as many levels as the 64 bits of a nanosecond count need (8 for ticks of 2^16 ns, 11 for 1 ns), so nothing wraps.
//! The last tick of all contains [`NEVER`] and stands for it. Entries with this tick are in a slot of their own after the
//! last level, where no search looks.
//!
//! Two entries with the same deadline are always in the same slot, and entries leave a slot in the order in which they
//! entered it. So which was armed first need not be stored.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::mem;

use super::rings::{Key, Rings};

/// The deadline that never comes. Arithmetic on deadlines saturates to it.
pub(super) const NEVER: u64 = u64::MAX;

/// How many bits of a tick's number belong to one level.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;

/// As many as 64 bits need. Ticks of 1 ns use all of them.
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;

/// The slot of the entries that never come due. Other slots are numbered `level * SLOTS + slot`.
const NEVER_SLOT: usize = LEVELS * SLOTS;

/// In a slot with at most this many entries, [`Wheel::next_expiry`] compares all deadlines. It bounds that search. It also
/// bounds the early wakes: there is at most one per level and timer, and more than this many timers share it.
const FEW: usize = 16;

/// Values by deadline. Knows no clock and no waker.
pub(super) struct Wheel<T> {
    /// A tick is `2^shift` ns.
    shift: u32,
    /// The tick up to which everything due was taken out.
    now: u64,
    /// One word per level, one bit per slot: whether the slot has an entry. The last word is for [`NEVER_SLOT`].
    occupied: [u64; LEVELS + 1],
    rings: Rings,
    entries: Vec<Entry<T>>,
    /// Counts the entries taken out when due. Keeps those of one nanosecond in order.
    taken: u64,
}

/// An armed value. Its index is the entry's number in the rings.
struct Entry<T> {
    /// In ns.
    deadline: u64,
    value: Option<T>,
}

/// An entry that [`Wheel::take_due`] took out.
pub(super) struct Due<T> {
    /// In ns, exactly as it was given.
    pub(super) deadline: u64,
    nth: u64,
    pub(super) value: T,
}

impl<T> Wheel<T> {
    /// A wheel with ticks of `2^shift` ns that begins at `now`, in ns.
    pub(super) fn new(shift: u32, now: u64) -> Self {
        Wheel {
            shift,
            now: now >> shift,
            occupied: [0; LEVELS + 1],
            rings: Rings::new(NEVER_SLOT as u32 + 1),
            entries: Vec::new(),
            taken: 0,
        }
    }

    /// How many entries are armed, including those that never come due.
    pub(super) fn len(&self) -> usize {
        self.rings.len()
    }

    /// How many nodes and entries fit into the memory allocated. There is no other.
    #[cfg(test)]
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.rings.memory(), self.entries.capacity())
    }

    /// A key for an [`insert`](Self::insert).
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

    /// Arms `value` for `deadline`, in ns, under a [reserved](Self::reserve) key. A deadline that has passed is due at the
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

    /// Takes the value out before it is due. `None`: it was taken out already.
    pub(super) fn cancel(&mut self, key: Key) -> Option<T> {
        let entry = self.rings.find(key)?;
        self.remove(entry)
    }

    /// Does what a cancel and an insert would do, under the same key. `false`: the entry was taken out already.
    pub(super) fn reset(&mut self, key: Key, deadline: u64) -> bool {
        let Some(entry) = self.rings.find(key) else { return false };
        self.entries[entry as usize].deadline = deadline;
        self.relink(entry);
        true
    }

    /// The value of `key`. `None`: it was taken out already.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.rings.find(key)?;
        self.entries[entry as usize].value.as_mut()
    }

    /// Takes the value of every timer that is armed. The wheel is good for nothing but to be dropped after this.
    pub(super) fn take_values(&mut self) -> impl Iterator<Item = T> {
        self.entries.iter_mut().filter_map(|entry| entry.value.take())
    }

    /// Whether any timer will come due.
    pub(super) fn has_deadlines(&self) -> bool {
        self.occupied[..LEVELS].iter().any(|&slots| slots != 0)
    }

    /// When to call [`take_due`](Self::take_due) next, in ns. That is exactly when the next entry is due, or earlier if the
    /// entry is in a slot above the lowest level with more than [`FEW`] entries. `None`: no entry will come due.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        let (slot, begin) = self.next_slot()?;
        let tick = if slot < SLOTS { begin } else { self.first_of_few(slot).unwrap_or(begin) };
        Some(tick << self.shift)
    }

    /// The earliest tick of a slot's entries, if there are at most [`FEW`].
    fn first_of_few(&self, slot: usize) -> Option<u64> {
        let few = self.rings.entries_of(slot as u32).take(FEW + 1);
        let ticks = few.filter_map(|entry| self.tick_of(self.entries[entry as usize].deadline));
        let (count, first) =
            ticks.fold((0, NEVER), |(count, first), tick| (count + 1, first.min(tick)));
        (count <= FEW).then_some(first)
    }

    /// Moves to `now`, in ns, and takes out the entries due by then. Sorts `due` so that `pop` returns them in order of
    /// (deadline, arming).
    pub(super) fn take_due(&mut self, now: u64, due: &mut Vec<Due<T>>) {
        let target = now >> self.shift;
        while let Some((slot, tick)) = self.next_slot().filter(|&(_, tick)| tick <= target) {
            self.now = tick;
            self.drain_slot(slot, target, due);
        }
        self.now = self.now.max(target);
        due.sort_unstable_by_key(|due| Reverse((due.deadline, due.nth)));
    }

    /// Moves to `now`, in ns, if nothing is armed. A wheel that is far behind would put the next entry on a needlessly
    /// high level.
    pub(super) fn catch_up(&mut self, now: u64) {
        if self.len() == 0 {
            self.now = self.now.max(now >> self.shift);
        }
    }

    /// Continues at `now`, in ns, with ticks of `2^shift` ns. Keys stay valid.
    pub(super) fn change_tick(&mut self, shift: u32, now: u64) {
        let slots = 0..=NEVER_SLOT as u32;
        let armed: Vec<u32> = slots.flat_map(|slot| self.rings.entries_of(slot)).collect();
        (self.shift, self.now) = (shift, now >> shift);
        for entry in armed {
            self.relink(entry);
        }
    }

    /// The first tick that is not before `deadline`. `None`: never.
    #[inline]
    fn tick_of(&self, deadline: u64) -> Option<u64> {
        let tick = 1 << self.shift;
        let last = NEVER - (tick - 1);
        (deadline < last).then(|| (deadline + (tick - 1)) >> self.shift)
    }

    /// The slot to drain next, and its first tick.
    fn next_slot(&self) -> Option<(usize, u64)> {
        let level = self.occupied[..LEVELS].iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let below = level as u32 * BITS;
        // In two steps, as a single shift would be by more than 63 bits on the highest level.
        let upper_groups = self.now >> below >> BITS << BITS;
        Some((level * SLOTS + slot, (upper_groups | slot as u64) << below))
    }

    /// Takes out the entries of a slot that are due by `target`. The others cascade.
    fn drain_slot(&mut self, slot: usize, target: u64, due: &mut Vec<Due<T>>) {
        while let Some(entry) = self.rings.first(slot as u32) {
            let deadline = self.entries[entry as usize].deadline;
            if self.tick_of(deadline).is_some_and(|tick| tick <= target) {
                self.taken += 1;
                let (value, nth) = (self.remove(entry), self.taken);
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

    /// Moves an entry to the end of the slot of its deadline. Which slot that is depends on `now`.
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
        // The lowest group is set, so a tick that differs from `now` only there, or not at all, is on level 0.
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
