//! [`RwLock`]: a value that many tasks may read at once, and one change, across awaits.

#![forbid(unsafe_code)]

use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::mutex::TryLockError;
use super::permits::{self, Acquiring, Ask, Operation, Permits};
use crate::common::held::Taken;

/// A value that many tasks may read at once, and one task change, across awaits. (asyncio has none.)
///
/// It is fair: futures are served in the order of their first polls. While a writer waits, readers that come later wait
/// behind it, so that readers who take turns cannot keep it waiting for ever. For the same reason a task that reads and
/// asks to read once more may wait for ever: a writer may stand between.
///
/// An unlock grants the lock to the front of the line before its task is woken: to one writer, or to all readers up to the
/// next writer. If such a future is dropped instead of polled, the lock goes on to the next. But if it is kept and not
/// polled, as by a `select` that has gone on to another branch, the lock stays with it.
///
/// There is no poisoning: a task that panics with a guard unlocks, and leaves the value as it was at that moment.
///
/// It needs no runtime, works under any executor, and stays on one thread: it is `!Sync`, and its guards are `!Send`. There
/// are no owned guards: `Rc<RwLock<T>>` in each task does the same.
///
/// ```
/// use taketurns::sync::RwLock;
///
/// taketurns::block_on(async {
///     let config = RwLock::new(1);
///     let (one, two) = (config.read().await, config.read().await);
///     assert_eq!(*one + *two, 2);
///     assert!(config.try_write().is_err());
///     drop((one, two));
///     *config.write().await += 1;
///     assert_eq!(*config.read().await, 2);
/// });
/// ```
pub struct RwLock<T: ?Sized> {
    permits: Permits,
    value: RefCell<T>,
}

/// A reader takes one permit.
const READ: Ask = Ask { operation: Operation::Read, permits: 1 };

/// A writer takes all, so none is left for a reader.
const WRITE: Ask = Ask { operation: Operation::Write, permits: permits::MAX };

/// What a writer gives back that goes on as a reader.
const DOWNGRADED: usize = WRITE.permits - READ.permits;

impl<T> RwLock<T> {
    /// An unlocked lock.
    #[must_use]
    pub const fn new(value: T) -> Self {
        RwLock { permits: Permits::new(permits::MAX), value: RefCell::new(value) }
    }

    /// The value. No lock is needed, as nothing else can reach it.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks to read, once no task writes and no future waits ahead. Dropping the guard unlocks.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped loses its place in line. If it was granted the lock, that goes on to the next.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> Read<'_, T> {
        Read { lock: self, acquiring: Acquiring::new(Location::caller()) }
    }

    /// Locks to write, once no task reads or writes and no future waits ahead. Dropping the guard unlocks.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped loses its place in line. If it was granted the lock, that goes on to the next. If it was at
    /// the front while tasks read, the readers behind it go on at once.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> Write<'_, T> {
        Write { lock: self, acquiring: Acquiring::new(Location::caller()) }
    }

    /// Locks to read, if no task writes and no future waits.
    ///
    /// # Errors
    ///
    /// A task writes, or a future waits.
    #[inline]
    pub fn try_read(&self) -> Result<ReadGuard<'_, T>, TryLockError> {
        let takes = self.permits.try_lock(READ);
        if takes { Ok(self.read_guard(None)) } else { Err(TryLockError(())) }
    }

    /// Locks to write, if no task reads or writes and no future waits.
    ///
    /// # Errors
    ///
    /// A task reads or writes, or a future waits.
    #[inline]
    pub fn try_write(&self) -> Result<WriteGuard<'_, T>, TryLockError> {
        let takes = self.permits.try_lock(WRITE);
        if takes { Ok(self.write_guard()) } else { Err(TryLockError(())) }
    }

    /// The value. No lock is needed, as nothing else can reach it.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The caller has a permit.
    #[inline]
    fn read_guard(&self, site: Option<&'static Location<'static>>) -> ReadGuard<'_, T> {
        let taken = self.permits.took_one(READ, site);
        let unlock = UnlockRead { permits: &self.permits, taken };
        ReadGuard { value: self.value.borrow(), _unlock: unlock }
    }

    /// The caller has all permits.
    #[inline]
    fn write_guard(&self) -> WriteGuard<'_, T> {
        let unlock = Unlock { permits: &self.permits, count: WRITE.permits };
        WriteGuard { value: self.value.borrow_mut(), lock: self, unlock }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (readers, waiters) = (permits::MAX - self.permits.free(), self.permits.waiters());
        let mut text = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(value) => text.field("value", &&*value),
            Err(_) => text.field("value", &format_args!("<locked>")),
        };
        if readers < permits::MAX {
            text.field("readers", &readers);
        }
        text.field("waiters", &waiters).finish()
    }
}

