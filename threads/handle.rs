//! [`Handle`]: a way into an executor from other threads.

#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use futures_task::{FutureObj, Spawn, SpawnError};

use super::home::{Home, SharedHome};
use super::remote_handle::{self, RemoteHandle};
use super::sent::{RemoteSlot, Sent};
use crate::common::debug_mode;
use crate::common::discard::discard;
#[cfg(feature = "offload")]
use crate::common::job_context::{self, JobContext};
use crate::common::scoped;
use crate::common::send_home::Tell;
use crate::common::tokens::{Token, Tokens};
use crate::executor::{Driver, Executor, HubHandle, JoinError, Subject, Unpark, noop};

thread_local! {
    /// The handles of the runtime that this thread is inside of.
    static CURRENT: scoped::Scoped<Handles> = const { scoped::empty() };
}

/// What the handles of one runtime share: their count, and what they know of its executor.
pub(crate) struct Handles {
    tokens: Arc<Tokens>,
    tell: Tell,
    /// Set once the executor is there.
    home: OnceCell<SharedHome>,
    /// Since `run_forever` has ended, until the next run.
    is_stopped: Cell<bool>,
}

/// The thread is inside of the runtime until this is dropped.
pub(crate) type EnteredHandles = (scoped::Entered<Handles>, scoped::Entered<Arc<Tokens>>);

impl Handles {
    /// `tell` is how the runtime is told of panics.
    pub(crate) fn new(unparker: Box<dyn Unpark>, tell: Tell) -> Rc<Self> {
        let (home, is_stopped) = (OnceCell::new(), Cell::new(false));
        Rc::new(Self { tokens: Tokens::new(unparker), tell, home, is_stopped })
    }

    /// The runtime begins a run, or its end.
    pub(crate) fn enter(self: &Rc<Self>) -> EnteredHandles {
        if self.is_stopped.replace(false) {
            self.home().stop.resume();
        }
        (scoped::enter(&CURRENT, Rc::clone(self)), remote_handle::enter(&self.tokens))
    }

    /// To be called once the executor is there, before any other.
    pub(crate) fn connect(&self, hub: HubHandle) {
        self.home.get_or_init(|| Home::new(hub, Arc::clone(&self.tell)));
    }

    /// What each handle gives by [`Handle::attached`].
    pub(crate) fn attach(&self, attached: Arc<dyn Any + Send + Sync>) {
        drop(self.home().attached.set(attached));
    }

    fn home(&self) -> &SharedHome {
        self.home.get().expect("`connect` comes first")
    }

    /// One more handle of the runtime.
    pub(crate) fn new_handle(&self) -> Handle {
        Handle { home: SharedHome::clone(self.home()), _token: Some(self.tokens.take()) }
    }

    /// Until the next run, waits for what was sent end with an error.
    pub(crate) fn stop_waits(&self) {
        self.is_stopped.set(true);
        self.home().stop.stop();
    }

    /// What [`Handle::current`] finds in a blocking job.
    #[cfg(feature = "offload")]
    pub(crate) fn for_jobs(&self) -> JobContext {
        Arc::new(ForJobs { tokens: Arc::clone(&self.tokens), home: SharedHome::clone(self.home()) })
    }

    /// Whether a handle is out, so that other threads may still send work.
    pub(crate) fn are_out(&self) -> bool {
        self.tokens.are_out()
    }
}

/// The handles of the runtime that this thread's jobs belong to. It is not a handle itself, so it is not counted.
#[cfg(feature = "offload")]
struct ForJobs {
    tokens: Arc<Tokens>,
    home: SharedHome,
}

#[cfg(feature = "offload")]
impl ForJobs {
    fn new_handle(&self) -> Handle {
        // A job holds the clock, so a deadlock is not looked for while it makes a handle.
        Handle { home: SharedHome::clone(&self.home), _token: Some(self.tokens.take()) }
    }
}

/// A way into an executor from other threads. It is cheap to clone.
///
/// It may outlive the executor, which then refuses what is sent. The sending thread drops the future, unpolled, and the
/// [`RemoteHandle`] has an error that [is_shutdown](crate::JoinError::is_shutdown). A panic of the future's destructor is
/// caught, and the sender goes on; a future that the destructor sends is dropped after it. `stop` and
/// [`RemoteHandle::abort`] have no effect then.
#[derive(Clone)]
pub struct Handle {
    home: SharedHome,
    /// While one is out, a runtime under a virtual clock is not deadlocked: work may come.
    _token: Option<Token>,
}

