//! The way in from other threads: a hold on the hub that may be sent.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use super::bits;
use super::cell::{self, Birth};
use super::count::Count;
use super::entry::with_current;
use super::hub::{Hub, HubOwner, hub};
use super::waker;
use crate::executor::primitives::order;
use crate::executor::{contain, silence};

/// One reference on a hub. Uses only its away half.
pub(crate) struct HubHandle(NonNull<Hub>);

// SAFETY: (AWAY) of the hub it touches `count.word`, the head of the inbox and the stop flag alone, which are atomics, and
// the unparker, which is Send + Sync. Its tasks' futures are Send. The last release, wherever that is, frees the hub: by
// then its home half is empty (`HubOwner::drop`), so no value that belongs to home's thread is dropped.
unsafe impl Send for HubHandle {}
// SAFETY: (AWAY) as above; `&self` gives no more.
unsafe impl Sync for HubHandle {}

impl HubHandle {
    pub(crate) fn new(owner: &HubOwner<'_>) -> Self {
        Self(owner.share())
    }

    /// One of the executor that this thread is inside of.
    pub(crate) fn current() -> Option<Self> {
        with_current(|hub| {
            hub.count.away_inc();
            Self(NonNull::from(hub))
        })
    }

    fn hub(&self) -> &Hub {
        // SAFETY: (PINNED) this is a reference.
        unsafe { hub(self.0) }
    }

    /// Sets the stop flag and ends the wait, if home waits.
    pub(crate) fn stop(&self) {
        self.hub().stop.fetch_or(1, order::stop());
        silence(|| self.hub().inbox.unparker.unpark());
    }

    /// Sends a task to the executor, which takes it in at its next look. The waker wakes that task; it is made here, where
    /// it costs no read-modify-write.
    ///
    /// # Errors
    ///
    /// The future, unpolled, when the executor has ended. Dropping it is the caller's: nothing of home's may be touched
    /// here, which reporting a panic of that drop would.
    pub(crate) fn spawn<F>(&self, future: F, site: &'static Location<'static>) -> Result<Waker, F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.send(future, bits::REMOTE, site)
    }

    /// Sends a function, to be called at home in a turn of its own, soon after the next look; also while the executor ends.
    ///
    /// # Errors
    ///
    /// The function, uncalled, when the executor has ended.
    #[track_caller]
    pub(crate) fn call<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), F> {
        match self.send(Call(Some(f)), bits::CALL, Location::caller()) {
            Ok(_waker) => Ok(()),
            Err(Call(f)) => Err(f.expect("it was not called")),
        }
    }

    fn send<F>(&self, future: F, pins: u32, site: &'static Location<'static>) -> Result<Waker, F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hub().count.away_inc();
        let birth = Birth { count: Count::new_queued(pins, 1), hub: self.0, id: 0, site };
        let task = cell::new(birth, future, None);
        if self.hub().inbox.push(task) {
            return Ok(waker::own(task));
        }
        // SAFETY: (LAST) the push failed, so no other place has seen the task; the reference on the hub was counted above.
        unsafe {
            let future = cell::unmake::<F>(task);
            Hub::release(self.0);
            Err(future)
        }
    }
}

/// A function as a future.
struct Call<F>(Option<F>);

impl<F> Unpin for Call<F> {}

impl<F: FnOnce()> Future for Call<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if let Some(f) = self.0.take() {
            contain(f);
        }
        Poll::Ready(())
    }
}

impl Clone for HubHandle {
    fn clone(&self) -> Self {
        self.hub().count.away_inc();
        Self(self.0)
    }
}

impl Drop for HubHandle {
    fn drop(&mut self) {
        // SAFETY: the reference is this handle's.
        unsafe { Hub::release(self.0) };
    }
}
