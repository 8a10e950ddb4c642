//! The cell: header and future in one allocation, and the functions that know the future's type.

use std::alloc::Layout;
use std::any::Any;
use std::cell::{Cell as StdCell, UnsafeCell};
use std::future::Future;
use std::mem::{ManuallyDrop, needs_drop};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::count::Count;
use super::header::{Header, Polled, TaskPtr, VTable, count};
use super::hub::Hub;
use super::joiner::Joiner;
use super::recycle::Memory;
use super::waker;
use crate::executor::primitives::ProtocolCell;
use crate::executor::{Id, JoinError, Who};

/// A task. `repr(C)`: the header comes first.
#[repr(C)]
struct Cell<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

/// The future, then its output, in the same place. The bits say which (STAGE).
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Result<F::Output, JoinError>>,
}

/// Why a future is dropped unfinished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cancel {
    Abort,
    Shutdown,
}

/// What a new task is made of, besides its future.
pub(super) struct Birth {
    pub(super) count: Count,
    pub(super) hub: NonNull<Hub>,
    pub(super) id: u64,
    pub(super) slot: u32,
    pub(super) site: &'static Location<'static>,
}

/// Allocates a task around `future`.
///
/// `F` need not be `'static`: whoever makes the task sees to it that the future and the output are
/// gone before what they borrow is (BORROW). The memory is `recycled`, if there is
/// some.
#[inline]
pub(super) fn new<F: Future>(
    birth: Birth,
    future: F,
    recycled: impl FnOnce(Memory) -> Option<NonNull<u8>>,
) -> TaskPtr {
    let cell = Cell {
        header: Header {
            count: birth.count,
            vtable: vtable::<F>(),
            hub: birth.hub,
            next_run: StdCell::new(None),
            polls: StdCell::new(0),
            id: StdCell::new(birth.id),
            slot: StdCell::new(birth.slot),
            site: birth.site,
            joiner: Joiner::new(),
            link: ProtocolCell::new(std::ptr::null_mut()),
            #[cfg(all(loom, test))]
            watch: super::watch::Watch::new(),
        },
        stage: UnsafeCell::new(Stage { future: ManuallyDrop::new(future) }),
    };
    let memory = vtable::<F>().memory;
    let place = recycled(memory).unwrap_or_else(|| memory.allocate()).cast::<Cell<F>>();
    // SAFETY: nobody else's memory, of the size and alignment that the vtable has for this type.
    unsafe { place.write(cell) };
    place.cast()
}

/// Allocates a task that has ended already: its executor is closed.
pub(super) fn new_ended<F: Future>(birth: Birth) -> TaskPtr {
    let id = Id(birth.id);
    let never = std::future::pending::<F::Output>();
    let task = new::<std::future::Pending<F::Output>>(birth, never, |_| None);
    // SAFETY: (ALIVE) just made; (STAGE) `Pending` needs no drop, so the union may be overwritten.
    unsafe { store_output::<std::future::Pending<F::Output>>(task, Err(shutdown(id))) };
    task
}

fn vtable<F: Future>() -> &'static VTable {
    const {
        &VTable {
            poll: poll::<F>,
            cancel: cancel::<F>,
            output: std::mem::offset_of!(Cell<F>, stage),
            memory: Memory::for_cell(Layout::new::<Cell<F>>()),
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
    // SAFETY: the header is the first field of a `Cell<F>`, and the pointer covers all of it.
    unsafe { (*task.cast::<Cell<F>>().as_ptr()).stage.get() }
}

unsafe fn poll<F: Future>(task: TaskPtr) -> Polled {
    let waker = waker::lend(task);
    let mut cx = Context::from_waker(&waker);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: (STAGE) RUNNING and FUTURE are set: the future is there, and nobody else uses it; it
        // never moves before it is dropped, so it may be pinned.
        unsafe { Pin::new_unchecked(&mut *(*stage::<F>(task)).future).poll(&mut cx) }
    }));
    let result = match polled {
        Ok(Poll::Pending) => return Polled::Pending,
        Ok(Poll::Ready(output)) => Ok(output),
        // SAFETY: (ALIVE) RUNNING is held.
        Err(payload) => Err(JoinError::panicked(Who::Task(unsafe { id(task) }), payload)),
    };
    // SAFETY: (STAGE) as above.
    unsafe { settle::<F>(task, result) };
    Polled::Done
}

