//! The list of live tasks: what is lost if the executor ends now.
//!
//! A slab of pointers with the vacant places threaded through it. Entering and leaving touch no
//! other task, as they would in a list linked through the headers.

use std::ptr;

use super::header::{Header, TaskPtr};

/// More than fit into memory, and few enough to leave room for the tag on any platform.
const MOST: usize = 1 << 30;

/// The link of the last vacant place.
const END: *mut Header = link(MOST);

/// Home only. A listed task is pinned by LISTED.
pub(super) struct Live {
    /// A task, or, in a vacant place, the link to the next one.
    places: Vec<*mut Header>,
    vacant: *mut Header,
    len: usize,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), vacant: END, len: 0 }
    }

    /// Enters a task; gives its place.
    #[inline]
    pub(super) fn insert(&mut self, task: TaskPtr) -> u32 {
        if self.vacant == END {
            self.grow();
        }
        let place = linked(self.vacant);
        self.vacant = std::mem::replace(&mut self.places[place], task.as_ptr());
        self.len += 1;
        place as u32
    }

    #[cold]
    fn grow(&mut self) {
        assert!(self.places.len() < MOST, "too many live tasks");
        self.vacant = link(self.places.len());
        self.places.push(END);
    }

    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        self.places[place as usize] = self.vacant;
        self.vacant = link(place as usize);
        self.len -= 1;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = TaskPtr> + '_ {
        let tasks = self.places.iter().copied().filter(|place| place.addr() & 1 == 0);
        tasks.filter_map(TaskPtr::new)
    }
}

/// Names a vacant place. The lowest bit says that it is no task: those are aligned.
const fn link(place: usize) -> *mut Header {
    ptr::without_provenance_mut((place << 1) | 1)
}

fn linked(link: *mut Header) -> usize {
    link.addr() >> 1
}
