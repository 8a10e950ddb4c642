//! Every atomic of the crate, in one file.
//!
//! Three things hold because nobody else names `std::sync::atomic`: under `--cfg loom` the whole
//! executor runs on loom's model of memory; in tests each read-modify-write is counted, so "none at
//! home" is a fact and not a hope; and a reader who wants to check the orderings knows where to
//! look: [`order`] names each access, with its partner. The wrappers compile to the instruction they name.

#![forbid(unsafe_code)]

#[cfg(all(loom, test))]
use loom as checked;
#[cfg(not(all(loom, test)))]
use std as checked;

use checked::sync::atomic;

pub(crate) use atomic::Ordering;
use checked::cell::Cell;
pub(crate) use checked::sync::{Mutex, MutexGuard};

macro_rules! orderings {
    ($($(#[$doc:meta])* $access:ident = $least:ident;)*) => {
        /// Each access to an atomic, and the least ordering that is right for it. What goes wrong with a
        /// weaker one is shown in docs/orderings.md, by `.ci/orderings`.
        pub(crate) mod order {
            use super::{Ordering, in_use};
            $(
                $(#[$doc])*
                #[inline]
                pub(crate) fn $access() -> Ordering {
                    in_use(stringify!($access), Ordering::$least)
                }
            )*
        }
    };
}

orderings! {
    /// A reference is held already, and nothing is read through the new one.
    away_inc = Relaxed;
    /// Release gives this place's accesses to whoever frees, by `away_dec`, `retire_look` or `retire`;
    /// Acquire takes those of the droppers before.
    away_dec = AcqRel;
    /// A pin is held, so nobody frees; what home did before is handed on by `retire`.
    fold = Relaxed;
    /// Pairs with the Release of every `away_dec`: what the droppers did is done before home frees.
    retire_look = Acquire;
    /// For a report; nothing is read through it.
    unreachable_look = Relaxed;
    /// Release hands home's accesses to the `away_dec` that frees; Acquire as in `retire_look`.
    retire = AcqRel;
    /// Release: what was written before the wake, also by one that loses, reaches the poll by `unqueue`.
    /// Acquire: the winner takes the link over from the drain's `unqueue`.
    win_queued = AcqRel;
    /// Acquire: sees what the waker's place wrote before `win_queued`. Release: gives the link, which
    /// was read, to the next winner.
    unqueue = AcqRel;
    /// The push failed; gives the link, which it wrote, to whoever frees, by `away_dec` or `retire`.
    let_go = Release;
    /// A first guess, which the compare-and-swap of `push` checks.
    push_look = Relaxed;
    /// Gives the link, and a new task's contents, to `drain` or `close`.
    push = Release;
    /// What is missed here is seen at the next look.
    drain_look = Relaxed;
    /// Pairs with every `push` in the list.
    drain = Acquire;
    /// Pairs with every `push` in the list.
    close = Acquire;
    /// Nothing is read through it: the `drain` that follows each sleep takes what there is.
    park = Relaxed;
    /// What is missed here has unparked, and ends the wait that follows.
    park_look = Relaxed;
    /// Gives what was done before to `stop_taken`.
    stop = Release;
    /// A first look, which `stop_taken` follows.
    stop_seen = Relaxed;
    /// Pairs with `stop`.
    stop_taken = Acquire;
    /// Taken at home, or from one that is out; nothing is read through it.
    token_taken = Relaxed;
    /// Gives what was pushed before to `tokens_seen`.
    token_back = Release;
    /// Pairs with every `token_back`: what their holders pushed is seen by the drain that follows.
    tokens_seen = Acquire;
}

/// The ordering of an access. Under loom `TAKETURNS_WEAKEN=away_dec=Relaxed` has another one tried.
#[inline]
fn in_use(access: &str, least: Ordering) -> Ordering {
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

/// A plain cell of a home half: for the thread of its executor alone.
///
/// Nothing in its type says so, as a task's pointer is known on every thread. So it is checked instead: under
/// loom each access against every other; in debug builds each asserts that its thread is that of the first
/// access.
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

/// Memory of a home half, used for the length of a call. Checked as [`HomeCell`] is.
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
mod home {
    /// Loom's own checks are sharper; release builds have none.
    #[cfg(any(not(debug_assertions), all(loom, test)))]
    #[derive(Default)]
    pub(super) struct Thread;

    #[cfg(any(not(debug_assertions), all(loom, test)))]
    impl Thread {
        #[inline]
        pub(super) fn check(&self) {}
    }

    /// The address of the [`HERE`] of the thread that came first; 0: none has.
    #[cfg(all(debug_assertions, not(all(loom, test))))]
    #[derive(Default)]
    pub(super) struct Thread(std::sync::atomic::AtomicUsize);

    #[cfg(all(debug_assertions, not(all(loom, test))))]
    std::thread_local! {
        static HERE: std::cell::Cell<u8> = const { std::cell::Cell::new(0) };
    }

    #[cfg(all(debug_assertions, not(all(loom, test))))]
    impl Thread {
        pub(super) fn check(&self) {
            use std::sync::atomic::Ordering::Relaxed;
            let here = HERE.with(|here| std::ptr::from_ref(here).addr());
            let home = self.0.load(Relaxed);
            if home == 0 {
                self.0.store(here, Relaxed);
            } else {
                assert_eq!(
                    home, here,
                    "a fault of taketurns: home's half is used on another thread"
                );
            }
        }
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
