//! [`RemoteHandle`]: the output of a task that [`Handle::spawn`](super::Handle::spawn) sent.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use super::home::SharedHome;
use super::park::Parker;
use super::sent::RemoteSlot;
use crate::common::awaited::Awaited;
use crate::common::scoped::{self, Scoped};
use crate::common::tokens::{Token, Tokens};
use crate::common::waits;
use crate::common::{Abort, AbortOnDrop};
use crate::executor::{JoinError, Reason, Subject, budget, contain, noop};

/// The output of a task that a [`Handle`](crate::Handle) sent. It is `Send`. A task may await it on any thread and in any
/// executor, and a plain thread may [`wait`](Self::wait) for it. Dropping it detaches the task.
///
/// ```
/// let runtime = taketurns::Runtime::new()?;
/// let handle = runtime.handle();
/// let thread = std::thread::spawn(move || {
///     let answer = handle.spawn(async { 42 }).wait().unwrap();
///     handle.stop();
///     answer
/// });
/// runtime.run_forever();
/// assert_eq!(thread.join().unwrap(), 42);
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
///
/// A [`JoinError`] when the task was aborted, panicked, or its executor ended first.
///
/// # Panics
///
/// When polled again after it has given the output.
///
/// # Cancellation
///
/// Dropping the handle detaches the task. To stop awaiting for a while and go on later, await `&mut handle`. Only
/// [`abort`](Self::abort) stops the task.
#[must_use = "dropping the handle detaches the task: await it, or call `detach` to say so"]
pub struct RemoteHandle<T> {
    slot: Arc<RemoteSlot<T>>,
    /// Wakes the task, for `abort`.
    task: Waker,
    /// The executor, which is told of a panic that no awaiter received.
    home: SharedHome,
    site: &'static Location<'static>,
    /// Counts as a `Handle` while it waits in another loop.
    wakes: Option<Token>,
}

thread_local! {
    /// Counts what may still wake the runtime that this thread is inside of.
    static WAKES: Scoped<Arc<Tokens>> = const { scoped::empty() };
}

/// The thread is inside of a runtime that counts this until the guard is dropped.
pub(super) fn enter(wakes: &Arc<Tokens>) -> scoped::Entered<Arc<Tokens>> {
    scoped::enter(&WAKES, Rc::new(Arc::clone(wakes)))
}

impl<T> RemoteHandle<T> {
    pub(super) fn new(
        slot: Arc<RemoteSlot<T>>,
        task: Waker,
        home: SharedHome,
        site: &'static Location<'static>,
    ) -> Self {
        Self { slot, task, home, site, wakes: None }
    }

    /// Blocks this thread until the task has ended, and gives its output.
    ///
    /// Only where a thread may block: on a thread of its own, or in a blocking job. A task that waits like this stops the
    /// loop that runs it; there, await the handle instead.
    ///
    /// The task runs when its loop does. If the loop has not been run yet, or is between two runs of `block_on`, this waits
    /// for the next run. To set a limit, use [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Errors
    ///
    /// A [`JoinError`], as for an await; and, if the task has not ended, two more, with which the task is detached and goes
    /// on when its loop does:
    ///
    /// * On the loop's own thread, at once, an error that [is_own_thread](JoinError::is_own_thread): the loop cannot run while
    ///   its thread waits.
    /// * When the `run_forever` of its runtime has ended, an error that [is_stopped](JoinError::is_stopped), until the next
    ///   run of any kind begins. It ends the waits that have begun, too. (An await waits for the next run.)
    ///
    /// # Panics
    ///
    /// When the handle has given the output before.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let remote = runtime.handle().spawn(async { 42 });
    /// let error = remote.wait().unwrap_err(); // this thread is the one that would run the task
    /// assert!(error.is_own_thread());
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn wait(mut self) -> Result<T, JoinError> {
        self.wait_until(None).expect("it has no limit")
    }

