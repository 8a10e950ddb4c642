//! [`Semaphore`]: at most so many at once.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::error::{AcquireError, TryAcquireError};
use super::permits::{self, Acquiring, Ask, Operation, Permits};

/// Permits that tasks take, wait for and give back: at most so many at once (asyncio's `Semaphore`).
///
/// It is fair. Futures are served in the order of their first polls, and none that comes later overtakes: while a future
/// waits for five permits, another that asks for one waits behind it, and [`try_acquire`](Self::try_acquire) is refused.
/// A permit that comes back is granted to the front of the line before its task is woken. If that future is dropped
/// instead of polled, the permit goes on to the next.
///
/// It needs no runtime, works under any executor, and stays on one thread: it is `!Sync`, and its futures are `!Send`.
///
/// ```
/// use std::rc::Rc;
/// use taketurns::{spawn, sync::Semaphore, yield_now};
///
/// taketurns::block_on(async {
///     let connections = Rc::new(Semaphore::new(2));
///     let tasks = [(); 10].map(|()| {
///         let connections = Rc::clone(&connections);
///         spawn(async move {
///             let _permit = connections.acquire().await.unwrap();
///             yield_now().await; // at most two tasks are here
///         })
///     });
///     yield_now().await;
///     assert_eq!(connections.available_permits(), 0);
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(connections.available_permits(), 2);
/// });
/// ```
pub struct Semaphore {
    permits: Permits,
}

impl Semaphore {
    /// The most permits that a semaphore may have: `usize::MAX >> 3`.
    pub const MAX_PERMITS: usize = permits::MAX;

