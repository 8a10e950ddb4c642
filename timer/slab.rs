//! [`Slab`]: where the entries of the wheel live, at fixed indices, found by keys that go stale.
//!
//! A pointer to an entry would need `unsafe` to follow and could outlive what it points to. An
//! index is plain, and with the generation of its slot beside it, the key of a removed entry finds
//! nobody, whoever lives in the slot now. (A slot would have to be used 2^32 times while one key is
//! kept for a stale key to be mistaken.) Freed slots are used again, so a steady state allocates
//! nothing.

#![forbid(unsafe_code)]

use std::ops::{Index, IndexMut};

/// No index: the end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// Names one entry for as long as it is in its slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// Where the entry is, if it is still there.
    pub(super) fn index(self) -> u32 {
        self.index
    }
}

/// A value, its deadline, and its neighbours in the list it is in: that of a slot of the wheel, or
/// the free list.
pub(super) struct Entry<T> {
    /// In ns.
    pub(super) deadline: u64,
    /// Who is first at the same deadline.
    pub(super) arming: u64,
    /// The slot of the wheel.
    pub(super) place: u32,
    pub(super) previous: u32,
    pub(super) next: u32,
    generation: u32,
    /// `None`: free. Alone in an `Option`, so that freeing copies nothing else.
    value: Option<T>,
}

pub(super) struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: u32,
    len: usize,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Slab { entries: Vec::new(), free: NIL, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The rest of the entry is for the caller to fill in.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> Key {
        if self.free == NIL {
            self.grow();
        }
        let index = self.free;
        let entry = &mut self.entries[index as usize];
        self.free = entry.next;
        self.len += 1;
        entry.value = Some(value);
        Key { index, generation: entry.generation }
    }

    #[cold]
    fn grow(&mut self) {
        let index = u32::try_from(self.entries.len()).ok().filter(|&index| index != NIL);
        self.free = index.expect("`sleep`: more than 2^32 timers at a time");
        self.entries.push(Entry {
            deadline: 0,
            arming: 0,
            place: NIL,
            previous: NIL,
            next: NIL,
            generation: 0,
            value: None,
        });
    }

    /// The index of the entry of `key`; `None` when it was removed.
    #[inline]
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        let entry = self.entries.get(key.index as usize)?;
        (entry.generation == key.generation).then_some(key.index)
    }

    /// The value at `index`; `None` where the slot is free.
    pub(super) fn value_mut(&mut self, index: u32) -> Option<&mut T> {
        self.entries[index as usize].value.as_mut()
    }

    /// Frees the slot and makes its keys stale; `None` when it is free.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        let value = entry.value.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = std::mem::replace(&mut self.free, index);
        self.len -= 1;
        Some(value)
    }

    /// Every entry's deadline and value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().filter_map(|entry| Some((entry.deadline, entry.value.as_ref()?)))
    }

    /// Of every entry.
    pub(super) fn indices(&self) -> Vec<u32> {
        let used = self.entries.iter().zip(0..).filter(|(entry, _)| entry.value.is_some());
        used.map(|(_, index)| index).collect()
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = Entry<T>;

    #[inline]
    fn index(&self, index: u32) -> &Entry<T> {
        &self.entries[index as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut Entry<T> {
        &mut self.entries[index as usize]
    }
}
