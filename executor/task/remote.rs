//! The way in from other threads: a hold on the hub that may be sent.

use std::future::Future;
use std::panic::Location;
use std::ptr::NonNull;
use std::task::Waker;

use super::bits::{self, AfterEnd};
use super::cell::{self, Birth};
use super::count::Count;
use super::header::TaskPtr;
use super::hub::{Hub, HubOwner, hub};
use super::waker;
use crate::executor::JoinError;
use crate::executor::primitives::order;

/// One reference on a hub. Uses only its away half.
pub(crate) struct HubHandle(NonNull<Hub>);

// SAFETY: (AWAY) of the hub it touches the count's word, the inbox and the stop flag alone: atomics, and
// an unparker that is Send + Sync.
unsafe impl Send for HubHandle {}
// SAFETY: (AWAY) as above; `&self` gives no more.
unsafe impl Sync for HubHandle {}

impl HubHandle {
    pub(crate) fn new(owner: &HubOwner<'_>) -> Self {
        Self(owner.share())
    }

    fn hub(&self) -> &Hub {
        // SAFETY: (PINNED) this is a reference.
        unsafe { hub(self.0) }
    }

    /// Sets the stop flag and ends the wait, if home waits.
    pub(crate) fn stop(&self) {
        self.hub().stop.fetch_or(1, order::stop());
        self.hub().inbox.unparker.unpark();
    }

    /// Sends a task to the executor, which takes it in at its next look. When the executor has ended,
    /// the future is dropped here and now.
    ///
    /// The waker wakes that task; it is made here, where it costs no read-modify-write. `false` when the
    /// executor has ended.
    pub(crate) fn spawn<F>(&self, future: F, site: &'static Location<'static>) -> (Waker, bool)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hub().count.away_inc();
        let birth = Birth { count: Count::new_queued(bits::REMOTE, 1), hub: self.0, id: 0, site };
        let task = cell::new(birth, future, |_| None);
        let waker = waker::own(task);
        let sent = self.hub().inbox.push(task);
        if !sent {
            // SAFETY: QUEUED was never seen by anybody, so the task is still this place's alone.
            unsafe { Self::end_unseen(task) };
        }
        (waker, sent)
    }

    /// Ends a task that never reached its executor. Its future may be dropped here: it is `Send`.
    ///
    /// # Safety
    ///
    /// The push failed: no other place has seen the task, apart from the waker in the caller's hand.
    unsafe fn end_unseen(task: TaskPtr) {
        // SAFETY: this place is home for a task that nobody has seen. (HELD) by `begin_close`.
        unsafe {
            let count = super::header::count(task);
            count.let_go();
            count.begin_close();
            ((*task.as_ptr()).vtable.cancel)(task, JoinError::shutdown);
            if let AfterEnd::Over(fate) = count.end_done() {
                Hub::settle_away(task, fate);
            }
        }
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
