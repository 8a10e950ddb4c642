//! A waker whose clone, wake and drop run scripts of the program.
//!
//! `std::task::Wake` has no hook for the clone, so this is the one place of the tests' interpreter with `unsafe`.

#![allow(unsafe_code, reason = "a clone that acts needs a vtable of one's own")]

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::oracle::{Kind, Token, run_script};

struct Scripts {
    wake: u8,
    clone: u8,
    drop: u8,
}

/// What the pointer of a waker points to. Each waker owns one strong count of it (COUNTED).
type Data = Scripts;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_it);

/// `a` and `b` choose the scripts.
pub(crate) fn waker(a: u8, b: u8) -> Waker {
    let scripts = Scripts { wake: b & 31, clone: (a >> 3) & 31, drop: (b >> 5) | (a & 3) << 3 };
    own(Arc::new(scripts))
}

fn own(data: Arc<Data>) -> Waker {
    count_one();
    // SAFETY: the functions of VTABLE keep COUNTED: the new waker owns the count that `into_raw` leaves.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(data).cast(), &VTABLE)) }
}

/// One more waker there is; its end is counted by `Release`.
fn count_one() {
    std::mem::forget(Token::anywhere(Kind::Waker));
}

/// Gives back what one waker owns, whatever its drop script does.
struct Release(Arc<Data>);

impl Drop for Release {
    fn drop(&mut self) {
        struct Counted;
        impl Drop for Counted {
            fn drop(&mut self) {
                Token::end_of(Kind::Waker);
            }
        }
        let _counted = Counted;
        run_script(self.0.drop);
    }
}

/// # Safety
///
/// `data` is a waker's pointer, and that waker lives until the result is dropped.
unsafe fn borrow(data: *const ()) -> ManuallyDrop<Arc<Data>> {
    // SAFETY: (COUNTED) the waker's own count keeps it alive, and is not given up here.
    ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Data>()) })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the caller of `Waker::clone` borrows the waker.
    let data = unsafe { borrow(data) };
    run_script(data.clone);
    let copy = ManuallyDrop::new(own(Arc::clone(&data)));
    RawWaker::new(copy.data(), &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: (COUNTED) `Waker::wake` gives up the waker, whose count this takes.
    let released = Release(unsafe { Arc::from_raw(data.cast::<Data>()) });
    run_script(released.0.wake);
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the caller of `Waker::wake_by_ref` borrows the waker.
    run_script(unsafe { borrow(data) }.wake);
}

unsafe fn drop_it(data: *const ()) {
    // SAFETY: (COUNTED) the waker ends, and its count is this.
    drop(Release(unsafe { Arc::from_raw(data.cast::<Data>()) }));
}
