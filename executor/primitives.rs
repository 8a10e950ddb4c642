//! Every atomic of the executor, in one file.
//!
//! Three things hold because nobody else names `std::sync::atomic`: under `--cfg loom` the whole
//! executor runs on loom's model of memory; in tests each read-modify-write is counted, so "none at
//! home" is a fact and not a hope; and a reader who wants to check the orderings knows where to
//! look. The wrappers compile to the instruction they name.

#![forbid(unsafe_code)]

#[cfg(all(loom, test))]
use loom as checked;
#[cfg(not(all(loom, test)))]
use std as checked;

use checked::sync::atomic;

pub(crate) use atomic::Ordering;
pub(crate) use checked::cell::Cell;
pub(crate) use checked::sync::{Mutex, MutexGuard};

/// A signed word: a count that may go below zero, with flags in its lowest bits.
pub(crate) struct AtomicIsize(atomic::AtomicIsize);

impl AtomicIsize {
    pub(crate) fn new(value: isize) -> Self {
        Self(atomic::AtomicIsize::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> isize {
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn fetch_add(&self, value: isize, order: Ordering) -> isize {
        rmw::count();
        self.0.fetch_add(value, order)
    }

    #[inline]
    pub(crate) fn fetch_sub(&self, value: isize, order: Ordering) -> isize {
        rmw::count();
        self.0.fetch_sub(value, order)
    }

    #[inline]
    pub(crate) fn fetch_or(&self, value: isize, order: Ordering) -> isize {
        rmw::count();
        self.0.fetch_or(value, order)
    }

    #[inline]
    pub(crate) fn fetch_and(&self, value: isize, order: Ordering) -> isize {
        rmw::count();
        self.0.fetch_and(value, order)
    }
}

/// The head of a list that any thread may push to.
pub(crate) struct AtomicPtr<T>(atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    pub(crate) fn new(pointer: *mut T) -> Self {
        Self(atomic::AtomicPtr::new(pointer))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn swap(&self, pointer: *mut T, order: Ordering) -> *mut T {
        rmw::count();
        self.0.swap(pointer, order)
    }

    /// `Err` has what was found there instead of `current`.
    #[inline]
    pub(crate) fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        rmw::count();
        self.0.compare_exchange(current, new, success, failure)
    }
}

/// A flag that one side sets and the other clears.
pub(crate) struct AtomicBool(atomic::AtomicBool);

impl AtomicBool {
    pub(crate) fn new(value: bool) -> Self {
        Self(atomic::AtomicBool::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> bool {
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn store(&self, value: bool, order: Ordering) {
        self.0.store(value, order);
    }
}

/// Memory that a protocol, not the compiler, gives to one thread at a time. Under loom each access
/// is checked against every other.
pub(crate) struct ProtocolCell<T>(checked::cell::UnsafeCell<T>);

impl<T> ProtocolCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checked::cell::UnsafeCell::new(value))
    }

    /// A pointer good for reading and writing while `f` runs.
    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(all(loom, test))]
        return self.0.with_mut(f);
        #[cfg(not(all(loom, test)))]
        f(self.0.get())
    }
}

/// A thread-local without a destructor, so that it can be read while its thread ends.
#[cfg(not(all(loom, test)))]
macro_rules! thread_cell {
    ($(#[$attr:meta])* static $name:ident: $type:ty = $init:expr;) => {
        std::thread_local! { $(#[$attr])* static $name: std::cell::Cell<$type> = const { std::cell::Cell::new($init) }; }
    };
}
/// loom runs all threads of a model on one; its thread-locals know.
#[cfg(all(loom, test))]
macro_rules! thread_cell {
    ($(#[$attr:meta])* static $name:ident: $type:ty = $init:expr;) => {
        loom::thread_local! { $(#[$attr])* static $name: std::cell::Cell<$type> = std::cell::Cell::new($init); }
    };
}
pub(crate) use thread_cell;

/// Counts what costs: a read-modify-write locks its cache line, and waits for what was stored before.
pub(crate) mod rmw {
    #[cfg(test)]
    std::thread_local! {
        static DONE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    #[inline]
    pub(super) fn count() {
        #[cfg(test)]
        DONE.set(DONE.get() + 1);
    }

    /// Read-modify-writes of this thread so far.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn so_far() -> u64 {
        DONE.get()
    }
}
