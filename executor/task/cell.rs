//! The cell: a header and a future in one allocation, and the functions that know the future's type.
//!
//! A `Box<dyn Future>` beside the header would do, but costs a second allocation and a second cache miss a poll. Here the
//! future lies behind the header. Its output later takes the same place. The functions of this file are generic over the
//! future's type; the table [`VTable`] of their addresses is what the rest of the executor calls.
//!
//! How a task ends:
//!
//! ```text
//!  poll --- Ready ---> settle ------> settle_dropped ---> store or discard the output; wake, or deliver
//!   |                    ^                  ^
//!   '- panic -> DropFuture drops the future |
//!               while the thread unwinds ---'
//!  cancel -------------> settle, with an error
//! ```

use std::alloc::Layout;
use std::any::Any;
use std::cell::UnsafeCell;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop, needs_drop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::asked::outcome_of_asked;
use super::contain::{contain_for, describe, discard};
use super::header::{Birth, Header, TaskRef, VTable};
use super::recycle::{FreeList, Memory};
use super::waiters::Output;
use super::waker;
use crate::executor::{JoinError, Subject, budget};

/// A task. `repr(C)`: the header comes first.
#[repr(C)]
struct Cell<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

/// The future, and later its output, in the same place. The task's state says which (STAGE). `repr(C)`: both begin where
/// the union does, which is where the vtable says that the output is.
#[repr(C)]
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Result<F::Output, JoinError>>,
}

/// Allocates a task around `future`.
///
/// `F` need not be `'static`: the maker of the task sees to it that future and output are gone before what they borrow is
/// (BORROW), (ENV).
///
/// `free` is the executor's free list, for a task that is made at home: its memory comes from there if the list has some,
/// and goes back there. With `None` it uses the allocator. So does a task that is made away: otherwise what other threads
/// make would pile up in the list of a loop that makes nothing itself.
#[inline]
pub(super) fn new<F: Future>(birth: Birth, future: F, free: Option<&FreeList>) -> TaskRef {
    let vtable = if free.is_some() { vtable::<F, true>() } else { vtable::<F, false>() };
    let cell = Cell {
        header: Header::new(birth, vtable),
        stage: UnsafeCell::new(Stage { future: ManuallyDrop::new(future) }),
    };
    let recycled = free.and_then(|free| free.take(vtable.memory));
    let place = recycled.unwrap_or_else(|| vtable.memory.allocate()).cast::<Cell<F>>();
    // SAFETY: (OWNED) nobody else has the memory, which is of the size and alignment that this type needs.
    unsafe { place.write(cell) };
    TaskRef::of_cell(place)
}

/// Allocates a task that has ended already, with an error, as its executor has been closing for too long.
pub(super) fn new_ended<F: Future>(birth: Birth) -> TaskRef {
    // `None`: too rare to need the free list.
    let task = new(birth, std::future::pending::<F::Output>(), None);
    // SAFETY: (ALIVE) just made, at home; (STAGE) `Pending` needs no drop, so the place may be overwritten.
    unsafe {
        let error = JoinError::shutdown(Subject::Task(describe(task)));
        store_output::<std::future::Pending<F::Output>>(task, Err(error));
    }
    task
}

/// Unmakes a task that no other place has seen, and returns its future, which was never polled. The task's reference on
/// its hub becomes the caller's.
///
/// # Safety
///
/// (LAST) The task was made by `new::<F>`, and this is its only pointer.
pub(super) unsafe fn unmake<F: Future>(task: TaskRef) -> F {
    // SAFETY: (STAGE) the future is there, and may be moved, as it was never pinned; (LAST) the header needs no drop.
    unsafe {
        let future = ManuallyDrop::take(&mut (*stage::<F>(task)).future);
        task.bury().release(task.cell());
        future
    }
}

fn vtable<F: Future, const RECYCLED: bool>() -> &'static VTable {
    const {
        &VTable {
            poll: poll::<F>,
            cancel: cancel::<F>,
            deliver: deliver::<F>,
            output_offset: mem::offset_of!(Cell<F>, stage),
            memory: Memory::for_cell(Layout::new::<Cell<F>>(), RECYCLED),
        }
    }
}