unsafe fn cancel<F: Future>(task: TaskPtr, why: Cancel) {
    // SAFETY: (ALIVE) the caller holds a bit.
    let id = unsafe { id(task) };
    let error = match why {
        Cancel::Abort => JoinError::cancelled(Who::Task(id)),
        Cancel::Shutdown => shutdown(id),
    };
    // SAFETY: (STAGE) the caller found FUTURE set and holds RUNNING.
    unsafe { settle::<F>(task, Err(error)) };
}

/// Drops the future, then keeps the output for the handle, if there is one, and wakes who awaits it.
///
/// Three pieces of user code run here, and each may panic: the future's drop (its panic becomes the
/// outcome, unless there is an earlier one), the output's drop when nobody wants it, and the
/// joiner's wake. None leaves the task half done.
unsafe fn settle<F: Future>(task: TaskPtr, mut result: Result<F::Output, JoinError>) {
    // SAFETY: (STAGE) FUTURE is set: the future is there; `future_gone` says that it no longer is.
    let drop_future = || unsafe { ManuallyDrop::drop(&mut (*stage::<F>(task)).future) };
    let dropped =
        if needs_drop::<F>() { catch_unwind(AssertUnwindSafe(drop_future)) } else { Ok(()) };
    // SAFETY: (ALIVE) RUNNING is held to the end of this function.
    let count = unsafe { count(task) };
    count.future_gone();
    if let Err(payload) = dropped {
        // SAFETY: (ALIVE) as above.
        let late = JoinError::panicked(Who::Task(unsafe { id(task) }), payload);
        let first_panic = result.as_ref().is_err_and(JoinError::is_panic);
        let unwanted =
            if first_panic { Err(late) } else { std::mem::replace(&mut result, Err(late)) };
        drop_quietly(unwanted);
    }
    if !count.has_handle() {
        return drop_quietly(result);
    }
    // SAFETY: (STAGE) the future is gone, so the place is free.
    unsafe { store_output::<F>(task, result) };
    count.output_stored();
    // SAFETY: (ALIVE) as above.
    unsafe { (*task.as_ptr()).joiner.wake() };
}

/// # Safety
///
/// (ALIVE), made by `new::<F>`, and the stage holds nothing that needs a drop.
unsafe fn store_output<F: Future>(task: TaskPtr, result: Result<F::Output, JoinError>) {
    // SAFETY: as the caller promised.
    unsafe { (*stage::<F>(task)).output = ManuallyDrop::new(result) };
}

/// Moves the output out.
///
/// # Safety
///
/// (STAGE) the caller took OUTPUT, so the output is there and now the caller's. (TYPED) it is of this
/// type.
#[inline]
pub(super) unsafe fn read_output<T>(task: TaskPtr) -> Result<T, JoinError> {
    // SAFETY: (STAGE), (TYPED) as the caller promised; the vtable says where.
    unsafe { task.byte_add((*task.as_ptr()).vtable.output).cast().read() }
}

/// # Safety
///
/// (ALIVE).
unsafe fn id(task: TaskPtr) -> Id {
    // SAFETY: (ALIVE) as the caller promised.
    Id(unsafe { (*task.as_ptr()).id.get() })
}

fn shutdown(id: Id) -> JoinError {
    JoinError::shutdown(Who::Task(id))
}

fn drop_quietly<T>(value: T) {
    contain(|| drop(value));
}

/// Runs code of the user's; a panic ends here, and so does one of its payload's drop.
pub(super) fn contain(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        forget_if_it_panics(payload);
    }
}

/// A payload may panic in its own drop. The second one is leaked rather than asked again.
fn forget_if_it_panics(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}
