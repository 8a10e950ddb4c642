//! [`Slab`]: values under small keys that are never mistaken for older ones.
//!
//! The kernel is told a key with each descriptor and gives it back with each event. By then the
//! descriptor may be closed and its slot taken by another. So a key is an index *and* a generation,
//! which counts how often the slot was emptied: a stale key finds nothing.

#![forbid(unsafe_code)]

/// Where a value is. Stale when the value was removed, though the slot is in use again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    index: u32,
    // Wraps after 2^32 removals; a stale key lives for one look, which is no time for that many.
    generation: u32,
}

impl Key {
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Key { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

/// See the module.
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Slab { slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        let slot = &mut self.slots[index as usize];
        slot.value = Some(value);
        Key { index, generation: slot.generation }
    }

    fn grow(&mut self) -> u32 {
        let index = u32::try_from(self.slots.len()).expect("descriptors are fewer than 2^31");
        self.slots.push(Slot { generation: 0, value: None });
        index
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation == key.generation { slot.value.as_ref() } else { None }
    }

    /// Takes the value out; from now on `key` is stale.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_and_the_old_key_finds_nothing() {
        let mut slab = Slab::new();
        let old = slab.insert("old");
        assert_eq!(slab.remove(old), Some("old"));
        let new = slab.insert("new");
        assert_eq!(new.index, old.index);
        assert_eq!(slab.get(old), None);
        assert_eq!(slab.remove(old), None);
        assert_eq!(slab.get(new), Some(&"new"));
    }

    #[test]
    fn a_key_survives_the_kernel() {
        let mut slab = Slab::new();
        slab.insert("first");
        let removed = slab.insert("removed");
        slab.remove(removed);
        let key = slab.insert("second");
        assert_eq!(Key::from_bits(key.to_bits()), key);
        assert_eq!(slab.get(Key::from_bits(u64::MAX)), None);
    }
}
