//! The cell: header and future in one allocation, and the functions that know the future's type.

use std::alloc::Layout;
use std::any::Any;
use std::cell::UnsafeCell;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop, needs_drop};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::count::Count;
use super::header::{Header, TaskPtr, VTable, count};
use super::hub::{Hub, bury, hub};
use super::recycle::{FreeList, Memory};
use super::waiters::Waiters;
use super::waker;
use crate::executor::primitives::{HomeCell, ProtocolCell};
use crate::executor::{Info, JoinError, Who, budget};

/// A task. `repr(C)`: the header comes first.
#[repr(C)]
struct Cell<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

/// The future, then its output, in the same place. The bits say which (STAGE). `repr(C)`: both begin where it does, which
/// is where the vtable says that the output is.
#[repr(C)]
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Result<F::Output, JoinError>>,
}

/// What a new task is made of, besides its future.
pub(super) struct Birth {
    pub(super) count: Count,
    pub(super) hub: NonNull<Hub>,
    pub(super) id: u64,
    pub(super) site: &'static Location<'static>,
}

/// Allocates a task around `future`.
///
/// `F` need not be `'static`: whoever makes the task sees to it that the future and the output are
/// gone before what they borrow is (BORROW).
///
/// At home the memory comes from the `free` list if that has some, and goes back there. Away it is the allocator's, and
/// goes back to that: else what other threads make would pile up in the list of a loop that makes nothing itself.
#[inline]
pub(super) fn new<F: Future>(birth: Birth, future: F, free: Option<&FreeList>) -> TaskPtr {
    let vtable = if free.is_some() { vtable::<F, true>() } else { vtable::<F, false>() };
    let cell = Cell {
        header: Header {
            count: birth.count,
            vtable,
            hub: birth.hub,
            next_run: HomeCell::new(None),
            polls: HomeCell::new(0),
            id: HomeCell::new(birth.id),
            slot: HomeCell::new(0),
            site: birth.site,
            waiters: Waiters::new(),
            link: ProtocolCell::new(std::ptr::null_mut()),
            #[cfg(all(loom, test))]
            watch: super::watch::Watch::new(),
        },
        stage: UnsafeCell::new(Stage { future: ManuallyDrop::new(future) }),
    };
    let recycled = free.and_then(|free| free.take(vtable.memory));
    let place = recycled.unwrap_or_else(|| vtable.memory.allocate()).cast::<Cell<F>>();
    // SAFETY: nobody else's memory, of the size and alignment that the vtable has for this type.
    unsafe { place.write(cell) };
    place.cast()
}

/// Allocates a task that has ended already: its executor is closed.
pub(super) fn new_ended<F: Future>(birth: Birth) -> TaskPtr {
    let task = new(birth, std::future::pending::<F::Output>(), None);
    // SAFETY: (ALIVE) just made; (STAGE) `Pending` needs no drop, so the union may be overwritten.
    unsafe {
        let error = JoinError::shutdown(who(task));
        store_output::<std::future::Pending<F::Output>>(task, Err(error));
    }
    task
}

/// Unmakes a task that no other place has seen: its future, which was never polled, comes back.
///
/// # Safety
///
/// (LAST) Made by `new::<F>`, of which this is the only pointer; not polled. Its reference on the hub is the caller's now.
pub(super) unsafe fn unmake<F: Future>(task: TaskPtr) -> F {
    // SAFETY: (STAGE) the future is there, and it may move, as it was never pinned; (LAST) nothing is left behind that
    // needs a drop, and nobody else has the memory.
    unsafe {
        let future = ManuallyDrop::take(&mut (*stage::<F>(task)).future);
        bury(task).release(task.cast());
        future
    }
}

fn vtable<F: Future, const RECYCLED: bool>() -> &'static VTable {
    const {
        &VTable {
            poll: poll::<F>,
            cancel: cancel::<F>,
            deliver: deliver::<F>,
            output: std::mem::offset_of!(Cell<F>, stage),
            memory: Memory::for_cell(Layout::new::<Cell<F>>(), RECYCLED),
        }
    }
}

/// The stage of a task made by `new::<F>`.
///
/// # Safety
///
/// (ALIVE) and made by `new::<F>`.
#[inline]
unsafe fn stage<F: Future>(task: TaskPtr) -> *mut Stage<F> {
    #[cfg(all(loom, test))]
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        (*task.as_ptr()).watch.touch_stage();
    }
    // SAFETY: the header is the first field of a `Cell<F>`, and the pointer covers all of it.
    unsafe { (*task.cast::<Cell<F>>().as_ptr()).stage.get() }
}

