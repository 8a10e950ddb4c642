//! What a task inherits from the code that spawns it.
//!
//! A task-local would be lost at each spawn if the executor did not hand it on. But task-locals are a part of their own, above
//! the executor, and most programs have none. So all that the executor knows is that some [`Values`] may be in force: a spawn
//! looks whether they are, and if so, notes them with the task, whose turns then have them in force again.

#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::thread::LocalKey;

/// The values of task-locals, unchangeable. What they are, only the part above knows.
pub(crate) type Values = Rc<dyn Any>;

/// A thread's place for the values in force. It is empty when the thread ends, so it needs no destructor, and without one no
/// access has to check whether that has run.
pub(crate) struct Place {
    /// Whether there are values. A spawn looks at this alone: a plain load, where a borrow would be a count up and down.
    any: Cell<bool>,
    values: ManuallyDrop<RefCell<Option<Values>>>,
}

impl Place {
    pub(crate) const fn empty() -> Self {
        Self { any: Cell::new(false), values: ManuallyDrop::new(RefCell::new(None)) }
    }

    fn replace(&self, values: Option<Values>) -> Option<Values> {
        self.any.set(values.is_some());
        self.values.replace(values)
    }
}

thread_local! {
    /// What the tasks that are spawned now inherit.
    pub(crate) static INHERITED: Place = const { Place::empty() };
}

/// Whether values are in force.
#[inline]
pub(crate) fn is_in_force(place: &'static LocalKey<Place>) -> bool {
    place.with(|place| place.any.get())
}

/// The values in force.
pub(crate) fn in_force(place: &'static LocalKey<Place>) -> Option<Values> {
    place.with(|place| place.values.borrow().clone())
}

/// Calls `f` with other values in force. Those of before return in any case, on unwind too.
pub(crate) fn within<R>(
    place: &'static LocalKey<Place>,
    values: &Values,
    f: impl FnOnce() -> R,
) -> R {
    struct Restore(&'static LocalKey<Place>, Option<Values>);
    impl Drop for Restore {
        fn drop(&mut self) {
            drop(self.0.with(|place| place.replace(self.1.take())));
        }
    }
    let _restore = Restore(place, place.with(|place| place.replace(Some(Rc::clone(values)))));
    f()
}