impl Handle {
    /// A handle of a bare executor. For a runtime use [`Runtime::handle`](crate::Runtime::handle). A bare executor does not tell
    /// the threads that [wait](RemoteHandle::wait) for it that it was stopped.
    pub fn new<D: Driver>(executor: &Executor<'_, D>) -> Self {
        Self { home: Home::bare(executor.remote()), _token: None }
    }

    /// As [`new`](Self::new), with a token that its model counts.
    #[cfg(test)]
    pub(crate) fn counted<D: Driver>(executor: &Executor<'_, D>, token: Token) -> Self {
        Self { _token: Some(token), ..Self::new(executor) }
    }

    /// A handle of the runtime that this thread is inside of. A task calls this for a handle to give to a thread. In a blocking
    /// job it is a handle of the runtime that the job belongs to; if the job runs a runtime of its own, of that meanwhile.
    ///
    /// # Panics
    ///
    /// Outside of a runtime and of a blocking job.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let handle = taketurns::Handle::current();
    /// let thread = std::thread::spawn(move || handle.spawn(async { 42 }));
    /// let remote = taketurns::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
    /// assert_eq!(remote.await.unwrap(), 42);
    /// # });
    /// ```
    #[track_caller]
    #[must_use]
    pub fn current() -> Self {
        Self::try_current().unwrap_or_else(|| scoped::outside("Handle::current"))
    }

    /// As [`current`](Self::current); `None` outside of a runtime and of a job.
    #[must_use]
    pub fn try_current() -> Option<Self> {
        let Some(hub) = HubHandle::current() else {
            #[cfg(feature = "offload")]
            return job_context::current::<ForJobs>().map(|jobs| jobs.new_handle());
            #[cfg(not(feature = "offload"))]
            return None;
        };
        // A bare executor may close inside of a runtime.
        let handles = scoped::current(&CURRENT).filter(|handles| handles.home().hub == hub);
        Some(match handles {
            Some(handles) => handles.new_handle(),
            None => Self { home: Home::bare(hub), _token: None },
        })
    }

