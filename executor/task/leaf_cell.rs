//! A place that home uses for the length of a few plain moves.
//!
//! What a `RefCell` would check at run time is plain from the code: the closure is a leaf, it runs no
//! code of the user's and does not come back to the same cell. On the paths of spawning and ending a
//! task the checks were 5 % of the time.

use crate::executor::primitives::HomeMemory;

pub(super) struct LeafCell<T>(HomeMemory<T>);

impl<T> LeafCell<T> {
    pub(super) fn new(value: T) -> Self {
        Self(HomeMemory::new(value))
    }

    /// # Safety
    ///
    /// (LEAF) Called at home; `f` runs no code of the user's and does not use this cell.
    #[inline]
    pub(super) unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: (LEAF) so this is the only reference while `f` runs.
        self.0.with_mut(|value| f(unsafe { &mut *value }))
    }
}
