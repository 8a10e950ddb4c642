//! The waker: a task's pointer, and what can be done with it from anywhere.
//!
//! `std` demands that a `Waker` may be cloned, used and dropped on any thread. Each function here
//! asks first whether this is home ([`entry`](super::entry)), and if so moves plain cells; if not, it
//! takes the task's atomic word. A waker is one reference of the task's count.
//!
//! | function | references | at home | away |
//! |---|---|---|---|
//! | `clone` | +1 | `local += 1` | `fetch_add` |
//! | `wake` | -1 | as the next two | as the next two |
//! | `wake_by_ref` | 0 | into the run queue | `fetch_or`, into the inbox |
//! | `drop` | -1 | `local -= 1` | `fetch_sub`; the last one frees |

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::bits::Wake;
use super::entry::is_home;
use super::header::{Header, TaskPtr, count};
use super::hub::{Hub, hub};

const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

/// A waker for the time of one poll: it owns no reference, so making it costs nothing.
#[inline]
pub(super) fn lend(task: TaskPtr) -> ManuallyDrop<Waker> {
    // SAFETY: (ALIVE) RUNNING is held while it is lent; ManuallyDrop keeps it from being given back.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw(task.as_ptr().cast())) })
}

/// A waker that owns one reference, which the caller has counted.
pub(super) fn own(task: TaskPtr) -> Waker {
    // SAFETY: the vtable's functions accept a task's pointer with one reference.
    unsafe { Waker::from_raw(raw(task.as_ptr().cast())) }
}

fn raw(task: *const ()) -> RawWaker {
    RawWaker::new(task, &VTABLE)
}

/// # Safety
///
/// `data` comes from a waker of ours.
#[inline]
unsafe fn task(data: *const ()) -> TaskPtr {
    // SAFETY: (ALIVE) it was made of a `TaskPtr`, which is not null.
    unsafe { TaskPtr::new_unchecked(data.cast_mut().cast::<Header>()) }
}

/// # Safety
///
/// (ALIVE).
#[inline]
unsafe fn hub_of(task: TaskPtr) -> NonNull<Hub> {
    // SAFETY: (ALIVE) as the caller promised; `hub` never changes.
    unsafe { (*task.as_ptr()).hub }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: (ALIVE) the waker being cloned is a reference.
    unsafe {
        let task = task(data);
        if is_home(hub_of(task)) { count(task).home_inc() } else { count(task).away_inc() }
    }
    raw(data)
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: (ALIVE) the waker is a reference, kept until the push is done. (PINNED) the task's
    // reference on the hub is released after the last of its own, so the hub is there too.
    unsafe {
        let task = task(data);
        let pointer = hub_of(task);
        if is_home(pointer) {
            if count(task).wake_home() == Wake::Push {
                hub(pointer).push_ready(task);
            }
        } else if count(task).win_queued() {
            hub(pointer).push_away(task);
        }
    }
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker is given up after its last use.
    unsafe {
        wake_by_ref(data);
        drop(data);
    }
}

unsafe fn drop(data: *const ()) {
    // SAFETY: (ALIVE) the waker being dropped is a reference; after the decrement the task is touched
    // only by the one that is told to free it.
    unsafe {
        let task = task(data);
        let home = is_home(hub_of(task));
        let count = count(task);
        let fate = if home { count.home_dec() } else { count.away_dec() };
        Hub::settle_away(task, fate);
    }
}
