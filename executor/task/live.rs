//! The list of live tasks: what is lost if the executor ends now.
//!
//! A list linked through the headers would do, but then entering and leaving it would touch the neighbours, two cache
//! misses each. So the list is a slab: a vector of places, with the vacant ones linked through the vector itself. A task
//! remembers its place.

use std::ptr;

use super::header::{Header, TaskRef};

/// More tasks than fit into memory, and few enough to leave room for the tag below on any platform.
const MAX_PLACES: usize = 1 << 30;

/// Ends the chain of vacant places.
const END: *mut Header = vacant(MAX_PLACES);

/// Home only. A task in the list is kept by LISTED.
pub(super) struct Live {
    /// A task; or, in a vacant place, the number of the next vacant place, tagged.
    places: Vec<*mut Header>,
    first_vacant: *mut Header,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), first_vacant: END }
    }

    /// Enters a task. Returns its place.
    #[inline]
    pub(super) fn insert(&mut self, task: TaskRef) -> u32 {
        if self.first_vacant == END {
            self.grow();
        }
        let place = number(self.first_vacant);
        self.first_vacant = std::mem::replace(&mut self.places[place], task.as_ptr());
        place as u32
    }

    #[cold]
    fn grow(&mut self) {
        assert!(self.places.len() < MAX_PLACES, "too many live tasks");
        self.first_vacant = vacant(self.places.len());
        self.places.push(END);
    }

    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        self.places[place as usize] = self.first_vacant;
        self.first_vacant = vacant(place as usize);
    }

    /// How many places there are, vacant ones too.
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// The task in a place, if there is one.
    pub(super) fn get(&self, place: usize) -> Option<TaskRef> {
        let task = *self.places.get(place)?;
        if task.addr() & 1 == 0 { TaskRef::from_ptr(task) } else { None }
    }

    /// The tasks, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = TaskRef> + '_ {
        let tasks = self.places.iter().copied().filter(|place| place.addr() & 1 == 0);
        tasks.filter_map(TaskRef::from_ptr)
    }
}

/// The number of a place, tagged in the lowest bit: a task's address is even.
const fn vacant(place: usize) -> *mut Header {
    ptr::without_provenance_mut((place << 1) | 1)
}

fn number(vacant: *mut Header) -> usize {
    vacant.addr() >> 1
}