unsafe fn poll<F: Future>(task: TaskPtr) -> Poll<()> {
    let waker = waker::lend(task);
    let mut cx = Context::from_waker(&waker);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let unwinding = DropFuture::<F>(task, PhantomData);
        // SAFETY: (STAGE) RUNNING and FUTURE are set: the future is there, and nobody else uses it; it
        // never moves before it is dropped, so it may be pinned.
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
            settle_dropped::<F>(task, Err(JoinError::panicked(who(task), payload)), Ok(()));
        },
    }
    Poll::Ready(())
}

/// Drops the future of a poll that panics, while the thread unwinds: that poisons a std `Mutex` whose guard the future
/// holds, as it does where a function panics. A second panic, of the drop, is reported: the first is the outcome.
struct DropFuture<F: Future>(TaskPtr, PhantomData<F>);

impl<F: Future> Drop for DropFuture<F> {
    #[cold]
    fn drop(&mut self) {
        let Self(task, _) = *self;
        budget::lift(); // as in `settle`
        // SAFETY: (STAGE) made and dropped in `poll`: the future is there, and settled as dropped after this. (ALIVE)
        // RUNNING is held.
        unsafe { contain(task, || drop_future::<F>(task)) };
    }
}

/// # Safety
///
/// (STAGE) FUTURE is set, and RUNNING is held; the future is not touched again.
unsafe fn drop_future<F: Future>(task: TaskPtr) {
    // SAFETY: (STAGE) as the caller promised.
    unsafe { ManuallyDrop::drop(&mut (*stage::<F>(task)).future) };
}

unsafe fn cancel<F: Future>(task: TaskPtr, why: fn(Who) -> JoinError) {
    // SAFETY: (STAGE) the caller found FUTURE set and holds RUNNING.
    unsafe { settle::<F>(task, Err(why(who(task)))) };
}

/// Drops the future, then keeps the output for those who wait for it.
///
/// Several pieces of user code run here, and each may panic: the future's drop (its panic becomes the
/// outcome, unless there is an earlier one), the output's drop when nobody wants it, and the
/// wakers and callbacks of those who wait. None leaves the task half done.
unsafe fn settle<F: Future>(task: TaskPtr, result: Result<F::Output, JoinError>) {
    // SAFETY: (STAGE) FUTURE is set: the future is there; `settle_dropped` says that it no longer is.
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

/// As `settle`, once the future has been dropped.
#[inline]
unsafe fn settle_dropped<F: Future>(
    task: TaskPtr,
    mut result: Result<F::Output, JoinError>,
    dropped: std::thread::Result<()>,
) {
    // SAFETY: (ALIVE) RUNNING is held to the end of this function.
    let (count, waiters) = unsafe { (count(task), &(*task.as_ptr()).waiters) };
    count.future_gone();
    if let Err(payload) = dropped {
        // SAFETY: (ALIVE) as above.
        result = unsafe { drop_panicked(task, result, payload) };
    }
    if waiters.is_empty() && !count.has_handle() {
        budget::lift(); // nor the output's
        // SAFETY: (ALIVE) as above.
        return unsafe { give_up(task, result) };
    }
    // SAFETY: (STAGE) the future is gone, so the place is free.
    unsafe { store_output::<F>(task, result) };
    if !waiters.is_list() {
        count.output_stored();
        // SAFETY: (ALIVE) as above; a task, if one waits, finds the output in its own turn.
        return unsafe { waiters.notify(task, task) };
    }
    // SAFETY: (STAGE) the output was just stored; RUNNING is held.
    unsafe { deliver::<F>(task) };
}

/// The drop of the future panicked: that is the outcome, unless the poll panicked before. The other of the two is given up.
///
/// # Safety
///
/// (ALIVE), at home.
#[cold]
#[inline(never)]
unsafe fn drop_panicked<T>(
    task: TaskPtr,
    result: Result<T, JoinError>,
    payload: Box<dyn Any + Send>,
) -> Result<T, JoinError> {
    // SAFETY: (ALIVE), at home, as the caller promised.
    unsafe {
        if result.as_ref().is_err_and(JoinError::is_panic) {
            report(task, JoinError::panicked(Who::Beside(description(task)), payload));
            return result;
        }
        give_up(task, result);
        Err(JoinError::panicked(who(task), payload))
    }
}

/// Tells those who wait, in the order in which they registered. Then the output is the handle's; without
/// a handle it is dropped.
///
/// # Safety
///
/// (STAGE) The output is there, and the caller's: neither FUTURE nor OUTPUT is set, so no handle can
/// take it meanwhile. RUNNING is held.
unsafe fn deliver<F: Future>(task: TaskPtr) {
    budget::lift(); // nor callbacks and foreign wakers
    // SAFETY: (ALIVE), (STAGE) as the caller promised.
    unsafe {
        let waiters = &(*task.as_ptr()).waiters;
        let called = waiters.has_callbacks();
        waiters.notify(task, output_of(task));
        if let (true, Err(error)) = (called, &mut *(*stage::<F>(task)).output) {
            error.inner.seen = true;
        }
        let more = waiters.has_callbacks();
        if !more && !count(task).has_handle() {
            return give_up(task, ManuallyDrop::take(&mut (*stage::<F>(task)).output));
        }
        count(task).output_stored();
        if more {
            // They came meanwhile: never called inline, but in a turn of their own.
            hub((*task.as_ptr()).hub).push_delivery(task);
        } else {
            // An awaiter that polled inside its own `wake` ran before the output was stored and registered
            // again: wake it once more.
            waiters.notify(task, output_of(task));
        }
    }
}

/// Drops a result that nobody wants. Its panic, if it has one that nobody saw or makes one, is reported.
///
/// # Safety
///
/// (ALIVE), at home.
pub(super) unsafe fn give_up<T>(task: TaskPtr, result: Result<T, JoinError>) {
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        match result {
            Err(error) if error.is_panic() && !error.inner.seen => report(task, error),
            other => contain(task, || drop(other)),
        }
    }
}

