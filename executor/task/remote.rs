//! The way in from other threads: a hold on the hub that may be sent.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::cell;
use super::count::AwayCount;
use super::entry::with_current;
use super::header::Birth;
use super::hub::{Away, Hub, HubRef};
use super::state::{self, TaskState};
use super::waker;
use crate::executor::contain;
use crate::executor::primitives::ordering;

/// One reference on a hub, for any thread. It can borrow the away half, and nothing else.
pub(crate) struct HubHandle(HubRef);

// SAFETY: (AWAY) it uses an `&Away` alone: atomics, and the unparker, which is `Send + Sync`. The futures that it sends are
// `Send`. The last release, on whatever thread, frees the hub: home's half is empty by then, so no value that belongs to
// home's thread is dropped.
unsafe impl Send for HubHandle {}
// SAFETY: (AWAY) as above; `&self` gives no more.
unsafe impl Sync for HubHandle {}

impl HubHandle {
    pub(crate) fn new(hub: &Hub) -> Self {
        // In the word, as another thread will give it up.
        hub.away.count.inc();
        Self(hub.this)
    }

    /// A handle of the executor that this thread is inside of. `None` outside.
    pub(crate) fn current() -> Option<Self> {
        with_current(Self::new)
    }

    fn away(&self) -> &Away {
        // SAFETY: (HUB) this is a reference.
        unsafe { self.0.away() }
    }

    /// Sets the stop flag, and ends the wait if home waits.
    pub(crate) fn stop(&self) {
        // Ordering: gives what was done before to `stop_taken`.
        self.away().stop.fetch_or(1, ordering!(stop: Release));
        self.away().inbox.unpark();
    }

    /// Sends a task to the executor, which takes it in at its next look. Returns a waker of that task, which is made here, with
    /// the task, where it costs no read-modify-write. (A `RemoteHandle` aborts by it: it sets a flag that its future looks at
    /// first, and wakes the task.)
    ///
    /// # Errors
    ///
    /// The future, unpolled, when the executor has closed. The caller drops it: a panic of that drop could not be reported
    /// here, as the hook is home's.
    pub(crate) fn spawn<F>(&self, future: F, site: &'static Location<'static>) -> Result<Waker, F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.send(future, state::REMOTE, site)
    }

    /// Sends a function, to be called at home in a turn of its own, soon after the next look; also while the executor
    /// closes.
    ///
    /// # Errors
    ///
    /// The function, uncalled, when the executor has closed.
    #[track_caller]
    pub(crate) fn call<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), F> {
        match self.send(Call(Some(f)), state::CALL, Location::caller()) {
            Ok(_waker) => Ok(()),
            Err(Call(f)) => Err(f.expect("it was not called")),
        }
    }

    fn send<F>(&self, future: F, bits: u32, site: &'static Location<'static>) -> Result<Waker, F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.away().count.inc(); // the task's reference on the hub
        let birth = Birth {
            state: TaskState::new(bits),
            away: AwayCount::new_posted(), // the reference is the waker's
            hub: self.0,
            id: 0, // home gives a task the next one when it takes that in; a `Call` keeps 0
            site,
        };
        let task = cell::new(birth, future, None);
        if self.away().inbox.push(task) {
            return Ok(waker::own(task));
        }
        // SAFETY: (LAST) the push failed, so no other place has seen the task; (HUB) its reference on the hub was
        // counted above.
        unsafe {
            let future = cell::unmake::<F>(task);
            self.0.release();
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
            contain(f); // not left to `cell::poll`, whose report would name the task with the id 0: the root
        }
        Poll::Ready(())
    }
}

impl Clone for HubHandle {
    fn clone(&self) -> Self {
        self.away().count.inc();
        Self(self.0)
    }
}

impl Drop for HubHandle {
    fn drop(&mut self) {
        // SAFETY: (HUB) the reference is this handle's.
        unsafe { self.0.release() };
    }
}