/// The place of future and output.
///
/// # Safety
///
/// (ALIVE) The task was made by `new::<F>`.
#[inline]
unsafe fn stage<F: Future>(task: TaskRef) -> *mut Stage<F> {
    #[cfg(all(loom, test))]
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        task.watch().touch_stage();
    }
    // SAFETY: (ALIVE) as the caller promised; a `TaskRef` is good for the whole cell.
    unsafe { (*task.cell::<Cell<F>>().as_ptr()).stage.get() }
}

/// [`VTable::poll`].
unsafe fn poll<F: Future>(task: TaskRef) -> Poll<()> {
    let waker = waker::lend(task);
    let mut cx = Context::from_waker(&waker);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let unwinding = DropFuture::<F>(task, PhantomData);
        // SAFETY: (STAGE) RUNNING and FUTURE are set: the future is there, and this turn has it alone. It does not move
        // before it is dropped, so it may be pinned.
        let polled = unsafe { Pin::new_unchecked(&mut *(*stage::<F>(task)).future).poll(&mut cx) };
        mem::forget(unwinding);
        polled
    }));
    match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        // SAFETY: (STAGE) as above.
        Ok(Poll::Ready(output)) => unsafe { settle::<F>(task, Ok(output)) },
        // SAFETY: (STAGE) as above, but that `unwinding` has dropped the future; (ALIVE) RUNNING is held.
        Err(payload) => unsafe {
            let error = JoinError::panicked(Subject::Task(describe(task)), payload);
            settle_dropped::<F>(task, Err(error), Ok(()));
        },
    }
    Poll::Ready(())
}

/// Drops the future of a poll that panics, while the thread unwinds. So a std `Mutex` whose guard the future holds is
/// poisoned, as it is where a function panics. If that drop panics too, the second panic is reported; the first one is the
/// outcome.
struct DropFuture<F: Future>(TaskRef, PhantomData<F>);

impl<F: Future> Drop for DropFuture<F> {
    #[cold]
    fn drop(&mut self) {
        let Self(task, _) = *self;
        budget::lift(); // as in `settle`
        // SAFETY: (STAGE) made and dropped in `poll`: the future is there, and `poll` does not touch it after this.
        // (ALIVE) RUNNING is held.
        unsafe { contain_for(task, || drop_future::<F>(task)) };
    }
}

/// # Safety
///
/// (STAGE) FUTURE is set, and this turn has the future alone. It is not touched again.
#[inline(always)]
unsafe fn drop_future<F: Future>(task: TaskRef) {
    // SAFETY: (STAGE) as the caller promised.
    unsafe { ManuallyDrop::drop(&mut (*stage::<F>(task)).future) };
}

/// [`VTable::cancel`].
unsafe fn cancel<F: Future>(task: TaskRef, why: fn(Subject) -> JoinError) {
    // SAFETY: (STAGE) the caller found FUTURE set, and holds RUNNING, which keeps the task (ALIVE).
    unsafe { settle::<F>(task, Err(why(Subject::Task(describe(task))))) };
}

/// Ends a task: drops the future, then gives the output to those that wait for it.
///
/// Several pieces of user code run here, and each may panic: the future's drop, whose panic becomes the outcome; the drop of
/// an output that is not wanted; the wakers and callbacks. None of them leaves the task half done.
///
/// # Safety
///
/// (STAGE) FUTURE is set, and RUNNING is held.
unsafe fn settle<F: Future>(task: TaskRef, result: Result<F::Output, JoinError>) {
    // SAFETY: (STAGE) as the caller promised; `settle_dropped` notes that it is gone.
    let drop_future = || unsafe { drop_future::<F>(task) };
    let dropped = if needs_drop::<F>() {
        budget::lift(); // what the poll has spent does not bind a destructor
        catch_unwind(AssertUnwindSafe(drop_future))
    } else {
        Ok(())
    };
    // SAFETY: (STAGE) as the caller promised, and the future has been dropped.
    unsafe { settle_dropped::<F>(task, result, dropped) };
}

