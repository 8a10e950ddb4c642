//! The list of live tasks: what is lost if the executor ends now.
//!
//! A slab of pointers with the vacant places threaded through it. Entering and leaving touch no
//! other task, as they would in a list linked through the headers.

use std::ptr;

use super::header::{Header, TaskPtr};

/// More than fit into memory, and few enough to leave room for the tag on any platform.
const MOST: usize = 1 << 30;

/// Home only. A listed task is pinned by LISTED.
pub(super) struct Live {
    /// A task; null for a place that is reserved; or a vacant place's link (see `link`).
    places: Vec<*mut Header>,
    vacant: Option<usize>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), vacant: None }
    }

    /// A place for `fill` to fill.
    #[inline]
    pub(super) fn reserve(&mut self) -> u32 {
        let place = match self.vacant {
            Some(place) => {
                self.vacant = linked(self.places[place]);
                place
            }
            None => {
                assert!(self.places.len() < MOST, "too many live tasks");
                self.places.push(ptr::null_mut());
                self.places.len() - 1
            }
        };
        place as u32
    }

    #[inline]
    pub(super) fn fill(&mut self, place: u32, task: TaskPtr) {
        self.places[place as usize] = task.as_ptr();
    }

    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        self.places[place as usize] = link(self.vacant.replace(place as usize));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = TaskPtr> + '_ {
        let tasks = self.places.iter().copied().filter(|place| place.addr() & 1 == 0);
        tasks.filter_map(TaskPtr::new)
    }
}

/// A vacant place: the lowest bit says that it is no task, the rest is the next one's number from 1.
#[inline]
fn link(next: Option<usize>) -> *mut Header {
    let number = next.map_or(0, |place| place + 1);
    ptr::without_provenance_mut(number << 1 | 1)
}

#[inline]
fn linked(place: *mut Header) -> Option<usize> {
    (place.addr() >> 1).checked_sub(1)
}
