//! A part's place in a thread: how `sleep` finds its timers without being handed them.
//!
//! One thread-local that holds the whole runtime would do, if the parts knew the runtime. But a part knows only the parts
//! below it. So each keeps a thread-local of its own, of this type, and the runtime enters them all when it enters the
//! loop.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::mem::ManuallyDrop;
#[cfg(feature = "net")]
use std::panic::Location;
use std::rc::Rc;
use std::thread::LocalKey;

/// A part's thread-local: holds the part of the runtime that this thread is inside of. It is empty when the thread ends,
/// so it needs no destructor, and without one no access has to check whether that has run.
pub(crate) type Scoped<T> = ManuallyDrop<RefCell<Option<Rc<T>>>>;

/// A place without a part.
pub(crate) const fn empty<T>() -> Scoped<T> {
    ManuallyDrop::new(RefCell::new(None))
}

/// Puts `value` in place until the guard is dropped, by an unwind too. Then the value before it returns.
pub(crate) fn enter<T>(key: &'static LocalKey<Scoped<T>>, value: Rc<T>) -> Entered<T> {
    Entered { key, before: replace(key, Some(value)) }
}

fn replace<T>(key: &'static LocalKey<Scoped<T>>, value: Option<Rc<T>>) -> Option<Rc<T>> {
    key.try_with(|current| current.replace(value)).ok().flatten()
}

/// The part of the runtime that this thread is inside of.
pub(crate) fn current<T>(key: &'static LocalKey<Scoped<T>>) -> Option<Rc<T>> {
    // `try_with`: a destructor that runs while the thread ends finds no runtime, and no panic.
    key.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// [`current`], for a public function that cannot do without it.
///
/// # Panics
///
/// Outside of a runtime, with the name of `function`.
#[cfg(any(feature = "time", feature = "net"))]
#[track_caller]
pub(crate) fn needed_by<T>(function: &str, key: &'static LocalKey<Scoped<T>>) -> Rc<T> {
    match current(key) {
        Some(part) => part,
        None => outside(function),
    }
}

/// The panic of a function that needs a runtime and finds none.
#[cold]
#[track_caller]
pub(crate) fn outside(function: &str) -> ! {
    panic!(
        "`{function}` needs a runtime: call it inside `taketurns::block_on` or a task. (An argument of `block_on` is \
         made before the run begins: write `block_on(async {{ .. }})` around it.)"
    )
}

/// [`current`], for a future of `function` that was made at `site`.
///
/// # Panics
///
/// Outside of a runtime, with both.
#[cfg(feature = "net")]
pub(crate) fn needed_for<T>(
    function: &str,
    site: &Location<'_>,
    key: &'static LocalKey<Scoped<T>>,
) -> Rc<T> {
    current(key).unwrap_or_else(|| {
        panic!(
            "`{function}` at {site} needs a runtime: await it inside `taketurns::block_on` or a task"
        )
    })
}

/// See [`enter`].
pub(crate) struct Entered<T: 'static> {
    key: &'static LocalKey<Scoped<T>>,
    before: Option<Rc<T>>,
}

impl<T> Drop for Entered<T> {
    fn drop(&mut self) {
        drop(replace(self.key, self.before.take()));
    }
}