    /// With no permits, futures wait until [`add_permits`](Self::add_permits).
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[must_use]
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        assert!(permits <= Self::MAX_PERMITS, "more than `Semaphore::MAX_PERMITS` permits");
        Semaphore { permits: Permits::new(permits) }
    }

    /// Takes a permit, once there is one and no future waits ahead. Dropping the permit gives it back.
    ///
    /// # Errors
    ///
    /// The semaphore is [closed](Self::close).
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped loses its place in line. A permit that it was granted goes to the next.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Takes so many permits, all at the same moment. `acquire_many(0)` never waits.
    ///
    /// # Errors
    ///
    /// The semaphore is [closed](Self::close).
    ///
    /// # Panics
    ///
    /// If it asks for more than [`MAX_PERMITS`](Self::MAX_PERMITS). To ask for more than there are so far is no error, as
    /// [`add_permits`](Self::add_permits) may add some. The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped loses its place in line. Permits that it was granted go to the next. If it was at the
    /// front and waited for many, those behind it that ask for fewer go on at once.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let kilobytes = taketurns::sync::Semaphore::new(64);
    /// let large = kilobytes.acquire_many(60).await.unwrap();
    /// assert!(kilobytes.try_acquire_many(8).is_err());
    /// drop(large);
    /// assert_eq!(kilobytes.acquire_many(8).await.unwrap().permits(), 8);
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> Acquire<'_> {
        check(permits);
        Acquire { semaphore: self, permits, acquiring: Acquiring::new(Location::caller()) }
    }

    /// [`acquire`](Self::acquire) with a permit that owns a reference on the semaphore, to be sent to another task.
    ///
    /// # Errors
    ///
    /// The semaphore is [closed](Self::close).
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// As for `acquire`.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use taketurns::sync::Semaphore;
    ///
    /// # taketurns::block_on(async {
    /// let slots = Rc::new(Semaphore::new(1));
    /// let permit = slots.acquire_owned().await.unwrap();
    /// let task = taketurns::spawn(async move { drop(permit) });
    /// let next = slots.acquire().await.unwrap(); // once the task is done with it
    /// # drop(next);
    /// # task.await.unwrap();
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn acquire_owned(self: &Rc<Self>) -> AcquireOwned {
        self.acquire_many_owned(1)
    }

    /// [`acquire_many`](Self::acquire_many) with permits that own a reference on the semaphore.
    ///
    /// # Errors
    ///
    /// The semaphore is [closed](Self::close).
    ///
    /// # Panics
    ///
    /// If it asks for more than [`MAX_PERMITS`](Self::MAX_PERMITS). The future panics when it is polled after it was
    /// ready.
    ///
    /// # Cancellation
    ///
    /// As for `acquire_many`.
    #[inline]
    #[track_caller]
    pub fn acquire_many_owned(self: &Rc<Self>, permits: usize) -> AcquireOwned {
        check(permits);
        let acquiring = Acquiring::new(Location::caller());
        AcquireOwned { semaphore: Rc::clone(self), permits, acquiring }
    }

    /// Takes a permit, if there is one and no future waits.
    ///
    /// # Errors
    ///
    /// There is none, a future waits, or the semaphore is closed.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes so many permits, if they are there and no future waits.
    ///
    /// # Errors
    ///
    /// There are fewer, a future waits, or the semaphore is closed.
    ///
    /// # Panics
    ///
    /// If it asks for more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[inline]
    #[track_caller]
    pub fn try_acquire_many(&self, permits: usize) -> Result<Permit<'_>, TryAcquireError> {
        self.try_take(permits).map(|()| Permit { semaphore: self, permits })
    }

    /// [`try_acquire`](Self::try_acquire) with a permit that owns a reference on the semaphore.
    ///
    /// # Errors
    ///
    /// There is none, a future waits, or the semaphore is closed.
    pub fn try_acquire_owned(self: &Rc<Self>) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// [`try_acquire_many`](Self::try_acquire_many) with permits that own a reference on the semaphore.
    ///
    /// # Errors
    ///
    /// There are fewer, a future waits, or the semaphore is closed.
    ///
    /// # Panics
    ///
    /// If it asks for more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub fn try_acquire_many_owned(
        self: &Rc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, TryAcquireError> {
        self.try_take(permits).map(|()| OwnedPermit { semaphore: Rc::clone(self), permits })
    }

    #[inline]
    #[track_caller]
    fn try_take(&self, permits: usize) -> Result<(), TryAcquireError> {
        check(permits);
        if self.permits.try_take(permits) {
            return Ok(());
        }
        match self.permits.is_closed() {
            true => Err(TryAcquireError::Closed),
            false if permits == 0 => Ok(()),
            false => Err(TryAcquireError::NoPermits),
        }
    }

    /// Adds permits, and grants them to the futures in line that now fit.
    ///
    /// # Panics
    ///
    /// If more than [`MAX_PERMITS`](Self::MAX_PERMITS) would be free. Permits that are in use or granted do not count.
    #[track_caller]
    pub fn add_permits(&self, permits: usize) {
        let sum = self.permits.free().saturating_add(permits);
        assert!(sum <= Self::MAX_PERMITS, "more than `Semaphore::MAX_PERMITS` permits");
        self.permits.give(permits);
    }

    /// Takes up to so many of the available permits away for good, and returns how many. The reverse of
    /// [`add_permits`](Self::add_permits). It does not wait, so permits that are in use stay.
    ///
    /// ```
    /// let semaphore = taketurns::sync::Semaphore::new(3);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.forget_permits(10), 2);
    /// drop(permit);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    pub fn forget_permits(&self, permits: usize) -> usize {
        self.permits.forget(permits)
    }

    /// From now on no permit is taken: futures that wait, and those made later, end with an error. The futures in line are
    /// woken in order. Permits that are in use, or granted already, stay valid, and count again when they are dropped.
    ///
    /// Nothing opens a closed semaphore again.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// How many permits are neither in use nor granted. While a future waits for many, those that it waits with are
    /// counted, although no other future can take them.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.permits.free()
    }
}

#[inline]
#[track_caller]
fn check(permits: usize) {
    assert!(
        permits <= Semaphore::MAX_PERMITS,
        "more than `Semaphore::MAX_PERMITS` permits are never there: ask for fewer"
    );
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("is_closed", &self.is_closed())
            .field("waiters", &self.permits.waiters())
            .finish()
    }
}

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
#[must_use = "futures do nothing unless awaited"]
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
    acquiring: Acquiring,
}

/// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
#[must_use = "futures do nothing unless awaited"]
pub struct AcquireOwned {
    semaphore: Rc<Semaphore>,
    permits: usize,
    acquiring: Acquiring,
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<Permit<'a>, AcquireError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Acquire { semaphore, permits, acquiring } = self.get_mut();
        let ask = Ask { operation: Operation::Acquire, permits: *permits };
        let taken = acquiring.poll(&semaphore.permits, ask, cx);
        taken.map(|taken| match taken {
            Ok(()) => Ok(Permit { semaphore, permits: *permits }),
            Err(permits::Closed) => Err(AcquireError(())),
        })
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedPermit, AcquireError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let AcquireOwned { semaphore, permits, acquiring } = self.get_mut();
        let ask = Ask { operation: Operation::Acquire, permits: *permits };
        let taken = acquiring.poll(&semaphore.permits, ask, cx);
        taken.map(|taken| match taken {
            Ok(()) => Ok(OwnedPermit { semaphore: Rc::clone(semaphore), permits: *permits }),
            Err(permits::Closed) => Err(AcquireError(())),
        })
    }
}

impl Drop for Acquire<'_> {
    #[inline]
    fn drop(&mut self) {
        self.acquiring.leave(&self.semaphore.permits);
    }
}

impl Drop for AcquireOwned {
    #[inline]
    fn drop(&mut self) {
        self.acquiring.leave(&self.semaphore.permits);
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Acquire { semaphore, permits, acquiring } = self;
        acquiring.fmt("Acquire", &semaphore.permits, f).field("permits", permits).finish()
    }
}

impl fmt::Debug for AcquireOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AcquireOwned { semaphore, permits, acquiring } = self;
        acquiring.fmt("AcquireOwned", &semaphore.permits, f).field("permits", permits).finish()
    }
}

/// Permits that are in use, until this is dropped.
#[must_use = "dropped at once, it gives the permits back at once"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
}

/// As [`Permit`], with a reference on the semaphore.
#[must_use = "dropped at once, it gives the permits back at once"]
pub struct OwnedPermit {
    semaphore: Rc<Semaphore>,
    permits: usize,
}

/// What the two kinds of permits have alike.
macro_rules! permit {
    ($Permit:ident $(<$a:lifetime>)?, |$semaphore:ident| $share:expr) => {
        impl $(<$a>)? $Permit $(<$a>)? {
            /// How many permits these are.
            #[must_use]
            pub fn permits(&self) -> usize {
                self.permits
            }

            /// Takes these permits out of the semaphore for good.
            pub fn forget(mut self) {
                self.permits = 0;
            }

            /// Takes so many off, to be dropped by themselves. `None`, and nothing changes, if these are fewer.
            #[must_use = "dropped at once, it gives the permits back at once"]
            pub fn split(&mut self, permits: usize) -> Option<Self> {
                self.permits = self.permits.checked_sub(permits)?;
                let $semaphore = &self.semaphore;
                Some(Self { semaphore: $share, permits })
            }

            /// Adds other permits of the same semaphore, to be dropped together.
            ///
            /// # Panics
            ///
            /// If the other permits are of another semaphore.
            #[track_caller]
            pub fn merge(&mut self, mut other: Self) {
                let same = std::ptr::eq::<Permits>(&self.semaphore.permits, &other.semaphore.permits);
                assert!(same, "permits of two semaphores cannot be merged: keep them apart");
                self.permits += mem::take(&mut other.permits);
            }
        }

        impl $(<$a>)? Drop for $Permit $(<$a>)? {
            #[inline]
            fn drop(&mut self) {
                self.semaphore.permits.give(self.permits);
            }
        }

        impl $(<$a>)? fmt::Debug for $Permit $(<$a>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($Permit)).field("permits", &self.permits).finish()
            }
        }
    };
}

permit!(Permit<'a>, |semaphore| semaphore);
permit!(OwnedPermit, |semaphore| Rc::clone(semaphore));