    /// As [`wait`](Self::wait), for at most `limit`. `None`: the task has not ended by then. The handle stays good.
    ///
    /// It takes the place of an earlier poll of the handle, whose task is not woken any more: poll it again.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait). An error that [is_own_thread](JoinError::is_own_thread) or
    /// [is_stopped](JoinError::is_stopped) is not the task's: the handle stays good.
    ///
    /// # Panics
    ///
    /// When the handle has given the output before.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let thread = std::thread::spawn(move || {
    ///     let mut remote = handle.spawn(std::future::pending::<()>());
    ///     assert!(remote.wait_timeout(Duration::from_millis(1)).is_none());
    ///     handle.stop();
    /// });
    /// runtime.run_forever();
    /// thread.join().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn wait_timeout(&mut self, limit: Duration) -> Option<Result<T, JoinError>> {
        // A limit beyond what the clock can count is none.
        self.wait_until(Instant::now().checked_add(limit))
    }

    #[track_caller]
    fn wait_until(&mut self, until: Option<Instant>) -> Option<Result<T, JoinError>> {
        if let Some(result) = self.try_get() {
            return Some(result);
        }
        if self.home.is_here() {
            return Some(Err(JoinError::own_thread(Subject::Remote(self.site))));
        }
        let parker = Parker::new();
        let waker = parker.waker();
        let home = SharedHome::clone(&self.home);
        let listed = home.stop.wakes(&parker);
        loop {
            if let Poll::Ready(result) = self.slot.poll(&waker) {
                return result;
            }
            if listed.is_over() {
                // It may have ended in the last turns before the stop.
                let site = self.site;
                let stopped = || Err(JoinError::stopped(Subject::Remote(site)));
                return Some(self.end_wait().unwrap_or_else(stopped));
            }
            if !parker.sleep(until) {
                return self.end_wait();
            }
        }
    }

    /// The output, if the task has ended. Otherwise the slot forgets the waker of the wait.
    #[track_caller]
    fn end_wait(&self) -> Option<Result<T, JoinError>> {
        match self.slot.poll(&noop()) {
            Poll::Ready(Some(result)) => Some(result),
            Poll::Ready(None) => gave_it_before(),
            Poll::Pending => None,
        }
    }

    /// The output, if the task has ended. It never waits, and a task that awaits the handle still does.
    ///
    /// # Errors
    ///
    /// A [`JoinError`], as for an await.
    ///
    /// # Panics
    ///
    /// When the handle has given the output before.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let mut remote = runtime.handle().spawn(async { 42 });
    /// assert!(remote.try_get().is_none());
    /// runtime.run_until_stalled();
    /// assert_eq!(remote.try_get().unwrap().unwrap(), 42);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn try_get(&mut self) -> Option<Result<T, JoinError>> {
        match self.slot.try_take() {
            Some(Some(result)) => Some(result),
            Some(None) => gave_it_before(),
            None => None,
        }
    }

    /// Asks the executor to drop the future in the task's next turn. If the task completes first, its
    /// output stands.
    pub fn abort(&self) {
        if self.slot.note(|orders| orders.is_aborted = true).is_some() {
            self.task.wake_by_ref();
        }
    }

    /// [Aborts](Self::abort) the task, and blocks this thread until its future is gone. Gives what became of the task: its
    /// output, if it completed first.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait). With an error that [is_own_thread](JoinError::is_own_thread) or
    /// [is_stopped](JoinError::is_stopped) the future is still there, until the task's next turn.
    ///
    /// # Panics
    ///
    /// When the handle has given the output before.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let thread = std::thread::spawn(move || {
    ///     let file = std::sync::Arc::new("open");
    ///     let held = file.clone();
    ///     let remote = handle.spawn(async move {
    ///         let _held = held;
    ///         std::future::pending::<()>().await;
    ///     });
    ///     assert!(remote.abort_and_wait().unwrap_err().is_cancelled());
    ///     assert_eq!(std::sync::Arc::strong_count(&file), 1);
    ///     handle.stop();
    /// });
    /// runtime.run_forever();
    /// thread.join().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn abort_and_wait(self) -> Result<T, JoinError> {
        self.abort();
        self.wait()
    }

    /// Asks the task to end, as [`JoinHandle::cancel`](crate::JoinHandle::cancel) does: what listens in it is woken, by
    /// [`cancelled`](crate::cancel::cancelled), a [`Scope`](crate::cancel::Scope) and so on. Nothing is dropped. If the task
    /// hears of it, it ends with an error that [is_cancelled](JoinError::is_cancelled), for this reason.
    ///
    /// What listens is not `Send`, so the future is one for [`Handle::spawn_with`](crate::Handle::spawn_with).
    ///
    /// Only the first reason counts. A task that has ended already keeps its output.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let thread = std::thread::spawn(move || {
    ///     let remote = handle.spawn_with(|| async {
    ///         let reason = taketurns::cancel::cancelled().await;
    ///         println!("cleaning up: {reason}");
    ///     });
    ///     remote.cancel("enough");
    ///     let error = remote.wait().unwrap_err();
    ///     assert_eq!(error.reason().unwrap().as_str(), "enough");
    ///     handle.stop();
    /// });
    /// runtime.run_forever();
    /// thread.join().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    pub fn cancel(&self, reason: impl Into<Reason>) {
        let mut reason = Some(reason.into());
        if self.slot.note(|orders| orders.reason = orders.reason.take().or(reason.take())).is_some()
        {
            self.task.wake_by_ref();
        }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.slot.is_done()
    }

    #[cfg(feature = "time")]
    pub(crate) fn is_taken(&self) -> bool {
        self.slot.is_taken()
    }

    /// Drops the handle and lets the task go on. The same as dropping the handle, said in the code.
    pub fn detach(self) {}

    /// Turns the handle into a guard that aborts the task when it is dropped.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let guard = runtime.handle().spawn(std::future::pending::<()>()).abort_on_drop();
    /// drop(guard);
    /// runtime.run_until_stalled();
    /// assert!(runtime.shutdown().lost().is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn abort_on_drop(self) -> AbortOnDrop<Self> {
        AbortOnDrop::new(self)
    }
}

