//! [`Rings`]: which entries of the wheel there are, by keys that go stale, and which slot each is in.
//!
//! A pointer to an entry would need `unsafe` to follow and could outlive what it points to. An index is
//! plain, and with the generation of its node beside it, the key of a removed entry finds nothing, whatever
//! entry has its place now. (A node would have to be used 2^32 times while one key is kept for a stale key to be
//! mistaken.) Nodes are used again, so a steady state allocates nothing.
//!
//! Those of a slot form a ring, first in, first out, doubly linked, with a node for the slot itself: so a
//! ring has no ends to look out for, and an entry that leaves need not say which ring it leaves. All nodes are in
//! one array, the slots' first. They are apart from what the entries are about, and small, as arming or
//! cancelling one of a million timers waits for the memory of its node.

#![forbid(unsafe_code)]

use std::mem;

/// No node: the end of the list of those that are free, and the neighbour of a node in no ring.
const NIL: u32 = u32::MAX;

/// So many nodes are made at a time.
const CHUNK: usize = 32;

/// Names one entry for as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    node: u32,
    generation: u32,
}

#[derive(Clone, Copy)]
struct Node {
    /// [`NIL`]: it is in no ring.
    previous: u32,
    /// While free: the next one that is.
    next: u32,
    generation: u32,
}

/// See the head of this file. An entry is a number from 0 on.
pub(super) struct Rings {
    nodes: Vec<Node>,
    slots: u32,
    free: u32,
    len: usize,
}

impl Rings {
    /// So many slots, all empty.
    pub(super) fn new(slots: u32) -> Self {
        let ring = |slot| Node { previous: slot, next: slot, generation: 0 };
        Rings { nodes: (0..slots).map(ring).collect(), slots, free: NIL, len: 0 }
    }

    /// How many are in a ring.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many there can be before there is need of more memory.
    pub(super) fn room(&self) -> usize {
        self.nodes.len() - self.slots as usize
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity()
    }

    /// Takes a node from the free ones, to be [appended](Self::append) somewhere.
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

    /// Puts a reserved one into a slot's ring, as the last. From now on its key finds it.
    #[inline]
    pub(super) fn append(&mut self, slot: u32, key: Key) {
        self.len += 1;
        self.link(slot, key.node);
    }

    /// The entry of `key`; `None` when it was removed.
    #[inline]
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        let node = self.nodes[key.node as usize];
        let found = node.generation == key.generation && node.previous != NIL;
        found.then(|| key.node - self.slots)
    }

    /// The entry that a reserved `key` is of.
    #[inline]
    pub(super) fn entry(&self, key: Key) -> u32 {
        key.node - self.slots
    }

    /// Frees the node and makes its keys stale. The slot, if it was its last.
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

    /// Puts it at the end of another slot's ring, or of the same. The slot it left, if it was its last.
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
        // The same on both sides is the slot's own node: it was alone there.
        (previous == next).then_some(next)
    }

    /// The first of a slot.
    #[inline]
    pub(super) fn first(&self, slot: u32) -> Option<u32> {
        self.behind(slot)
    }

    /// All of a slot, the first first.
    pub(super) fn of(&self, slot: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first(slot), |&entry| self.behind(self.slots + entry))
    }

    /// The entry behind a node.
    fn behind(&self, index: u32) -> Option<u32> {
        self.nodes[index as usize].next.checked_sub(self.slots)
    }
}
