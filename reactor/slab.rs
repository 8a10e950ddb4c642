//! [`Slab`]: values under keys that go stale when the value is removed.
//!
//! The kernel is given a key with each descriptor and returns it with each event. An index alone would not do as a key:
//! by the time of the event the descriptor may be closed, and its place in use for another. So a key is an index *and* a
//! generation, which counts how often the place was emptied. A key of an earlier generation finds nothing.

#![forbid(unsafe_code)]

/// Finds one value until that is removed. Then it is stale and finds nothing, also when the place is in use again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    index: u32,
    // Wraps after 2^32 removals of the place. A stale key lives for one look, in which there cannot be so many.
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

/// Values by [`Key`]. Places are used again, so the memory is that of the most values at one time.
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Slab { places: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        let place = &mut self.places[index as usize];
        place.value = Some(value);
        Key { index, generation: place.generation }
    }

    fn grow(&mut self) -> u32 {
        let index = u32::try_from(self.places.len()).expect("descriptors are fewer than 2^31");
        self.places.push(Place { generation: 0, value: None });
        index
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(key.index as usize)?;
        if place.generation == key.generation { place.value.as_ref() } else { None }
    }

    /// Takes the value out. From then on `key` is stale.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_the_old_key_finds_nothing() {
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
    fn a_key_is_the_same_after_a_round_trip_through_its_bits() {
        let mut slab = Slab::new();
        slab.insert("first");
        let removed = slab.insert("removed");
        slab.remove(removed);
        let key = slab.insert("second");
        assert_eq!(Key::from_bits(key.to_bits()), key);
        assert_eq!(slab.get(Key::from_bits(u64::MAX)), None);
    }
}
