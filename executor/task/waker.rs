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

/// One place in memory: `will_wake` compares its address, and each use of a `const` may have another.
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

fn is_ours(waker: &Waker) -> bool {
    std::ptr::eq(waker.vtable(), &VTABLE)
}

static NOOP: RawWakerVTable = RawWakerVTable::new(|_| RAW_NOOP, |_| {}, |_| {}, |_| {});
const RAW_NOOP: RawWaker = RawWaker::new(std::ptr::null(), &NOOP);

/// A waker that does nothing, by which a leaf is told to forget the one it has. std's may have another address in each
/// crate that uses it, so what a generic function of this crate gives might not be known in a plain one.
pub(crate) fn noop() -> Waker {
    // SAFETY: the table's functions use no data.
    unsafe { Waker::from_raw(RAW_NOOP) }
}

/// Whether a waker does nothing, as far as can be told: this crate's, and std's where it is known.
pub(crate) fn is_noop(waker: &Waker) -> bool {
    std::ptr::eq(waker.vtable(), &NOOP) || waker.will_wake(Waker::noop())
}

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

/// Aborts the task that `waker`, one of ours, wakes: its next turn, which it is owed from now, drops the
/// future.
pub(crate) fn abort(waker: &Waker) {
    if !is_ours(waker) {
        return;
    }
    // SAFETY: (ALIVE) a waker of ours, kept until the push is done; (PINNED) for the hub.
    unsafe {
        let task = task(waker.data());
        let hub = hub(hub_of(task));
        if !is_home(hub_of(task)) {
            if count(task).win_queued_to_abort() {
                hub.push_away(task);
            }
        } else if count(task).abort_home() == Wake::Push {
            hub.queue.push(task);
        }
    }
}

/// The task that `waker` wakes, if it is one of this hub.
#[inline]
pub(super) fn task_of(waker: &Waker, home: NonNull<Hub>) -> Option<TaskPtr> {
    if !is_ours(waker) {
        return None;
    }
    // SAFETY: (ALIVE) a waker of ours.
    let task = unsafe { task(waker.data()) };
    // SAFETY: (ALIVE) a waker of ours.
    (unsafe { hub_of(task) } == home).then_some(task)
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
    // SAFETY: (ALIVE) the waker is a reference, kept until the push is done.
    unsafe {
        let task = task(data);
        if is_home(hub_of(task)) { wake_home(task) } else { wake_away(task) }
    }
}

unsafe fn wake(data: *const ()) {
    // SAFETY: (ALIVE) the waker is a reference, given up after its last use; after the decrement the
    // task is touched only by the one that is told to free it.
    unsafe {
        let task = task(data);
        let fate = if is_home(hub_of(task)) {
            wake_home(task);
            count(task).home_dec()
        } else {
            wake_away(task);
            count(task).away_dec()
        };
        Hub::settle_away(task, fate);
    }
}

unsafe fn drop(data: *const ()) {
    // SAFETY: (ALIVE) as in `wake`.
    unsafe {
        let task = task(data);
        let home = is_home(hub_of(task));
        let count = count(task);
        Hub::settle_away(task, if home { count.home_dec() } else { count.away_dec() });
    }
}

/// Puts the task into the run queue, unless it is owed a turn already.
///
/// # Safety
///
/// (ALIVE), at home.
#[inline]
pub(super) unsafe fn wake_home(task: TaskPtr) {
    // SAFETY: (ALIVE) as the caller promised; (PINNED) the task's reference on the hub is released after
    // the last of its own.
    unsafe {
        if count(task).wake_home() == Wake::Push {
            hub(hub_of(task)).queue.push(task);
        }
    }
}

/// Puts the task into the inbox, unless it is there already.
///
/// # Safety
///
/// (ALIVE) by a reference that is kept until this returns.
unsafe fn wake_away(task: TaskPtr) {
    // SAFETY: (ALIVE), (PINNED) as the caller promised.
    unsafe {
        if count(task).win_queued() {
            hub(hub_of(task)).push_away(task);
        }
    }
}
