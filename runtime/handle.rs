//! [`Handle`] and [`RemoteHandle`]: the executor from other threads.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_task::{FutureObj, Spawn, SpawnError};

use crate::common::tokens::Token;
use crate::executor::primitives::{Mutex, MutexGuard};
use crate::executor::{Driver, Executor, HubHandle, JoinError, Who, silence};

/// A way into an executor from other threads: cheap to clone, outlives the executor harmlessly.
#[derive(Clone)]
pub struct Handle {
    hub: HubHandle,
    /// While one is out, a runtime under a virtual clock is not deadlocked: work may come.
    _token: Option<Token>,
}

impl Handle {
    /// A way into an executor of one's own; a runtime has [`Runtime::handle`](crate::Runtime::handle).
    pub fn new<D: Driver>(executor: &Executor<'_, D>) -> Self {
        Self { hub: executor.remote(), _token: None }
    }

    pub(crate) fn counted<D: Driver>(executor: &Executor<'_, D>, token: Token) -> Self {
        Self { _token: Some(token), ..Self::new(executor) }
    }

    /// Sends a task to the executor. It enters the run queue at the executor's next look, which an idle
    /// executor takes at once.
    ///
    /// After the executor has ended, the future is dropped here, unpolled, and the handle gives an
    /// error that [is_shutdown](JoinError::is_shutdown).
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let remote = std::thread::spawn(move || handle.spawn(async { 42 })).join().unwrap();
    /// assert_eq!(runtime.block_on(remote).unwrap(), 42);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> RemoteHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let slot = Arc::new(Slot(Mutex::new(State::Waiting { awaiter: None, aborted: false })));
        let sent = Sent { future: Some(future), slot: Arc::clone(&slot) };
        let task = self.hub.spawn(sent, Location::caller()).unwrap_or_else(|refused| {
            silence(|| drop(refused));
            Waker::noop().clone()
        });
        RemoteHandle { slot, task }
    }

    /// Ends `run_forever`; if it does not run now, the next one ends at once. `block_on` takes no notice.
    pub fn stop(&self) {
        self.hub.stop();
    }
}

/// Spawns detached. The error, when the executor has ended, is a shutdown.
impl Spawn for Handle {
    #[track_caller]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.hub.spawn(future, Location::caller()).map(drop).map_err(|refused| {
            silence(|| drop(refused));
            SpawnError::shutdown()
        })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

/// The output of a task that [`Handle::spawn`] sent. `Send`; awaited anywhere, also outside of any
/// executor of this crate. Dropping it detaches the task.
///
/// # Errors
///
/// A [`JoinError`] when the task was aborted, panicked, or its executor ended first.
///
/// # Panics
///
/// When polled again after it has given the output.
#[must_use = "dropping the handle detaches the task: await it, or write `drop(..)` to say so"]
pub struct RemoteHandle<T> {
    slot: Arc<Slot<T>>,
    /// Wakes the task, for `abort`.
    task: Waker,
}

impl<T> RemoteHandle<T> {
    /// Asks the executor to drop the future in the task's next turn. If the task completes first, its
    /// output stands.
    pub fn abort(&self) {
        if let State::Waiting { aborted, .. } = &mut *self.slot.lock() {
            *aborted = true;
        }
        self.task.wake_by_ref();
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !matches!(*self.slot.lock(), State::Waiting { .. })
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.lock();
        if let State::Waiting { awaiter, .. } = &mut *state {
            // Cloned under the lock: a clone runs no code of the awaiter's own but its count.
            if !awaiter.as_ref().is_some_and(|awaiter| awaiter.will_wake(cx.waker())) {
                let before = awaiter.replace(cx.waker().clone());
                drop(state);
                drop(before);
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => Poll::Ready(result),
            State::Waiting { .. } | State::Taken => {
                panic!("RemoteHandle polled after it gave the output")
            }
        }
    }
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle").field("finished", &self.is_finished()).finish()
    }
}

/// Where result and cancel flag of a sent task are. Not in the task: that belongs to its executor's
/// thread, and may be freed first.
struct Slot<T>(Mutex<State<T>>);

enum State<T> {
    Waiting { awaiter: Option<Waker>, aborted: bool },
    Done(Result<T, JoinError>),
    Taken,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_aborted(&self) -> bool {
        matches!(*self.lock(), State::Waiting { aborted: true, .. })
    }

    /// The first result stands. Wakes, and drops what is not wanted, with the lock released.
    fn fill(&self, result: Result<T, JoinError>) {
        let mut state = self.lock();
        if let State::Waiting { awaiter, .. } = &mut *state {
            let awaiter = awaiter.take();
            *state = State::Done(result);
            drop(state);
            if let Some(awaiter) = awaiter {
                awaiter.wake();
            }
        }
    }
}

pin_project_lite::pin_project! {
    /// What the executor runs: the future, and where its output goes.
    struct Sent<F: Future> {
        #[pin]
        future: Option<F>,
        slot: Arc<Slot<F::Output>>,
    }

    impl<F: Future> PinnedDrop for Sent<F> {
        fn drop(this: Pin<&mut Self>) {
            if this.future.is_some() {
                this.end(Err(JoinError::shutdown(Who::Remote)));
            }
        }
    }
}

impl<F: Future> Future for Sent<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.slot.is_aborted() {
            self.end(Err(JoinError::cancelled(Who::Remote)));
            return Poll::Ready(());
        }
        let future =
            self.as_mut().project().future.as_pin_mut().expect("not polled after it ended");
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => self.end(Ok(output)),
            Err(payload) => self.end(Err(JoinError::panicked(Who::Remote, payload))),
        }
        Poll::Ready(())
    }
}

impl<F: Future> Sent<F> {
    /// Drops the future first, so that whoever sees the output knows it gone.
    fn end(self: Pin<&mut Self>, result: Result<F::Output, JoinError>) {
        let mut this = self.project();
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        let panicked = |payload| Err(JoinError::panicked(Who::Remote, payload));
        this.slot.fill(dropped.map_or_else(panicked, |()| result));
    }
}
