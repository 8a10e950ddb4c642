//! The waker: a task's pointer, and what can be done with it from anywhere.
//!
//! `std` demands that a `Waker` may be cloned, used and dropped on any thread. So each function here first asks where it
//! is ([`here`]). At home it moves plain numbers; in every other place it uses the task's atomic word.
//! A waker is one reference of the task's count.
//!
//! | function | references | at home | away |
//! |---|---|---|---|
//! | `clone` | +1 | `local += 1` | `fetch_add` |
//! | `wake_by_ref` | 0 | into the run queue | `fetch_or`, then into the inbox |
//! | `wake` | -1 | as `wake_by_ref`, then as `drop` | likewise |
//! | `drop` | -1 | `local -= 1` | `fetch_sub`; the last one frees the task |

use std::mem::ManuallyDrop;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::entry::{Here, here};
use super::header::{Header, TaskRef};
use super::hub::{Away, HubRef, free_anywhere};
use crate::executor::contain;
use crate::executor::job_thread::runs_jobs;

/// A `static`, not a `const`: `will_wake` compares the address, and each use of a `const` may have another.
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

fn is_ours(waker: &Waker) -> bool {
    std::ptr::eq(waker.vtable(), &VTABLE)
}

static NOOP: RawWakerVTable = RawWakerVTable::new(|_| RAW_NOOP, |_| {}, |_| {}, |_| {});
const RAW_NOOP: RawWaker = RawWaker::new(std::ptr::null(), &NOOP);

/// A waker that does nothing. To poll a leaf future with it is to ask it to forget the waker that it has kept: `timeout` does
/// so, at its limit, with a future that it cannot drop. It also stands for the task that a `Handle` could not send.
///
/// `Waker::noop()` would not do: std's table may have another address in each crate that uses it, so a generic function
/// that is compiled in the user's crate might make one that this crate does not recognise.
pub(crate) fn noop() -> Waker {
    // SAFETY: the table's functions use no data.
    unsafe { Waker::from_raw(RAW_NOOP) }
}

/// Whether a waker does nothing: this crate's own, or std's where that can be recognised.
pub(crate) fn is_noop(waker: &Waker) -> bool {
    std::ptr::eq(waker.vtable(), &NOOP) || waker.will_wake(Waker::noop())
}

/// A waker for the length of one poll. It owns no reference, so making it costs nothing.
#[inline]
pub(super) fn lend(task: TaskRef) -> ManuallyDrop<Waker> {
    // SAFETY: (ALIVE) RUNNING is held while it is lent; `ManuallyDrop` keeps it from giving up a reference.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw(task.as_ptr().cast())) })
}

/// A waker that owns one reference, which the caller has counted.
pub(super) fn own(task: TaskRef) -> Waker {
    // SAFETY: the table's functions take a task's pointer with one reference.
    unsafe { Waker::from_raw(raw(task.as_ptr().cast())) }
}

/// The task that `waker` wakes, if it is a task of this hub.
#[inline]
pub(super) fn task_of(waker: &Waker, hub: HubRef) -> Option<TaskRef> {
    if !is_ours(waker) {
        return None;
    }
    // SAFETY: a waker of ours; (ALIVE) it is a reference.
    unsafe {
        let task = task(waker.data());
        (task.fixed().hub == hub).then_some(task)
    }
}

/// Drops a waker. A panic of that drop ends here, and is reported. Only a foreign waker's drop can panic.
#[inline]
pub(crate) fn drop_contained(waker: Waker) {
    if is_ours(&waker) { std::mem::drop(waker) } else { contain(|| std::mem::drop(waker)) }
}

/// Wakes a waker. A panic of that wake ends here, and is reported. Only a foreign waker's wake can panic.
pub(crate) fn wake_contained(waker: Waker) {
    if is_ours(&waker) { waker.wake() } else { contain(|| waker.wake()) }
}

/// Aborts the task that `waker` wakes: it is owed a turn from now on, and that drops the future. (The waker of an
/// `AbortHandle` is always ours; the check makes this a safe function.)
pub(crate) fn abort(waker: &Waker) {
    if !is_ours(waker) {
        return;
    }
    // SAFETY: a waker of ours; (ALIVE) it is a reference, kept until the push is done; (HUB) so is the hub.
    unsafe {
        let task = task(waker.data());
        match here(task.fixed().hub) {
            Here::Home(hub) => hub.enqueue(task, task.home().state.abort()),
            Here::Away(hub) => {
                if task.away().count.post_abort() {
                    hub.push(task);
                }
            }
        }
    }
}

fn raw(task: *const ()) -> RawWaker {
    RawWaker::new(task, &VTABLE)
}

/// # Safety
///
/// `data` comes from a waker of ours.
#[inline]
unsafe fn task(data: *const ()) -> TaskRef {
    // SAFETY: it was made of a `TaskRef`, which is not null.
    unsafe { TaskRef::from_ptr(data.cast_mut().cast::<Header>()).unwrap_unchecked() }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: (ALIVE) the waker that is cloned is a reference; (HUB) so is the hub.
    unsafe {
        let task = task(data);
        match here(task.fixed().hub) {
            Here::Home(_) => task.add_reference_at_home(),
            Here::Away(_) => task.away().count.inc(),
        }
    }
    raw(data)
}

#[inline]
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: (ALIVE) the waker is a reference, kept until the push is done; (HUB) so is the hub.
    unsafe {
        let task = task(data);
        match here(task.fixed().hub) {
            Here::Home(hub) => hub.wake(task),
            Here::Away(hub) => wake_away(task, hub),
        }
    }
}

unsafe fn wake(data: *const ()) {
    // SAFETY: (ALIVE) the waker is a reference, given up after its last use. After that the task is touched only if this
    // is told to free it. (HUB) so is the hub.
    unsafe {
        let task = task(data);
        let fate = match here(task.fixed().hub) {
            Here::Home(hub) => {
                hub.wake(task);
                task.drop_reference_at_home()
            }
            Here::Away(hub) => {
                wake_away(task, hub);
                task.away().count.dec()
            }
        };
        free_anywhere(task, fate);
    }
}

unsafe fn drop(data: *const ()) {
    // SAFETY: (ALIVE), (HUB) as in `wake`.
    unsafe {
        let task = task(data);
        let fate = match here(task.fixed().hub) {
            Here::Home(_) => task.drop_reference_at_home(),
            Here::Away(_) => task.away().count.dec(),
        };
        free_anywhere(task, fate);
    }
}

/// Puts the task into the inbox, unless it is posted already.
///
/// # Safety
///
/// (ALIVE) The caller holds a reference on the task, which is of this hub, until this returns.
unsafe fn wake_away(task: TaskRef, hub: &Away) {
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        if runs_jobs() {
            return wake_by_job(task, hub);
        }
        if task.away().count.post() {
            hub.push(task);
        }
    }
}

/// As [`wake_away`], by a thread that runs blocking jobs. It is apart as x86 sets one bit by one instruction, but needs a loop
/// to set two and tell what was there: one step for both threads would be that loop.
///
/// # Safety
///
/// As for [`wake_away`].
#[cold]
#[inline(never)]
unsafe fn wake_by_job(task: TaskRef, hub: &Away) {
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        if task.away().count.post_by_job() {
            hub.push(task);
        }
    }
}
