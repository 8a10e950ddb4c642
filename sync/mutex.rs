//! [`Mutex`]: a value that one task at a time may use, across awaits.

#![forbid(unsafe_code)]

use std::cell::{RefCell, RefMut};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::permits::{Acquiring, Ask, Operation, Permits};

/// A value that one task at a time may use, across awaits (asyncio's `Lock`).
///
/// On one thread a `RefCell` is enough for what happens between two awaits. A mutex is for a task that has to keep others
/// out *while it awaits*, such as for a request and its response on one connection.
///
/// It is fair: the lock goes to futures in the order of their first polls, and none that comes later overtakes. An unlock
/// grants the lock to the front of the line before its task is woken. If that future is dropped instead of polled, the
/// lock goes on to the next. But if it is kept and not polled, as by a `select` that has gone on to another branch, the lock
/// stays with it.
///
/// There is no poisoning: a task that panics with a guard unlocks, and leaves the value as it was at that moment.
///
/// It needs no runtime, works under any executor, and stays on one thread: it is `!Sync`, and its guards are `!Send`.
///
/// ```
/// use std::rc::Rc;
/// use taketurns::{spawn, sync::Mutex, yield_now};
///
/// taketurns::block_on(async {
///     let log = Rc::new(Mutex::new(Vec::new()));
///     let tasks = [1, 2].map(|task| {
///         let log = Rc::clone(&log);
///         spawn(async move {
///             let mut log = log.lock().await;
///             log.push((task, "begins"));
///             yield_now().await; // the other task waits
///             log.push((task, "ends"));
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(*log.lock().await, [(1, "begins"), (1, "ends"), (2, "begins"), (2, "ends")]);
/// });
/// ```
pub struct Mutex<T> {
    permits: Permits,
    /// `None` while an [`OwnedMutexGuard`] has it.
    value: RefCell<Option<T>>,
}

const LOCK: Ask = Ask { operation: Operation::Lock, permits: 1 };

const LOCK_OWNED: Ask = Ask { operation: Operation::LockOwned, permits: 1 };

impl<T> Mutex<T> {
    /// An unlocked mutex.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Mutex { permits: Permits::new(1), value: RefCell::new(Some(value)) }
    }

    /// Locks, once no task has the lock and no future waits ahead. Dropping the guard unlocks.
    ///
    /// A task that waits for the lock while it has the lock waits for ever.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped loses its place in line. If it was granted the lock, the next is.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> Lock<'_, T> {
        Lock { mutex: self, acquiring: Acquiring::new(Location::caller()) }
    }

    /// [`lock`](Self::lock) with a guard that owns a reference on the mutex, to be sent to another task.
    ///
    /// The guard takes the value out of the mutex, and puts it back when it is dropped. So a large value is better behind
    /// a `Box`.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// As for `lock`.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use taketurns::sync::Mutex;
    ///
    /// # taketurns::block_on(async {
    /// let count = Rc::new(Mutex::new(0));
    /// let mut guard = count.lock_owned().await;
    /// let task = taketurns::spawn(async move { *guard += 1 });
    /// assert_eq!(*count.lock().await, 1); // once the task is done with it
    /// # task.await.unwrap();
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_owned(self: &Rc<Self>) -> LockOwned<T> {
        LockOwned { mutex: Rc::clone(self), acquiring: Acquiring::new(Location::caller()) }
    }

    /// Locks, if no task has the lock and no future waits for it.
    ///
    /// # Errors
    ///
    /// It is locked, or a future waits.
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        if self.permits.try_lock(LOCK) { Ok(self.guard()) } else { Err(TryLockError(())) }
    }

    /// [`try_lock`](Self::try_lock) with a guard that owns a reference on the mutex.
    ///
    /// # Errors
    ///
    /// It is locked, or a future waits.
    pub fn try_lock_owned(self: &Rc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        if self.permits.try_lock(LOCK_OWNED) {
            Ok(Self::guard_owned(self))
        } else {
            Err(TryLockError(()))
        }
    }

    /// The value. No lock is needed, as nothing else can reach it.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().as_mut().expect("an owned guard has a reference on the mutex")
    }

    /// The value. No lock is needed, as nothing else can reach it.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner().expect("an owned guard has a reference on the mutex")
    }

    /// The caller has the permit.
    #[inline]
    fn guard(&self) -> MutexGuard<'_, T> {
        let value = RefMut::map(self.value.borrow_mut(), |value| {
            value.as_mut().expect("an owned guard has the lock")
        });
        MutexGuard { value, _unlock: Unlock(&self.permits) }
    }

    /// The caller has the permit.
    fn guard_owned(mutex: &Rc<Self>) -> OwnedMutexGuard<T> {
        OwnedMutexGuard { value: mutex.value.take(), mutex: Rc::clone(mutex) }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiters = self.permits.waiters();
        let mut text = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(value) => text.field("value", &*value),
            Err(_) => text.field("value", &format_args!("<locked>")),
        };
        text.field("waiters", &waiters).finish()
    }
}

/// The future of [`Mutex::lock`].
#[must_use = "futures do nothing unless awaited"]
pub struct Lock<'a, T> {
    mutex: &'a Mutex<T>,
    acquiring: Acquiring,
}

/// The future of [`Mutex::lock_owned`].
#[must_use = "futures do nothing unless awaited"]
pub struct LockOwned<T> {
    mutex: Rc<Mutex<T>>,
    acquiring: Acquiring,
}

impl<'a, T> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    // Always: a call would return the guard through memory, which is slow to read at once: it is written word by word.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Lock { mutex, acquiring } = self.get_mut();
        ready!(acquiring.poll_open(&mutex.permits, LOCK, cx));
        Poll::Ready(mutex.guard())
    }
}

impl<T> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let LockOwned { mutex, acquiring } = self.get_mut();
        ready!(acquiring.poll_open(&mutex.permits, LOCK_OWNED, cx));
        Poll::Ready(Mutex::guard_owned(mutex))
    }
}

impl<T> Drop for Lock<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.acquiring.leave(&self.mutex.permits);
    }
}

impl<T> Drop for LockOwned<T> {
    #[inline]
    fn drop(&mut self) {
        self.acquiring.leave(&self.mutex.permits);
    }
}

impl<T> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.acquiring.fmt("Lock", &self.mutex.permits, f).finish()
    }
}

impl<T> fmt::Debug for LockOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.acquiring.fmt("LockOwned", &self.mutex.permits, f).finish()
    }
}

/// The value of a [`Mutex`], locked until this is dropped.
#[must_use = "dropped at once, it unlocks at once"]
pub struct MutexGuard<'a, T> {
    // Dropped first: the next task that has the lock borrows the value anew.
    value: RefMut<'a, T>,
    _unlock: Unlock<'a>,
}

/// Gives the permit back.
struct Unlock<'a>(&'a Permits);

impl Drop for Unlock<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.unlock(1);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// As [`MutexGuard`], with a reference on the mutex.
#[must_use = "dropped at once, it unlocks at once"]
pub struct OwnedMutexGuard<T> {
    /// `None` only while this is dropped.
    value: Option<T>,
    mutex: Rc<Mutex<T>>,
}

impl<T> Deref for OwnedMutexGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value.as_ref().expect("the guard is not dropped")
    }
}

impl<T> DerefMut for OwnedMutexGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("the guard is not dropped")
    }
}

impl<T> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        self.mutex.value.replace(self.value.take());
        self.mutex.permits.unlock(1);
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The lock is taken, or a future waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is taken, or a future waits for it")
    }
}

impl Error for TryLockError {}
