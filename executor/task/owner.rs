//! The executor's own hold on its hub, which closes it.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;

use super::count::Fate;
use super::hub::{Hub, HubRef};
use super::join::JoinHandle;
use crate::executor::driver::Unpark;
use crate::executor::{Info, silence};

/// Owns the hub. Its drop ends every task, so that nothing of theirs is left when `'env` is over (ENV).
///
/// It is invariant in `'env`, by the function type that both takes and returns it: no shorter or longer lifetime can be
/// passed off for it.
pub(crate) struct HubOwner<'env> {
    hub: HubRef,
    /// Where the executor was made. Errors name that place while it closes, as a drop has no place of its own.
    made_at: &'static Location<'static>,
    _env: PhantomData<fn(&'env ()) -> &'env ()>,
}

impl<'env> HubOwner<'env> {
    #[track_caller]
    pub(crate) fn new(unparker: Box<dyn Unpark>) -> Self {
        Self { hub: HubRef::allocate(unparker), made_at: Location::caller(), _env: PhantomData }
    }

    /// Spawns a task, whose future may borrow what outlives the executor, at the tail of the run queue.
    #[inline]
    pub(crate) fn spawn_in_env<F: Future + 'env>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        // SAFETY: (ENV) the future is dropped when this is, at the latest, and `'env` is not over before that.
        unsafe { self.spawn_borrowing(future, site) }
    }

    /// Ends every task. Returns those that were lost, in the order of spawning. After this the hub is good for nothing but
    /// to be dropped.
    pub(crate) fn close(&mut self, site: &'static Location<'static>) -> Vec<Info> {
        Hub::close(self, site)
    }
}

impl Deref for HubOwner<'_> {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        // SAFETY: (HUB) OPEN is held until this is dropped. At home: the pointer inside makes this `!Send`.
        unsafe { self.hub.at_home() }
    }
}

impl Drop for HubOwner<'_> {
    fn drop(&mut self) {
        Hub::close(self, self.made_at);
        debug_assert!(self.home.queue.is_empty(), "nothing is queued behind the last task's end");
        // SAFETY: (LEAF) reads a number.
        let without_notes = unsafe { self.home.notes.with(|notes| notes.is_empty()) };
        debug_assert!(without_notes, "a note goes with its task");
        // SAFETY: (LEAF) a move.
        let hook = unsafe { self.home.on_unhandled.with(Option::take) };
        // The hook may own a `JoinHandle`, and with that the last hold on a task, which holds the hub: left in its place, it
        // would keep the hub for ever. It goes before the next line, as that task's memory goes to the free list.
        silence(|| drop(hook));
        // SAFETY: (LEAF) a move.
        drop(unsafe { self.home.observers.with(std::mem::take) });
        self.home.free.clear();
        if self.home.count.retire(&self.away.count) == Fate::Free {
            // SAFETY: (LAST) the count says that nothing else can reach it.
            unsafe { self.hub.free() };
        }
    }
}
