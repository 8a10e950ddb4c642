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
//! anybody before its time, once a level, only to cascade. Where they are many, the slot's beginning has to
//! do: whoever waits is woken to a cascade early, but shares that wake with the many.
//!
//! As many levels as the 64 bits of a nanosecond count need are there (8 at 2^16 ns, 11 at 1 ns),
//! so nothing wraps. The last tick of all stands for *never*: [`NEVER`] is in it.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::mem;

use super::slab::{Entry, Key, NIL, Slab};

/// The deadline that does not come: what arithmetic on deadlines saturates to.
pub(super) const NEVER: u64 = u64::MAX;

/// Bits of a tick's number that one level decides.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;

/// In a slot of at most so many, [`Wheel::next_expiry`] looks at each. It bounds that search, and with it
/// the early wakes: a timer has its part in one a level at most, and shares each with this many others.
const FEW: usize = 16;

/// The `place` of an entry in no slot: its deadline is [`NEVER`].
const NOWHERE: u32 = u32::MAX;

/// Values by deadline. See the head of this file.
pub(super) struct Wheel<T> {
    /// A tick is `2^shift` ns.
    shift: u32,
    /// The tick up to which everything was handed out.
    now: u64,
    /// One word a level, one bit a slot: is there anybody?
    occupied: Box<[u64]>,
    /// Of each slot, the first entry. A slot's place is `level * 64 + slot`.
    heads: Box<[u32]>,
    entries: Slab<T>,
    /// Counts armings: who is first at the same nanosecond.
    armings: u64,
}

/// An entry as [`Wheel::advance`] hands it out.
pub(super) struct Due<T> {
    /// In ns, exactly as it was given.
    pub(super) deadline: u64,
    arming: u64,
    pub(super) value: T,
}

impl<T> Wheel<T> {
    /// A wheel of ticks of `2^shift` ns that begins at `now` ns.
    pub(super) fn new(shift: u32, now: u64) -> Self {
        let levels = (u64::BITS - shift).div_ceil(BITS) as usize;
        Wheel {
            shift,
            now: now >> shift,
            occupied: vec![0; levels].into(),
            heads: vec![NIL; levels * SLOTS].into(),
            entries: Slab::new(),
            armings: 0,
        }
    }

    /// How many are armed, those that never come due included.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Arms `value` for `deadline`, in ns. A past one is due at the next
    /// [`advance`](Self::advance).
    pub(super) fn insert(&mut self, deadline: u64, value: T) -> Key {
        let key = self.entries.insert(value);
        self.arm(key.index(), deadline);
        key
    }

    /// Takes the value out before it is due; `None` when it is no longer there.
    pub(super) fn cancel(&mut self, key: Key) -> Option<T> {
        let index = self.entries.find(key)?;
        self.unlink(index);
        self.entries.remove(index)
    }

    /// Arms the entry anew, as a cancel and an insert would, under the same key. `false` when it is
    /// no longer there.
    pub(super) fn reset(&mut self, key: Key, deadline: u64) -> bool {
        let Some(index) = self.entries.find(key) else { return false };
        self.unlink(index);
        self.arm(index, deadline);
        true
    }