impl<T> Abort for RemoteHandle<T> {
    fn abort(&self) {
        self.abort();
    }
}

// What the handle shares with the task is behind a lock under which nothing panics.
impl<T> UnwindSafe for RemoteHandle<T> {}
impl<T> RefUnwindSafe for RemoteHandle<T> {}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_ready(cx));
        match self.slot.poll(cx.waker()) {
            Poll::Pending => {
                self.keeps_waiting();
                Poll::Pending
            }
            Poll::Ready(result) => {
                if self.wakes.is_some() || waits::is_explaining() {
                    self.has_waited();
                }
                budget::spend();
                Poll::Ready(result.unwrap_or_else(|| gave_it_before()))
            }
        }
    }
}

impl<T> RemoteHandle<T> {
    /// It was polled and has to wait. Out of line, as is what follows, for the await that need not wait.
    #[inline(never)]
    fn keeps_waiting(&mut self) {
        self.slot.note_wait(|| Awaited::new("the task sent", self.site));
        // In time for the loop's next look, which is when it asks what may wake it.
        self.wakes = self.wakes_from_elsewhere();
    }

    /// It has the output, and may have waited for it.
    #[cold]
    #[inline(never)]
    fn has_waited(&mut self) {
        self.slot.end_wait();
        self.wakes = None;
    }

    /// If the task is in another thread's loop than the one it is awaited in, it may wake that at any time.
    fn wakes_from_elsewhere(&self) -> Option<Token> {
        // The first is the quicker one to tell: the other asks the thread for its id, which counts a reference.
        let is_here = self.home.hub.is_entered() || self.home.is_here();
        let wakes = if is_here { None } else { scoped::current(&WAKES) };
        wakes.map(|wakes| wakes.take())
    }
}

impl<T> Drop for RemoteHandle<T> {
    fn drop(&mut self) {
        let (awaiter, output) = self.slot.leave();
        contain(|| drop(awaiter));
        match output {
            Some(Err(error)) if error.is_panic() => self.home.tell(error),
            value => drop(value),
        }
    }
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle").field("finished", &self.is_finished()).finish()
    }
}

#[cold]
#[track_caller]
fn gave_it_before() -> ! {
    panic!("`RemoteHandle` asked for the output again: it gives it once")
}