    /// Sends a task to the executor. The task enters the run queue at the executor's next look; an idle executor looks at
    /// once.
    ///
    /// If the executor has ended, the future is dropped here, unpolled, and the handle gives an error that
    /// [is_shutdown](crate::JoinError::is_shutdown). Futures that its destructor sends are dropped after it, up to 100,000
    /// in one go; later ones are forgotten, so that this returns.
    ///
    /// A panic of the task is the error of its handle. If the handle is not awaited, the executor's thread is told of the
    /// panic ([`Unhandled`](crate::task::Unhandled)).
    ///
    /// The future must be `Send`, so it cannot keep an `Rc`, a `JoinHandle` or a socket of this crate across an `.await`.
    /// [`spawn_with`](Self::spawn_with) takes one that can.
    ///
    /// ```compile_fail,E0277
    /// # let handle = taketurns::Runtime::new()?.handle();
    /// handle.spawn(async {
    ///     let local = std::rc::Rc::new(42);
    ///     taketurns::yield_now().await;
    ///     *local
    /// });
    /// # std::io::Result::Ok(())
    /// ```
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
        let site = Location::caller();
        let (sent, slot) = Sent::new(future, site);
        self.remote(slot, self.home.hub.spawn(sent, site), site)
    }

    /// Sends a function that makes a task's future. It is called on the executor's thread, in the task's first turn, and the
    /// task goes on with the future. The future may be of any kind, as it never leaves that thread, and is dropped there.
    ///
    /// Otherwise this is [`spawn`](Self::spawn). A panic of the function is a panic of the task. If the task is aborted before
    /// its first turn, the function is dropped, uncalled.
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let remote = std::thread::spawn(move || {
    ///     handle.spawn_with(|| async {
    ///         let local = Rc::new(42);
    ///         taketurns::yield_now().await;
    ///         *local
    ///     })
    /// });
    /// assert_eq!(runtime.block_on(remote.join().unwrap()).unwrap(), 42);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// What the function takes along crosses threads, so that is `Send`, and so is the output:
    ///
    /// ```compile_fail,E0277
    /// # let handle = taketurns::Runtime::new()?.handle();
    /// let local = std::rc::Rc::new(42);
    /// handle.spawn_with(move || async move { *local });
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn_with<M, F>(&self, make: M) -> RemoteHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let site = Location::caller();
        let (sent, slot) = Sent::new(make, site);
        self.remote(slot, self.home.hub.spawn_made(move || sent.make(), site), site)
    }

    /// Calls a function on the executor's thread, blocks this thread until it has returned, and gives what it returned.
    ///
    /// The function takes the turn of a task. As [`RemoteHandle::wait`] this is only for a thread that may block, such as that
    /// of a blocking job.
    ///
    /// # Errors
    ///
    /// As [`RemoteHandle::wait`]. On the executor's own thread the function is dropped, uncalled. With an error that
    /// [is_stopped](JoinError::is_stopped) it stays sent: the next run calls it, and drops what it returns.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let job = taketurns::spawn_blocking(|| {
    ///     let text = "a long computation".to_owned();
    ///     taketurns::Handle::current().call(move || text.len()).unwrap() // on the loop, as it may use what the tasks share
    /// });
    /// assert_eq!(job.await.unwrap(), 18);
    /// # });
    /// ```
    #[track_caller]
    pub fn call<T, C>(&self, function: C) -> Result<T, JoinError>
    where
        C: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.home.is_here() && !self.home.hub.has_closed() {
            return Err(JoinError::own_thread(Subject::Remote(Location::caller())));
        }
        self.spawn(async move { function() }).wait()
    }

    /// The handle of what was sent. If that was refused, it is dropped once the handle has its error.
    fn remote<T, R: 'static>(
        &self,
        slot: Arc<RemoteSlot<T>>,
        task: Result<Waker, R>,
        site: &'static Location<'static>,
    ) -> RemoteHandle<T> {
        let task = task.unwrap_or_else(|refused| {
            drop(slot.fill(Err(JoinError::shutdown(Subject::Remote(site)))));
            say_refused(site);
            discard(refused);
            noop()
        });
        RemoteHandle::new(slot, task, SharedHome::clone(&self.home), site)
    }

    /// The same, but no work comes by it: a run under a virtual clock may be deadlocked while it is out.
    #[cfg(feature = "inspect")]
    pub(crate) fn uncounted(&self) -> Self {
        Self { home: SharedHome::clone(&self.home), _token: None }
    }

    /// What the runtime has attached to its handles, for a part above this one. `None` for a bare executor.
    pub(crate) fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.home.attached.get()?).downcast().ok()
    }

    /// The executor.
    pub(crate) fn hub(&self) -> &HubHandle {
        &self.home.hub
    }

    /// Whether this thread is the executor's own.
    pub(crate) fn is_home(&self) -> bool {
        self.home.is_here()
    }

    /// Whether the executor cannot end while this thread waits: it is the executor's own, or in one of its blocking jobs.
    pub(crate) fn needs_this_thread(&self) -> bool {
        #[cfg(feature = "offload")]
        let jobs = job_context::current::<ForJobs>();
        #[cfg(feature = "offload")]
        let is_in_job = jobs.is_some_and(|jobs| jobs.home.hub == self.home.hub);
        #[cfg(not(feature = "offload"))]
        let is_in_job = false;
        self.home.is_here() || is_in_job
    }

    /// Ends `run_forever`. If it does not run now, the next `run_forever` ends at once. A `block_on` goes on, and so does a
    /// [`Background`](crate::Background), which has a `stop` of its own.
    ///
    /// What was sent and has not ended stays, and goes on in the next run. Until then, a thread that
    /// [waits](RemoteHandle::wait) for it gets an error that [is_stopped](JoinError::is_stopped).
    pub fn stop(&self) {
        self.home.hub.stop();
    }
}

fn say_refused(site: &Location<'_>) {
    debug_mode::say(|| {
        format!(
            "what a `Handle` sent at {site} came too late and was dropped: its runtime has ended. Keep the \
             runtime until its last task was sent, or look at the error of the `RemoteHandle`"
        )
    });
}

/// Spawns detached.
///
/// # Errors
///
/// A shutdown error when the executor has ended.
impl Spawn for Handle {
    #[track_caller]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let site = Location::caller();
        self.home.hub.spawn(future, site).map(drop).map_err(|refused| {
            say_refused(site);
            discard(refused);
            SpawnError::shutdown()
        })
    }
}

// A panic leaves nothing half done in the executor that could be seen through a handle.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}