    /// The value of `key`, while it is armed.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let index = self.entries.find(key)?;
        self.entries.value_mut(index)
    }

    /// Every armed one: its deadline, in ns, and its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter()
    }

    /// Whether nothing will ever be due.
    pub(super) fn is_idle(&self) -> bool {
        self.occupied.iter().all(|&slots| slots == 0)
    }

    /// When to call [`advance`](Self::advance) next, in ns: exactly when the next is due, unless it
    /// is above the lowest level and shares its slot with more than [`FEW`]; then some time before.
    /// `None` while nothing will ever be due.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        let (place, begin) = self.next_slot()?;
        let tick = if place < SLOTS { begin } else { self.first_of_few(place).unwrap_or(begin) };
        Some(tick << self.shift)
    }

    /// The first tick that is due of a slot, if at most [`FEW`] are in it.
    fn first_of_few(&self, place: usize) -> Option<u64> {
        let (mut index, mut first) = (self.heads[place], NEVER);
        for _ in 0..FEW {
            let entry = &self.entries[index];
            first = first.min(self.tick_of(entry.deadline)?);
            index = entry.next;
            if index == NIL {
                return Some(first);
            }
        }
        None
    }

    /// Moves to `now`, in ns, and hands out what is due by then. `due` is sorted: `pop` gives the
    /// one whose (deadline, arming) is first.
    pub(super) fn advance(&mut self, now: u64, due: &mut Vec<Due<T>>) {
        let target = now >> self.shift;
        while let Some((place, tick)) = self.next_slot().filter(|&(_, tick)| tick <= target) {
            self.now = tick;
            self.empty(place, target, due);
        }
        self.now = self.now.max(target);
        due.sort_unstable_by_key(|due| Reverse((due.deadline, due.arming)));
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
        let entries = mem::replace(&mut self.entries, Slab::new());
        *self = Wheel { entries, armings: self.armings, ..Wheel::new(shift, now) };
        for index in self.entries.indices() {
            self.link(index);
        }
    }

    fn arm(&mut self, index: u32, deadline: u64) {
        self.armings += 1;
        let entry = &mut self.entries[index];
        (entry.deadline, entry.arming) = (deadline, self.armings);
        self.link(index);
    }

    /// The first tick that is not before `deadline`; `None` for never.
    fn tick_of(&self, deadline: u64) -> Option<u64> {
        let tick = deadline >> self.shift;
        let up = u64::from(tick << self.shift < deadline);
        (tick < NEVER >> self.shift).then_some(tick + up)
    }

    /// The place of the slot to empty next, and its first tick.
    fn next_slot(&self) -> Option<(usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let below = level as u32 * BITS;
        let upper_groups = self.now >> below >> BITS << BITS;
        Some((level * SLOTS + slot, (upper_groups | slot as u64) << below))
    }

    /// Hands out what is due by `target`; the rest cascades.
    fn empty(&mut self, place: usize, target: u64, due: &mut Vec<Due<T>>) {
        self.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
        let mut index = mem::replace(&mut self.heads[place], NIL);
        while index != NIL {
            let Entry { next, deadline, arming, .. } = self.entries[index];
            if self.tick_of(deadline).is_some_and(|tick| tick <= target) {
                let value = self.entries.remove(index);
                due.extend(value.map(|value| Due { deadline, arming, value }));
            } else {
                self.link(index);
            }
            index = next;
        }
    }

    /// Puts an entry into the slot of its deadline, which depends on `now`.
    fn link(&mut self, index: u32) {
        let Some(tick) = self.tick_of(self.entries[index].deadline) else {
            self.entries[index].place = NOWHERE;
            return;
        };
        let tick = tick.max(self.now);
        let lowest = SLOTS as u64 - 1;
        let level = ((tick ^ self.now) | lowest).ilog2() / BITS;
        let slot = (tick >> (level * BITS)) as usize % SLOTS;
        let place = level as usize * SLOTS + slot;

        self.occupied[level as usize] |= 1 << slot;
        let next = mem::replace(&mut self.heads[place], index);
        if next != NIL {
            self.entries[next].previous = index;
        }
        let entry = &mut self.entries[index];
        (entry.place, entry.previous, entry.next) = (place as u32, NIL, next);
    }

    fn unlink(&mut self, index: u32) {
        let Entry { place, previous, next, .. } = self.entries[index];
        if place == NOWHERE {
            return;
        }
        if next != NIL {
            self.entries[next].previous = previous;
        }
        if previous != NIL {
            self.entries[previous].next = next;
            return;
        }
        let place = place as usize;
        self.heads[place] = next;
        if next == NIL {
            self.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
        }
    }
}
