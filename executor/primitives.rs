//! Every atomic type of the crate, and the checked cells, in one file.
//!
//! No other file names `std::sync::atomic`. So under `--cfg loom` the whole executor runs on loom's model of memory, which
//! tries every order of the threads' steps and every value that a weak load may read. And in tests each read-modify-write
//! is counted, so "none at home" is a fact and not a hope.
//!
//! | type | memory for | checked under loom |
//! |---|---|---|
//! | [`AtomicIsize`], [`AtomicPtr`] | any thread, at any time | the orderings |
//! | [`ProtocolCell`] | the one thread that a protocol names at that time | each access against every other |
//! | [`HomeCell`] (a value), [`HomeMemory`] (a place) | the executor's own thread | each access against every other |
//!
//! In a release build each compiles to the plain instruction.

#![forbid(unsafe_code)]

#[cfg(all(loom, test))]
use loom as checked;
#[cfg(not(all(loom, test)))]
use std as checked;

use std::sync::PoisonError;
use std::time::Duration;

use checked::sync::atomic;

pub(crate) use atomic::Ordering;
use checked::cell::Cell;
/// For what other threads share with the parts above the executor, and for the models. A mutex that no model looks at, as in
/// `error.rs`, is std's.
pub(crate) use checked::sync::{Arc, Condvar, Mutex, MutexGuard};
pub(crate) use checked::thread::{ThreadId, current as current_thread};

/// [`Condvar::wait`], at most for `limit` (`None`: without limit). Whether it ended by the limit. A poisoned lock is taken as
/// it is. A model has no clock: there each limit is over at once.
#[allow(dead_code, reason = "used by the parts that a feature can take away")]
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    limit: Option<Duration>,
) -> (MutexGuard<'a, T>, bool) {
    let Some(limit) = limit else {
        return (condvar.wait(guard).unwrap_or_else(PoisonError::into_inner), false);
    };
    #[cfg(all(loom, test))]
    {
        drop((guard, limit));
        (mutex.lock().unwrap_or_else(PoisonError::into_inner), true)
    }
    #[cfg(not(all(loom, test)))]
    {
        let _ = mutex;
        let (guard, ended) =
            condvar.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner);
        (guard, ended.timed_out())
    }
}

/// The ordering of one access to an atomic, with a name: `ordering!(away_dec: AcqRel)`. The comment `// Ordering:` above
/// each use gives the reason and names the partner. Each is the least ordering that is right: docs/orderings.md shows what
/// goes wrong with a weaker one.
macro_rules! ordering {
    ($access:ident: $least:ident) => {
        $crate::executor::primitives::in_use(
            stringify!($access),
            $crate::executor::primitives::Ordering::$least,
        )
    };
}
pub(crate) use ordering;

/// What [`ordering!`] gives. Under loom `TAKETURNS_WEAKEN=away_dec=Relaxed` tries another one.
#[inline]
pub(crate) fn in_use(access: &str, least: Ordering) -> Ordering {
    #[cfg(all(loom, test))]
    return crate::models::weakened(access).unwrap_or(least);
    #[cfg(not(all(loom, test)))]
    {
        let _ = access;
        least
    }
}

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

/// A number that one thread stores and any thread loads: without a read-modify-write.
pub(crate) struct AtomicU64(atomic::AtomicU64);

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn store(&self, value: u64, order: Ordering) {
        self.0.store(value, order);
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

    /// `Err` has what was found there instead of `current`; nothing may be read through that.
    #[inline]
    pub(crate) fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        order: Ordering,
    ) -> Result<*mut T, *mut T> {
        rmw::count();
        self.0.compare_exchange(current, new, order, Ordering::Relaxed)
    }
}

/// A number that one thread writes, and any thread may read at any time. It orders nothing, so a model would only try out what
/// numbers it may have: loom does not see it.
#[derive(Default)]
pub(crate) struct Gauge(std::sync::atomic::AtomicU64);

impl Gauge {
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, std::sync::atomic::Ordering::Relaxed);
    }

    /// By the thread that writes it: no read-modify-write.
    #[inline]
    pub(crate) fn add(&self, value: u64) {
        self.set(self.get().wrapping_add(value));
    }
}

/// As [`Gauge`], for a pointer.
pub(crate) struct PtrGauge<T>(std::sync::atomic::AtomicPtr<T>);

impl<T> Default for PtrGauge<T> {
    fn default() -> Self {
        Self(std::sync::atomic::AtomicPtr::default())
    }
}

impl<T> PtrGauge<T> {
    #[inline]
    pub(crate) fn get(&self) -> *mut T {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, pointer: *mut T) {
        self.0.store(pointer, std::sync::atomic::Ordering::Relaxed);
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

/// A `Cell` of a home half, which only the executor's own thread uses.
///
/// The compiler cannot check that: a task's pointer is known on every thread. So tests do: under loom each access is checked
/// against every other, and in debug builds each asserts that it is made on the thread of the first one.
pub(crate) struct HomeCell<T> {
    value: Cell<T>,
    thread: home::Thread,
}

impl<T> HomeCell<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self { value: Cell::new(value), thread: home::Thread::default() }
    }

    #[inline]
    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        self.thread.check();
        self.value.get()
    }

    #[inline]
    pub(crate) fn set(&self, value: T) {
        self.thread.check();
        self.value.set(value);
    }

    #[inline]
    pub(crate) fn replace(&self, value: T) -> T {
        self.thread.check();
        self.value.replace(value)
    }
}

/// As [`HomeCell`], for a value that is borrowed for the length of a call.
pub(crate) struct HomeMemory<T> {
    memory: ProtocolCell<T>,
    thread: home::Thread,
}

impl<T> HomeMemory<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { memory: ProtocolCell::new(value), thread: home::Thread::default() }
    }

    /// A pointer good for reading and writing while `f` runs.
    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.thread.check();
        self.memory.with_mut(f)
    }
}

/// Which thread home is, for the assertions of debug builds.
#[cfg(all(debug_assertions, not(all(loom, test))))]
mod home {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    std::thread_local! {
        static HERE: std::cell::Cell<u8> = const { std::cell::Cell::new(0) };
    }

    /// The address of the [`HERE`] of the thread that came first; 0: none has.
    #[derive(Default)]
    pub(super) struct Thread(AtomicUsize);

    impl Thread {
        pub(super) fn check(&self) {
            let here = HERE.with(|here| std::ptr::from_ref(here).addr());
            let home = self.0.load(Relaxed);
            if home == 0 {
                return self.0.store(here, Relaxed);
            }
            assert_eq!(home, here, "a fault of taketurns: home's half is used on another thread");
        }
    }
}

/// Loom's own checks are sharper; release builds have none.
#[cfg(not(all(debug_assertions, not(all(loom, test)))))]
mod home {
    #[derive(Default)]
    pub(super) struct Thread;

    impl Thread {
        #[inline]
        pub(super) fn check(&self) {}
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
