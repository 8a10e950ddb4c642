//! [`JoinHandle`]: a task's output, for the spawner.
//!
//! The bit HANDLE keeps the task for the handle, so the output may wait in the cell until it is awaited, with no allocation
//! of its own. It is `!Send`, so it is always at home, whether or not the loop runs, and need not ask as a waker must.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::cell::read_output;
use super::contain::{contain_for, discard};
use super::entry;
use super::header::{Home, TaskRef};
use super::hub::{Hub, free_at_home};
use super::state::{Join, TaskState};
use super::waiters::Registered;
use super::waker;
use crate::executor::awaits::{are_awaits_told, awaits};
use crate::executor::{AbortHandle, Id, Info, JoinError, OnDoneError, Reason, budget};

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
    task: TaskRef,
    // By the pointer the handle is neither `Send` nor `Sync`. It is covariant in the output, which it may drop.
    _output: PhantomData<T>,
}

// The output is not pinned by its handle.
impl<T> Unpin for JoinHandle<T> {}

// A panic of the task is a value of the handle, and no operation on the handle leaves it half done when it panics.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    ///
    /// (HANDLE) the task's bit is set for this handle and no other. (TYPED) its output is
    /// `Result<T, JoinError>`. Called at home.
    #[inline]
    pub(super) unsafe fn new(task: TaskRef) -> Self {
        Self { task, _output: PhantomData }
    }

    /// Whether the task has ended: completed, panicked, been aborted or shut down.
    #[must_use]
    #[inline]
    pub fn is_finished(&self) -> bool {
        self.state().is_finished()
    }

    /// Whether the handle has given its output.
    #[cfg(feature = "time")]
    pub(crate) fn is_taken(&self) -> bool {
        self.state().join() == Join::Taken
    }

    #[cfg(feature = "tracing")]
    pub(super) fn task(&self) -> TaskRef {
        self.task
    }

    /// Which task it is.
    #[must_use]
    pub fn id(&self) -> Id {
        Id(self.home().id.get())
    }

    /// Ends the task where it stands: in its next turn its future is dropped, and the handle then
    /// gives an error that [is_cancelled](JoinError::is_cancelled).
    ///
    /// The future is never dropped inside this call. A task that has ended already keeps its output;
    /// so does one that completes in the very turn in which it aborts itself. Nothing tells the task before; to ask it to end,
    /// use [`cancel`](Self::cancel). If the executor closes before that turn, the error
    /// [is_shutdown](JoinError::is_shutdown).
    pub fn abort(&self) {
        self.hub().enqueue(self.task, self.state().abort());
    }

    /// Asks the task to end, and leaves the end to the task, which may clean up with awaits of its own.
    ///
    /// The task hears of it where it listens: in [`cancelled`](crate::cancel::cancelled),
    /// [`checkpoint`](crate::cancel::checkpoint), or an await that is wrapped by
    /// [`or_cancelled`](crate::cancel::OrCancelled::or_cancelled). If it has heard of it when it ends, its value is dropped, and
    /// the handle gives an error that [is_cancelled](JoinError::is_cancelled), with this [reason](JoinError::reason).
    ///
    /// **A task that does not listen goes on as if nothing had happened**, and its handle gives its value. To drop such a
    /// task, use [`abort`](Self::abort), or
    #[cfg_attr(feature = "time", doc = "[`cancel_within`](Self::cancel_within), which asks first.")]
    #[cfg_attr(
        not(feature = "time"),
        doc = "`cancel_within` of the feature `time`, which asks first."
    )]
    ///
    /// The request stays: whatever listens later hears of it at once. Only the first reason counts. A task that has ended
    /// already keeps its output.
    ///
    /// ```
    /// use taketurns::cancel::cancelled;
    ///
    /// # taketurns::block_on(async {
    /// let handle = taketurns::spawn(async {
    ///     let reason = cancelled().await;
    ///     println!("cleaning up: {reason}");
    ///     taketurns::yield_now().await;
    /// });
    /// taketurns::yield_now().await; // it listens now
    /// handle.cancel("enough");
    /// let error = handle.await.unwrap_err();
    /// assert_eq!(error.reason().unwrap().as_str(), "enough");
    /// # });
    /// ```
    pub fn cancel(&self, reason: impl Into<Reason>) {
        // SAFETY: (ALIVE) HANDLE is held.
        unsafe { self.hub().ask(self.task, &reason.into()) };
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
        // SAFETY: (ALIVE) HANDLE is held.
        unsafe { self.task.add_reference_at_home() };
        AbortHandle::new(waker::own(self.task), self.id())
    }

    /// Calls `f` with the outcome once the task has ended; the handle stays.
    ///
    /// The callbacks are called, and the awaiter is woken, in the order in which they registered, in the task's last turn.
    /// A callback that registers later is called in a turn of its own, never inside this call, and an await that begins
    /// after it gets the output after it. A task whose runtime shuts down calls back too, with an error that
    /// [is_shutdown](JoinError::is_shutdown). A callback that panics ends there, and is reported as
    /// [`Unhandled`](crate::task::Unhandled). A panic of the task counts as seen when a callback was given it.
    ///
    /// # Errors
    ///
    /// [`OnDoneError`] when the output was taken already, or the executor has closed: `f` is dropped.
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
        let join = self.state().join();
        if join == Join::Taken {
            return Err(OnDoneError::Taken);
        }
        if self.is_finished() && self.hub().is_closing() {
            return Err(OnDoneError::Ended);
        }
        // SAFETY: (STAGE), (TYPED) `notify` passes the place of the output, which stays while `f` runs.
        self.home().waiters.add_callback(Box::new(|output| f(unsafe { output.cast().as_ref() })));
        if join == Join::Output {
            // SAFETY: (ALIVE) HANDLE is held; the task has ended.
            unsafe { self.hub().wake_to_deliver(self.task) };
        }
        Ok(())
    }

    /// Lets the task go on by itself. Does what dropping the handle does, but says so.
    pub fn detach(self) {}

    /// The output, if it is there.
    #[inline]
    pub(super) fn take_now(&mut self) -> Option<Result<T, JoinError>> {
        // SAFETY: (ALIVE) HANDLE is held; (STAGE) `take_output` makes the output this caller's; (TYPED) it is of this type.
        self.state().take_output().then(|| unsafe { read_output(self.task) })
    }

    /// While this thread is inside another executor, the task's own executor cannot run: awaiting the task there would
    /// wait for ever.
    #[inline]
    fn refuse_inside_another(&self) {
        if let Some(outer) = entry::inside_another(self.hub()) {
            awaited_inside(outer, self.id());
        }
    }

    /// Keeps the waker, to be woken when the output is there.
    ///
    /// Cloning a foreign waker runs user code, which may even run this executor, between two runs, until the task has
    /// ended. Then no wake would come any more, so the waker is woken here.
    #[inline]
    fn register(&self, waker: &Waker) -> Poll<Result<T, JoinError>> {
        let registered = self.home().waiters.set_awaiter(waker, self.hub());
        if registered == Registered::Listed || are_awaits_told() {
            self.has_registered(waker, registered);
        }
        Poll::Pending
    }

    /// Tells of the await, if that is asked for. A waker that is listed may have come too late.
    #[cold]
    #[inline(never)]
    fn has_registered(&self, waker: &Waker, registered: Registered) {
        awaits(self.id(), registered == Registered::Named);
        if registered == Registered::Listed {
            self.wake_if_ended(waker);
        }
    }

    fn wake_if_ended(&self, waker: &Waker) {
        if self.state().join() != Join::NotYet && !self.home().waiters.has_callbacks() {
            self.home().waiters.forget_awaiter();
            waker.wake_by_ref();
        }
    }

    /// The handle goes without having given the output. If the output is an error that is a panic, it is reported. If it is
    /// a value and its drop panics, that panic goes to the caller, as with any value.
    #[inline(never)]
    fn drop_unread(&mut self) {
        /// Gives HANDLE up last, also when the output's drop panics.
        struct GiveUp(TaskRef);
        impl Drop for GiveUp {
            fn drop(&mut self) {
                give_up_handle(self.0);
            }
        }
        let _last = GiveUp(self.task);
        // The awaiter's waker goes first: its drop may run the loop, between two runs, and the task may end then, which
        // stores the output that is looked for below. That holds also if that drop panics.
        // SAFETY: (ALIVE) HANDLE is held, at home.
        unsafe { contain_for(self.task, || self.home().waiters.forget_awaiter()) };
        if self.state().join() != Join::Output || !self.home().waiters.is_empty() {
            return; // the turn that delivers the output finds no handle, and drops it
        }
        match self.take_now() {
            // SAFETY: (ALIVE) HANDLE is held, at home.
            Some(Err(error)) => unsafe { discard::<T>(self.task, Err(error)) },
            value => drop(value),
        }
    }

    /// What is known of the task.
    pub(crate) fn info(&self) -> Info {
        // SAFETY: (ALIVE) HANDLE is held.
        unsafe { self.hub().describe(self.task) }
    }

    #[inline]
    fn home(&self) -> &Home {
        // SAFETY: (ALIVE) HANDLE is held. At home: the handle is `!Send`.
        unsafe { self.task.home() }
    }

    #[inline]
    pub(super) fn state(&self) -> &TaskState {
        &self.home().state
    }

    #[inline]
    pub(super) fn hub(&self) -> &Hub {
        // SAFETY: (ALIVE) HANDLE is held, and (HUB) so is the hub. At home: the handle is `!Send`.
        unsafe { self.task.fixed().hub.at_home() }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        match self.state().join() {
            Join::NotYet => {
                self.refuse_inside_another();
                self.register(cx.waker())
            }
            // Callbacks that came after the task's end wait for their turn, and registered before this await.
            Join::Output if !self.home().waiters.is_empty() => {
                self.refuse_inside_another();
                self.register(cx.waker())
            }
            Join::Output => {
                budget::spend();
                Poll::Ready(self.take_now().expect("the output is there"))
            }
            Join::Taken => {
                // SAFETY: (ALIVE) HANDLE is held.
                gave_it_before(self.id(), unsafe { self.task.fixed() }.site)
            }
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        match (self.state().join(), self.home().waiters.is_empty()) {
            // The output is taken; or the task goes on, and nothing waits for it.
            (Join::Taken, _) | (Join::NotYet, true) => give_up_handle(self.task),
            (Join::NotYet | Join::Output, _) => self.drop_unread(),
        }
    }
}

/// The handle goes: gives HANDLE up.
#[inline]
fn give_up_handle(task: TaskRef) {
    // SAFETY: (ALIVE) HANDLE is held until here, at home.
    unsafe {
        let fate = task.home().state.handle_dropped(&task.away().count);
        free_at_home(task, fate);
    }
}

#[cold]
fn awaited_inside(outer: &Location<'_>, task: Id) -> ! {
    panic!(
        "task {task} is awaited inside another runtime, entered at {outer}, while its own cannot run: \
         await it there, or send it by `Handle::spawn` to the runtime that awaits it"
    )
}

#[cold]
fn gave_it_before(task: Id, site: &Location<'_>) -> ! {
    panic!(
        "JoinHandle of task {task}, spawned at {site}, polled after it gave the output: await it once"
    )
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = self.is_finished();
        f.debug_struct("JoinHandle").field("id", &self.id()).field("finished", &finished).finish()
    }
}
