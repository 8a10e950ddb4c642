//! [`JoinHandle`]: a task's output, for whoever spawned it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::bits::{Join, Wake};
use super::cell::{contain, give_up, read_output};
use super::count::Count;
use super::header::{TaskPtr, count};
use super::hub::{Hub, hub};
use super::waiters::{Registered, Waiters};
use super::{entry, waker};
use crate::executor::{AbortHandle, AbortOnDrop, Id, JoinError, OnDoneError, budget};

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
#[must_use = "dropping the handle detaches the task: await it, or call `detach` to say so"]
pub struct JoinHandle<T> {
    task: TaskPtr,
    // Not Send and not Sync, by the pointer. Covariant in the output, which it may drop.
    _output: PhantomData<T>,
}

// The output is not pinned by its handle.
impl<T> Unpin for JoinHandle<T> {}

// A panic of the task is a value here, and what a panic beside it leaves behind is a handle as good as before.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

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
        self.count().is_finished()
    }

    /// Whether the handle has given its output.
    #[cfg(feature = "time")]
    pub(crate) fn is_taken(&self) -> bool {
        self.count().join() == Join::Taken
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
    /// so does one that completes in the very turn in which it aborts itself. Nothing tells the task before:
    /// [`task::cancelled`](crate::task::cancelled) is about the end of the runtime.
    pub fn abort(&self) {
        if self.count().abort_home() == Wake::Push {
            self.hub().queue.push(self.task);
        }
    }

    /// What aborts the task from anywhere, other threads included. It does not keep the output.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let handle = taketurns::spawn(std::future::pending::<()>());
    /// let abort = handle.abort_handle();
    /// std::thread::spawn(move || abort.abort());
    /// assert!(handle.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        self.count().home_inc();
        AbortHandle::new(waker::own(self.task), self.id())
    }

    /// Aborts the task when the guard that takes the handle's place is dropped.
    pub fn abort_on_drop(self) -> AbortOnDrop<Self> {
        AbortOnDrop::new(self)
    }

    /// Calls `f` with the outcome once the task has ended; the handle stays.
    ///
    /// Callbacks, and the wake of who awaits the handle, come in the order in which they were registered, in
    /// the task's last turn. One that is registered later has a turn of its own, and comes before the output
    /// is given to who awaits it after that: `f` is never called inside this. A task whose executor ends
    /// calls back too, with an error that [is_shutdown](JoinError::is_shutdown). A callback that panics ends
    /// there, and is reported as [`Unhandled`](crate::task::Unhandled); a panic of the task counts as seen
    /// when a callback was given it.
    ///
    /// # Errors
    ///
    /// [`OnDoneError`] when the output was taken already, or the executor has ended: `f` is dropped.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let handle = taketurns::spawn(async { 6 * 7 });
    /// handle.on_done(|outcome| println!("it gave {outcome:?}")).unwrap();
    /// assert_eq!(handle.await.unwrap(), 42);
    /// # });
    /// ```
    pub fn on_done<F>(&self, f: F) -> Result<(), OnDoneError>
    where
        F: FnOnce(&Result<T, JoinError>) + 'static,
        T: 'static,
    {
        let join = self.count().join();
        if join == Join::Taken {
            return Err(OnDoneError::Taken);
        }
        if self.is_finished() && self.hub().is_ending() {
            return Err(OnDoneError::Ended);
        }
        // SAFETY: (STAGE), (TYPED) `notify` passes the place of the output, which stays while `f` runs.
        self.waiters().call_back(Box::new(|output| f(unsafe { output.cast().as_ref() })));
        if join == Join::Output {
            // SAFETY: (HANDLE) pins the task, which has ended.
            unsafe { self.hub().push_delivery(self.task) };
        }
        Ok(())
    }

    /// Lets the task go on by itself. Does what dropping the handle does, but says so.
    pub fn detach(self) {}

    /// The output, if it is there.
    #[inline]
    pub(super) fn take_now(&mut self) -> Option<Result<T, JoinError>> {
        // SAFETY: (HANDLE) pins the task; (STAGE) `take_output` makes the output this caller's;
        // (TYPED) it is of this type.
        self.count().take_output().then(|| unsafe { read_output(self.task) })
    }

    /// While this thread is inside another executor, the task's own cannot run: awaiting it there would
    /// be waiting for what cannot happen.
    #[inline]
    fn refuse_inside_another(&self) {
        if let Some(outer) = entry::inside_another(self.hub()) {
            panic!(
                "task {} is awaited inside another runtime, entered at {outer}, while its own cannot run: \
                 await it there, or send it by `Handle::spawn` to the runtime that awaits it",
                self.id()
            );
        }
    }

    /// Has the waker woken when there is news. A foreign one may run anything as it is cloned, the task's end included: what
    /// it was to be woken for may have passed, and it is woken here.
    #[inline]
    fn register(&self, waker: &Waker) -> Poll<Result<T, JoinError>> {
        if self.waiters().await_by(waker, self.hub()) == Registered::Foreign {
            self.look_again(waker);
        }
        Poll::Pending
    }

    #[cold]
    fn look_again(&self, waker: &Waker) {
        if self.count().join() != Join::NotYet && !self.waiters().has_callbacks() {
            self.waiters().forget_awaiter();
            waker.wake_by_ref();
        }
    }

    /// Nobody will read the output. An error is reported if it is a panic; a panic that the drop of a value
    /// makes is the dropper's.
    #[inline(never)]
    fn drop_unread(&mut self) {
        // First, as it may run anything: the drop of an awaiter's waker may run the loop, and in that the task may end. Even
        // if it panics then, the output is to be looked for.
        // SAFETY: (HANDLE) pins the task; home, as the handle cannot leave it.
        unsafe { contain(self.task, || self.waiters().forget_awaiter()) };
        if self.count().join() != Join::Output || !self.waiters().is_empty() {
            return; // whoever delivers the output finds that there is no handle, and drops it
        }
        match self.take_now() {
            // SAFETY: (HANDLE) pins the task; home, as the handle cannot leave it.
            Some(Err(error)) => unsafe { give_up::<T>(self.task, Err(error)) },
            value => drop(value),
        }
    }

    // The handle cannot leave the executor's thread, so it is at home whether or not the loop runs.

    #[inline]
    pub(super) fn count(&self) -> &Count {
        // SAFETY: (HANDLE) pins the task.
        unsafe { count(self.task) }
    }

    #[inline]
    fn waiters(&self) -> &Waiters {
        // SAFETY: (HANDLE) pins the task.
        unsafe { &(*self.task.as_ptr()).waiters }
    }

    #[inline]
    pub(super) fn hub(&self) -> &Hub {
        // SAFETY: (HANDLE) pins the task, and (PINNED) that its hub.
        unsafe { hub((*self.task.as_ptr()).hub) }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        match self.count().join() {
            Join::NotYet => {
                self.refuse_inside_another();
                self.register(cx.waker())
            }
            // Callbacks that registered before are called first.
            Join::Output if !self.waiters().is_empty() => {
                self.refuse_inside_another();
                self.register(cx.waker())
            }
            Join::Output => {
                budget::spend();
                Poll::Ready(self.take_now().expect("the output is there"))
            }
            Join::Taken => {
                // SAFETY: (HANDLE) pins the task.
                let site = unsafe { (*self.task.as_ptr()).site };
                panic!(
                    "JoinHandle of task {}, spawned at {site}, polled after it gave the output: await it once",
                    self.id()
                )
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
        if self.count().join() != Join::Taken {
            self.drop_unread();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = self.is_finished();
        f.debug_struct("JoinHandle").field("id", &self.id()).field("finished", &finished).finish()
    }
}
