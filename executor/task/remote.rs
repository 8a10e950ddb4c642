//! The way in from other threads: a hold on the hub that may be sent.

use std::future::{Future, ready};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::cell;
use super::count::AwayCount;
use super::entry::{is_entered, with_current};
use super::header::Birth;
use super::hub::{Away, Hub, HubRef};
use super::pulse::Sample;
use super::state::{self, TaskState};
use super::waker;
use crate::executor::primitives::ordering;
use crate::executor::{Id, contain};

/// One reference on a hub, for any thread. It can borrow the away half, and nothing else.
#[derive(PartialEq)]
pub(crate) struct HubHandle(HubRef);

// SAFETY: (AWAY) it uses an `&Away` alone: atomics, and the unparker, which is `Send + Sync`. What it sends is
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

    /// What the loop does, and how much it has done.
    pub(crate) fn pulse(&self) -> Sample {
        self.away().pulse.sample()
    }

    /// What reports call a live task, if it has a name.
    pub(crate) fn name_of(&self, id: Id) -> Option<Box<str>> {
        self.away().name_of(id.0)
    }

    /// Whether this thread is inside of this executor.
    #[inline]
    pub(crate) fn is_entered(&self) -> bool {
        is_entered(self.0)
    }

    /// Whether the executor has ended.
    pub(crate) fn has_closed(&self) -> bool {
        self.away().inbox.is_closed()
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

    /// As [`spawn`](Self::spawn), of a function that makes the future, which need not be `Send`. It is called in the task's
    /// first turn.
    ///
    /// # Errors
    ///
    /// The function, uncalled, when the executor has closed.
    pub(crate) fn spawn_made<M, F>(
        &self,
        make: M,
        site: &'static Location<'static>,
    ) -> Result<Waker, Homemade<M, F>>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = ()> + 'static,
    {
        self.send(Homemade { make: Some(make), future: None }, state::REMOTE, site)
    }

    /// Sends a function, to be called at home in a turn of its own, soon after the next look; also while the executor
    /// closes. `false`: the executor has closed, and the function was dropped.
    #[track_caller]
    pub(crate) fn call(&self, f: impl FnOnce() + Send + 'static) -> bool {
        // Contained here: `cell::poll` would report the panic of a task with the id 0, the root.
        let make = Some(|| {
            contain(f);
            ready(())
        });
        self.send(Homemade { make, future: None }, state::CALL, Location::caller()).is_ok()
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
            id: if bits == state::CALL { Id::SENT.0 } else { 0 }, // home gives a task the next one when it takes that in
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

pin_project_lite::pin_project! {
    /// A function that makes a future at home, then that future.
    pub(crate) struct Homemade<M, F> {
        make: Option<M>,
        #[pin]
        future: Option<F>,
    }
}

// SAFETY: (MADE) while it is on another thread it has no future, and the function is `Send`.
unsafe impl<M: Send, F> Send for Homemade<M, F> {}

impl<M: FnOnce() -> F, F: Future> Future for Homemade<M, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some(make) = this.make.take() {
            this.future.set(Some(make()));
        }
        this.future.as_pin_mut().expect("its first turn has made it").poll(cx)
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
