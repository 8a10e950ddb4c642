//! How a task gets its scope ([`Scope`](crate::executor::frame::Scope)): once it is spawned, listed and queued.
//!
//! To make a scope is user code, which may spawn, wake or panic. So it is made when the spawn is done, and not, as observers
//! are told, in the middle of it. The crate has this only with the feature `tracing`.

use super::header::TaskRef;
use super::hub::Hub;
use crate::executor::frame::OpenScope;
use crate::executor::{Id, contain};

impl Hub {
    /// From now on `open` is asked for a scope of each task that is spawned.
    pub(crate) fn open_scopes(&self, open: OpenScope) {
        self.home.opens.set(Some(open));
    }

    /// Asks for a scope of a task that was just made.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub. It is kept until this returns.
    #[inline]
    pub(super) unsafe fn open_scope(&self, task: TaskRef) {
        if let Some(open) = self.home.opens.get().filter(|open| (open.is_wanted)()) {
            // SAFETY: as the caller promised.
            unsafe { self.open_by(open, task) };
        }
    }

    /// # Safety
    ///
    /// As `open_scope`.
    #[inline(never)]
    unsafe fn open_by(&self, open: OpenScope, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised.
        let (home, site) = unsafe { (task.home(), task.fixed().site) };
        let id = home.id.get();
        let mut scope = None;
        // A task that is spawned by `open` itself has no scope, or this would have no end.
        self.home.opens.set(None);
        contain(|| scope = (open.open)(Id(id), site, &|| self.away.names().get(&id).cloned()));
        self.home.opens.set(Some(open));
        // It has ended if it is stillborn; or if `open`, between two runs, has run the executor.
        if home.state.is_finished() {
            return contain(|| drop(scope));
        }
        if scope.is_some() {
            home.state.set_noted();
            home.state.set_framed();
            // SAFETY: (LEAF) keys are numbers, and there was no scope.
            unsafe {
                self.home.notes.with(|notes| notes.entry(id).or_default().frame.scope = scope);
            }
        }
    }
}