/// The future of [`RwLock::read`].
#[must_use = "futures do nothing unless awaited"]
pub struct Read<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    acquiring: Acquiring,
}

/// The future of [`RwLock::write`].
#[must_use = "futures do nothing unless awaited"]
pub struct Write<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    acquiring: Acquiring,
}

impl<'a, T: ?Sized> Future for Read<'a, T> {
    type Output = ReadGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Read { lock, acquiring } = self.get_mut();
        ready!(acquiring.poll_open(&lock.permits, READ, cx));
        Poll::Ready(lock.read_guard(Some(acquiring.site())))
    }
}

impl<'a, T: ?Sized> Future for Write<'a, T> {
    type Output = WriteGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Write { lock, acquiring } = self.get_mut();
        ready!(acquiring.poll_open(&lock.permits, WRITE, cx));
        Poll::Ready(lock.write_guard())
    }
}

impl<T: ?Sized> Drop for Read<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.acquiring.leave(&self.lock.permits);
    }
}

impl<T: ?Sized> Drop for Write<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.acquiring.leave(&self.lock.permits);
    }
}

impl<T: ?Sized> fmt::Debug for Read<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.acquiring.fmt("Read", &self.lock.permits, f).finish()
    }
}

impl<T: ?Sized> fmt::Debug for Write<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.acquiring.fmt("Write", &self.lock.permits, f).finish()
    }
}

/// The value of a [`RwLock`], locked to read until this is dropped.
#[must_use = "dropped at once, it unlocks at once"]
pub struct ReadGuard<'a, T: ?Sized> {
    // Dropped first: the next task that has the lock borrows the value anew.
    value: Ref<'a, T>,
    _unlock: UnlockRead<'a>,
}

/// The value of a [`RwLock`], locked to write until this is dropped.
#[must_use = "dropped at once, it unlocks at once"]
pub struct WriteGuard<'a, T: ?Sized> {
    // Dropped first: the next task that has the lock borrows the value anew.
    value: RefMut<'a, T>,
    lock: &'a RwLock<T>,
    unlock: Unlock<'a>,
}

/// Gives the permit back.
struct UnlockRead<'a> {
    permits: &'a Permits,
    taken: Taken,
}

impl Drop for UnlockRead<'_> {
    #[inline]
    fn drop(&mut self) {
        self.permits.unlock_one(READ.permits, self.taken);
    }
}

/// Gives the permits back.
struct Unlock<'a> {
    permits: &'a Permits,
    count: usize,
}

impl Drop for Unlock<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.count {
            DOWNGRADED => self.permits.give(DOWNGRADED), // the task has the lock on
            all => self.permits.unlock(all),
        }
    }
}

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    /// Goes on as a reader, with no writer in between. Readers at the front of the line are let in.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let lock = taketurns::sync::RwLock::new(1);
    /// let mut value = lock.write().await;
    /// *value += 1;
    /// let value = value.downgrade();
    /// assert_eq!(*lock.read().await, *value);
    /// # });
    /// ```
    pub fn downgrade(self) -> ReadGuard<'a, T> {
        let WriteGuard { value, lock, mut unlock } = self;
        drop(value);
        // Borrowed before the permits go back, as that wakes readers.
        let value = lock.value.borrow();
        unlock.count = DOWNGRADED;
        let taken = unlock.permits.goes_on_with(READ);
        ReadGuard { value, _unlock: UnlockRead { permits: unlock.permits, taken } }
    }
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
