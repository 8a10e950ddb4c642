//! [`JoinHandle`]: a task's output, for whoever spawned it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::bits::{Join, Wake};
use super::cell::read_output;
use super::header::{TaskPtr, count};
use super::hub::{Hub, hub};
use crate::executor::{Id, JoinError, budget};

/// Owns the output of a spawned task. `await` it for `Result<T, JoinError>`.
///
/// Dropping it detaches the task, which goes on; its output is then dropped when it is done. The
/// handle stays on the executor's thread (it is `!Send`): that makes awaiting a task free of atomics.
///
/// # Cancellation
///
/// Awaiting `&mut handle` may be given up and taken up again. Nothing of it stops the task;
/// [`abort`](Self::abort) does.
///
/// # Errors
///
/// A [`JoinError`] when the task was aborted, panicked, or its runtime was shut down first.
///
/// # Panics
///
/// When polled again after it has given the output.
///
/// ```
/// # taketurns::block_on(async {
/// let handle = taketurns::spawn(async { 6 * 7 });
/// assert_eq!(handle.await.unwrap(), 42);
///
/// let handle = taketurns::spawn(std::future::pending::<()>());
/// handle.abort();
/// assert!(handle.await.unwrap_err().is_cancelled());
/// # });
/// ```
///
/// It cannot leave the thread; a task whose output is wanted elsewhere is sent by
/// [`Handle::spawn`](crate::Handle::spawn):
///
/// ```compile_fail,E0277
/// # taketurns::block_on(async {
/// let handle = taketurns::spawn(async { 42 });
/// std::thread::spawn(move || handle.abort());
/// # });
/// ```
#[must_use = "dropping the handle detaches the task: await it, or write `drop(..)` to say so"]
pub struct JoinHandle<T> {
    task: TaskPtr,
    // Not Send and not Sync, by the pointer. Covariant in the output, which it may drop.
    _output: PhantomData<T>,
}

// The output is not pinned by its handle.
impl<T> Unpin for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    ///
    /// (HANDLE) the task's bit is set for this handle and no other. (TYPED) its output is
    /// `Result<T, JoinError>`. Called at home.
    #[inline]
    pub(super) unsafe fn new(task: TaskPtr) -> Self {
        Self { task, _output: PhantomData }
    }

    /// Whether the task has ended: completed, panicked, been aborted or shut down.
    #[must_use]
    #[inline]
    pub fn is_finished(&self) -> bool {
        // SAFETY: (HANDLE) pins the task.
        unsafe { count(self.task) }.join() != Join::NotYet
    }

    /// Which task it is.
    #[must_use]
    pub fn id(&self) -> Id {
        // SAFETY: (HANDLE) pins the task.
        Id(unsafe { (*self.task.as_ptr()).id.get() })
    }

    /// Ends the task where it stands: in its next turn its future is dropped, and the handle then
    /// gives an error that [is_cancelled](JoinError::is_cancelled).
    ///
    /// The future is never dropped inside this call. A task that has ended already keeps its output;
    /// so does one that completes in the very turn in which it aborts itself.
    pub fn abort(&self) {
        // SAFETY: (HANDLE) pins the task; (PINNED) and that its hub. The handle cannot leave the
        // executor's thread, so this is home's half whether or not the loop runs.
        unsafe {
            if count(self.task).abort_home() == Wake::Push {
                hub((*self.task.as_ptr()).hub).push_ready(self.task);
            }
        }
    }

    /// Lets the task go on by itself. The same as dropping the handle, said aloud.
    pub fn detach(self) {}

    /// The output, if it is there.
    #[inline]
    pub(super) fn take_now(&mut self) -> Option<Result<T, JoinError>> {
        // SAFETY: (HANDLE) pins the task; (STAGE) `take_output` makes the output this caller's;
        // (TYPED) it is of this type.
        unsafe { count(self.task).take_output().then(|| read_output(self.task)) }
    }

    /// For the root, whose future is a borrow and needs no drop: the task no longer has it.
    pub(super) fn take_future(&self) {
        // SAFETY: (HANDLE) pins the task.
        unsafe { count(self.task) }.future_gone();
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        // SAFETY: (HANDLE) pins the task.
        match unsafe { count(self.task) }.join() {
            Join::NotYet => {
                // SAFETY: (HANDLE) pins the task.
                unsafe {
                    let header = self.task.as_ptr();
                    (*header).joiner.register(cx.waker(), (*header).hub);
                }
                Poll::Pending
            }
            Join::Output => {
                budget::spend();
                Poll::Ready(self.take_now().expect("the output is there"))
            }
            Join::Taken => {
                panic!("JoinHandle of task {} polled after it gave the output", self.id())
            }
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        /// Gives HANDLE up last, also when the output's drop panics.
        struct Release(TaskPtr);
        impl Drop for Release {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: (HANDLE) pins the task until here.
                unsafe { Hub::settle(self.0, count(self.0).handle_gone()) };
            }
        }
        let _release = Release(self.task);
        // SAFETY: (HANDLE) pins the task.
        match unsafe { count(self.task) }.join() {
            // SAFETY: (HANDLE) as above.
            Join::NotYet => unsafe { (*self.task.as_ptr()).joiner.clear() },
            Join::Output => drop(self.take_now()),
            Join::Taken => {}
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = self.is_finished();
        f.debug_struct("JoinHandle").field("id", &self.id()).field("finished", &finished).finish()
    }
}
