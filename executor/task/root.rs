//! The root: the future that `block_on` was given, as a task.
//!
//! `block_on` could poll its future itself, between the turns of the tasks. But then it would need a waker and a place in
//! the order of turns of its own. So the root is a task like any other: it waits in the same queue, and what it awaits
//! wakes it in the same way. Two things differ. It *borrows* its future, which stays with `block_on`, as that need not be
//! `'static`. And it is not listed, as it cannot be lost. Reports call it "the future of `block_on`", not a task.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;

use super::cell;
use super::hub::Hub;
use super::join::JoinHandle;
use super::state;
use crate::executor::{Id, JoinError, contain};

/// The handle of the root. Its drop takes the borrowed future out of the task.
pub(crate) struct Root<T>(JoinHandle<T>);

impl<T> Root<T> {
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Drop for Root<T> {
    /// However the run ended, the task must not touch the future after it (BORROW).
    fn drop(&mut self) {
        let root = self.0.hub().home.root.get();
        if let Some(root) = root.filter(|_| self.0.hub().is_observed() && !self.0.is_finished()) {
            // SAFETY: (ALIVE) the handle keeps it.
            unsafe { self.0.hub().tell_ended(root) };
        }
        self.0.hub().home.root.set(None);
        self.0.hub().forget_note(Id::ROOT.0); // if the run unwinds, the root has not ended
        self.0.state().take_root_future();
        // An output is still there if the root has completed and the run unwinds nevertheless, as a driver that panics in
        // the last look makes it. If the output's drop panics too, that must not end the process.
        let output = self.0.take_now();
        contain(|| drop(output));
    }
}

impl Hub {
    /// Puts `future` into the run queue as the root, lets `run` drive the loop until [`Root::is_done`], and returns the
    /// output.
    pub(crate) fn with_root<F: Future>(
        &self,
        future: Pin<&mut F>,
        site: &'static Location<'static>,
        run: impl FnOnce(&Root<F::Output>),
    ) -> Result<F::Output, JoinError> {
        let birth = self.birth(state::ROOT, Id::ROOT.0, site);
        let task = cell::new(birth, future, Some(&self.home.free));
        // SAFETY: (HANDLE) the bit is set for this handle, and (TYPED) the task is of this output.
        let mut root = Root(unsafe { JoinHandle::new(task) });
        self.home.root.set(Some(task));
        self.push(task);
        run(&root);
        root.0.take_now().expect("the loop ran until the root was done")
    }
}
