//! [`Rings`]: which slot of the wheel each entry is in, and keys by which entries are found.
//!
//! A slot needs a list that an entry can leave from the middle. A list of pointers would need `unsafe`, and a pointer
//! could outlive its entry. So entries are linked by their index in one array. A key is an index and a generation, which
//! counts how often the entry's node was used: the key of a removed entry finds nothing, even when its node is in use again.
//! (A stale key could be mistaken only if its node were used 2^32 times meanwhile.)
//!
//! The entries of a slot form a ring: a doubly linked list that begins and ends at a node for the slot itself. So a list
//! has no ends to treat apart, and an entry can leave without knowing which ring it is in. A ring is first in, first out.
//!
//! All nodes are in one array, those of the slots first. They are small and apart from the deadlines and wakers, because
//! arming or cancelling one of a million timers has to wait for the memory of its node. Nodes are used again, so a steady
//! state allocates nothing.

#![forbid(unsafe_code)]

use std::mem;

/// No node: the end of the list of free nodes, and `previous` of a node that is in no ring.
const NIL: u32 = u32::MAX;

/// How many nodes are allocated at a time.
const CHUNK: usize = 32;

/// Finds one entry until that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    node: u32,
    generation: u32,
}

impl Key {
    /// A number that no other entry has meanwhile.
    #[inline]
    pub(super) fn bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.node)
    }
}

#[derive(Clone, Copy)]
struct Node {
    /// [`NIL`]: the node is in no ring.
    previous: u32,
    /// While the node is free: the next free node.
    next: u32,
    generation: u32,
}

/// The slots and their entries, as nodes. Entries are numbered from 0.
pub(super) struct Rings {
    nodes: Vec<Node>,
    slots: u32,
    free: u32,
    len: usize,
}

impl Rings {
    /// Makes `slots` empty slots.
    pub(super) fn new(slots: u32) -> Self {
        let ring = |slot| Node { previous: slot, next: slot, generation: 0 };
        Rings { nodes: (0..slots).map(ring).collect(), slots, free: NIL, len: 0 }
    }

    /// How many entries are in a ring.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// For how many entries there are nodes.
    pub(super) fn room(&self) -> usize {
        self.nodes.len() - self.slots as usize
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity()
    }

    /// Takes a free node, to be [appended](Self::append) to a slot later.
    #[inline]
    pub(super) fn reserve(&mut self) -> Key {
        if self.free == NIL {
            self.grow();
        }
        let Node { next, generation, .. } = self.nodes[self.free as usize];
        Key { node: mem::replace(&mut self.free, next), generation }
    }

    #[cold]
    fn grow(&mut self) {
        let len = self.nodes.len();
        assert!(len < NIL as usize - CHUNK, "`sleep`: more than {len} timers at a time");
        self.free = len as u32;
        let free = |node| Node { previous: NIL, next: node + 1, generation: 0 };
        self.nodes.extend((self.free..).map(free).take(CHUNK));
        self.nodes[len + CHUNK - 1].next = NIL;
    }

    /// Puts a reserved node into a slot's ring, as the last. From then on its key finds it.
    #[inline]
    pub(super) fn append(&mut self, slot: u32, key: Key) {
        self.len += 1;
        self.link(slot, key.node);
    }

    /// The entry of `key`. `None`: it was removed.
    #[inline]
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        let node = self.nodes[key.node as usize];
        let found = node.generation == key.generation && node.previous != NIL;
        found.then(|| key.node - self.slots)
    }

    /// The entry of a reserved `key`.
    #[inline]
    pub(super) fn entry(&self, key: Key) -> u32 {
        key.node - self.slots
    }

    /// Frees the node of `entry` and makes its key stale. Returns the slot that this emptied, if any.
    #[inline]
    pub(super) fn remove(&mut self, entry: u32) -> Option<u32> {
        let emptied = self.unlink(entry);
        let index = self.slots + entry;
        let node = &mut self.nodes[index as usize];
        node.previous = NIL;
        node.next = mem::replace(&mut self.free, index);
        node.generation = node.generation.wrapping_add(1);
        self.len -= 1;
        emptied
    }

    /// Moves `entry` to the end of a slot's ring, which may be the ring it is in. Returns the slot that leaving emptied, if
    /// any.
    #[inline]
    pub(super) fn relink(&mut self, slot: u32, entry: u32) -> Option<u32> {
        let emptied = self.unlink(entry);
        self.link(slot, self.slots + entry);
        emptied
    }

    #[inline]
    fn link(&mut self, slot: u32, index: u32) {
        let last = mem::replace(&mut self.nodes[slot as usize].previous, index);
        self.nodes[last as usize].next = index;
        let node = &mut self.nodes[index as usize];
        (node.previous, node.next) = (last, slot);
    }

    #[inline]
    fn unlink(&mut self, entry: u32) -> Option<u32> {
        let Node { previous, next, .. } = self.nodes[(self.slots + entry) as usize];
        self.nodes[previous as usize].next = next;
        self.nodes[next as usize].previous = previous;
        // If both neighbours are the same node, that is the slot's own, and the ring had no other entry.
        (previous == next).then_some(next)
    }

    /// The first entry of a slot.
    #[inline]
    pub(super) fn first(&self, slot: u32) -> Option<u32> {
        self.next_entry(slot)
    }

    /// The entries of a slot, in order.
    pub(super) fn entries_of(&self, slot: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first(slot), |&entry| self.next_entry(self.slots + entry))
    }

    /// The entry after a node. `None`: the ring ends there.
    fn next_entry(&self, index: u32) -> Option<u32> {
        self.nodes[index as usize].next.checked_sub(self.slots)
    }
}