/// As `settle`, once the future has been dropped; `dropped` is how that went.
///
/// # Safety
///
/// As `settle`, but the future is gone.
#[inline]
unsafe fn settle_dropped<F: Future>(
    task: TaskRef,
    mut result: Result<F::Output, JoinError>,
    dropped: std::thread::Result<()>,
) {
    // SAFETY: (ALIVE) RUNNING is held to the end of this function.
    let home = unsafe { task.home() };
    let was_asked = home.state.future_dropped();
    if let Err(payload) = dropped {
        // SAFETY: (ALIVE) as above.
        result = unsafe { drop_panicked(task, result, payload) };
    }
    if was_asked {
        // SAFETY: (ALIVE) as above.
        result = unsafe { outcome_of_asked(task, result) };
    }
    if home.waiters.is_empty() && !home.state.has_handle() {
        budget::lift(); // nor does it bind the output's destructor
        // SAFETY: (ALIVE) as above.
        return unsafe { discard(task, result) };
    }
    // SAFETY: (STAGE) the future is gone, so the place is vacant.
    unsafe { store_output::<F>(task, result) };
    if !home.waiters.is_list() {
        home.state.output_stored();
        // SAFETY: (ALIVE) as above. At most a task waits, and that finds the output in its own turn: no callback reads
        // the place.
        return unsafe { home.waiters.notify(task, output_of(task)) };
    }
    // SAFETY: (STAGE) the output was just stored; RUNNING is held.
    unsafe { deliver::<F>(task) };
}

/// The future's drop panicked, after its poll had returned the output, or as the task was cancelled. That is the outcome, and
/// the result before it is dropped. (A poll that panics does not come here: [`DropFuture`] contains the drop.)
///
/// # Safety
///
/// (ALIVE), at home.
#[cold]
#[inline(never)]
unsafe fn drop_panicked<T>(
    task: TaskRef,
    result: Result<T, JoinError>,
    payload: Box<dyn Any + Send>,
) -> Result<T, JoinError> {
    // SAFETY: (ALIVE), at home, as the caller promised.
    unsafe {
        discard(task, result);
        Err(JoinError::panicked(Subject::Task(describe(task)), payload))
    }
}

/// [`VTable::deliver`]. Wakes and calls those that wait, in the order in which they registered. Then the output is the
/// handle's; without a handle it is dropped.
///
/// # Safety
///
/// (STAGE) The output is there, and SETTLING makes it this turn's own, so no handle takes it meanwhile. RUNNING is held.
unsafe fn deliver<F: Future>(task: TaskRef) {
    budget::lift(); // what the poll has spent does not bind callbacks and foreign wakers
    // SAFETY: (ALIVE), (STAGE) as the caller promised.
    unsafe {
        let home = task.home();
        let called = home.waiters.has_callbacks();
        home.waiters.notify(task, output_of(task));
        if let (true, Err(error)) = (called, &mut *(*stage::<F>(task)).output) {
            error.inner.seen = true;
        }
        let more = home.waiters.has_callbacks();
        if !more && !home.state.has_handle() {
            return discard(task, ManuallyDrop::take(&mut (*stage::<F>(task)).output));
        }
        home.state.output_stored();
        if more {
            // They came meanwhile. They are never called inside `on_done`, but in a turn of their own.
            task.fixed().hub.at_home().wake_to_deliver(task);
        } else {
            // An awaiter that polled inside its own `wake` was told `NotYet`, as SETTLING was set, and registered again:
            // wake it once more.
            home.waiters.notify(task, output_of(task));
        }
    }
}

/// # Safety
///
/// (ALIVE) The task was made by `new::<F>`. (STAGE) The place holds nothing that needs a drop.
unsafe fn store_output<F: Future>(task: TaskRef, result: Result<F::Output, JoinError>) {
    // SAFETY: as the caller promised.
    unsafe { (*stage::<F>(task)).output = ManuallyDrop::new(result) };
}

/// Where the output is, or will be.
///
/// # Safety
///
/// (ALIVE).
#[inline]
unsafe fn output_of(task: TaskRef) -> Output {
    #[cfg(all(loom, test))]
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        task.watch().touch_stage();
    }
    // SAFETY: (ALIVE) as the caller promised; the vtable says where.
    unsafe { task.cell::<()>().byte_add(task.fixed().vtable.output_offset) }
}

/// Moves the output out.
///
/// # Safety
///
/// (STAGE) The caller took OUTPUT, so the output is there, and the caller's. (TYPED) It is of this type.
#[inline]
pub(super) unsafe fn read_output<T>(task: TaskRef) -> Result<T, JoinError> {
    // SAFETY: (STAGE), (TYPED) as the caller promised.
    unsafe { output_of(task).cast().read() }
}