/// # Safety
///
/// (ALIVE), made by `new::<F>`, and the stage holds nothing that needs a drop.
unsafe fn store_output<F: Future>(task: TaskPtr, result: Result<F::Output, JoinError>) {
    // SAFETY: as the caller promised.
    unsafe { (*stage::<F>(task)).output = ManuallyDrop::new(result) };
}

/// Where the output is, or will be.
///
/// # Safety
///
/// (ALIVE).
#[inline]
unsafe fn output_of(task: TaskPtr) -> NonNull<Header> {
    #[cfg(all(loom, test))]
    // SAFETY: (ALIVE) as the caller promised.
    unsafe {
        (*task.as_ptr()).watch.touch_stage();
    }
    // SAFETY: (ALIVE) as the caller promised; the vtable says where.
    unsafe { task.byte_add((*task.as_ptr()).vtable.output) }
}

/// Moves the output out.
///
/// # Safety
///
/// (STAGE) the caller took OUTPUT, so the output is there and now the caller's. (TYPED) it is of this
/// type.
#[inline]
pub(super) unsafe fn read_output<T>(task: TaskPtr) -> Result<T, JoinError> {
    // SAFETY: (STAGE), (TYPED) as the caller promised.
    unsafe { output_of(task).cast().read() }
}

/// # Safety
///
/// (ALIVE), at home: the table of names and the task's own cells are home's.
unsafe fn who(task: TaskPtr) -> Who {
    // SAFETY: (ALIVE), at home, as the caller promised.
    Who::Task(unsafe { description(task) })
}

/// # Safety
///
/// As of `who`.
#[cold]
#[inline(never)]
unsafe fn description(task: TaskPtr) -> Info {
    // SAFETY: (ALIVE), at home, as the caller promised; (PINNED) the task holds a reference on its hub.
    unsafe { hub((*task.as_ptr()).hub).describe(task) }
}

/// Runs code of the user's; a panic ends here, and is reported in the name of `task`.
///
/// # Safety
///
/// (ALIVE), at home.
pub(super) unsafe fn contain(task: TaskPtr, user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { report(task, JoinError::panicked(Who::Beside(description(task)), payload)) };
    }
}

/// # Safety
///
/// (ALIVE), at home.
unsafe fn report(task: TaskPtr, panic: JoinError) {
    // SAFETY: (ALIVE) as the caller promised; (PINNED) and so is the hub.
    unsafe {
        let hub = hub((*task.as_ptr()).hub);
        // The error remembers the name, which the table may have forgotten by now.
        let task = panic.task().cloned().unwrap_or_else(|| hub.describe(task));
        hub.report(Some(task), panic.into());
    }
}
