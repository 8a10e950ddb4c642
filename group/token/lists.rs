//! [`Lists`]: doubly linked lists that share one memory.
//!
//! A queue of its own for each token would do, but each queue would allocate when its first waiter comes, and a short-lived
//! token would pay for that anew. Here all lists of one tree have their entries in one vector. An entry that goes leaves its
//! place to the next one, so the memory is that of the most entries at one time.

#![forbid(unsafe_code)]

/// Entries by key. An entry is in one list, or in none.
pub(super) struct Lists<T> {
    places: Vec<Place<T>>,
    free: List,
}

struct Place<T> {
    /// `None`: the place is free.
    entry: Option<T>,
    before: Option<usize>,
    after: Option<usize>,
}

/// One of the lists: its ends. Whatever owns the list keeps this.
#[derive(Clone, Copy, Default)]
pub(super) struct List {
    pub(super) first: Option<usize>,
    last: Option<usize>,
    pub(super) len: usize,
}

impl<T> Lists<T> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: List::default() }
    }

    pub(super) fn get(&self, key: usize) -> &T {
        self.places[key].entry.as_ref().expect("the holder of a key keeps its entry")
    }

    pub(super) fn get_mut(&mut self, key: usize) -> &mut T {
        self.places[key].entry.as_mut().expect("the holder of a key keeps its entry")
    }

    /// A new entry, in no list.
    pub(super) fn insert(&mut self, entry: T) -> usize {
        // `pop` borrows all of `self`, as a list is usually kept outside of it. So this one is copied out, and back in.
        let mut free = self.free;
        let Some(key) = self.pop(&mut free) else {
            self.places.push(Place { entry: Some(entry), before: None, after: None });
            return self.places.len() - 1;
        };
        self.free = free;
        self.places[key].entry = Some(entry);
        key
    }

    /// Takes an entry out. It must be in no list.
    pub(super) fn remove(&mut self, key: usize) -> T {
        let entry = self.places[key].entry.take().expect("the holder of a key keeps its entry");
        let mut free = self.free; // as in `insert`
        self.push(&mut free, key);
        self.free = free;
        entry
    }

    /// Puts an entry that is in no list at the end of this one.
    pub(super) fn push(&mut self, list: &mut List, key: usize) {
        let before = list.last.replace(key);
        match before {
            Some(before) => self.places[before].after = Some(key),
            None => list.first = Some(key),
        }
        self.places[key].before = before;
        self.places[key].after = None;
        list.len += 1;
    }

    /// Takes an entry out of its list, in constant time.
    pub(super) fn unlink(&mut self, list: &mut List, key: usize) {
        let Place { before, after, .. } = self.places[key];
        match before {
            Some(before) => self.places[before].after = after,
            None => list.first = after,
        }
        match after {
            Some(after) => self.places[after].before = before,
            None => list.last = before,
        }
        list.len -= 1;
    }

    /// Takes the first entry out of the list.
    pub(super) fn pop(&mut self, list: &mut List) -> Option<usize> {
        let first = list.first?;
        self.unlink(list, first);
        Some(first)
    }
}
