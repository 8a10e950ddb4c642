//! A waker that runs a function of the test's where it is cloned. `Wake` has no place for one.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

type OnClone = Box<dyn Fn() + Send + Sync>;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, release, |_| {}, release);

/// Calls `on_clone` in each clone, and does nothing when woken.
pub(crate) fn waker_that_clones_by(on_clone: impl Fn() + Send + Sync + 'static) -> Waker {
    let shared: Arc<OnClone> = Arc::new(Box::new(on_clone));
    // SAFETY: the data is a counted reference, as the table's functions take it to be; it is Send and Sync.
    unsafe { Waker::new(Arc::into_raw(shared).cast(), &VTABLE) }
}

fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker being cloned owns this reference, and keeps it.
    let shared = ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<OnClone>()) });
    shared();
    RawWaker::new(Arc::into_raw(Arc::clone(&shared)).cast(), &VTABLE)
}

fn release(data: *const ()) {
    // SAFETY: the waker that ends here owns this reference.
    drop(unsafe { Arc::from_raw(data.cast::<OnClone>()) });
}
