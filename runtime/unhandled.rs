//! [`Unhandled`]: failures that no handle receives, and what becomes of them.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::common::scoped;
use crate::executor::{HubHandle, Info, JoinError, current, report, silence};

/// A failure that no handle receives, so that no awaiter can see it.
///
/// A task panicked after its handle was dropped, or its handle was dropped with the panic in it; a
/// destructor, an awaiter's waker or a callback of a task panicked; a [`reported`] future gave an
/// error. The same of a task that a [`Handle`](crate::Handle) sent and of a blocking job, wherever their handles
/// were dropped: the runtime they belong to is told, on its own thread. When that has ended, nothing is left to be
/// told: the failure is a line on stderr, printed by the thread that drops the handle or runs the job.
///
/// Its `Display` names the task or job and the failure.
#[derive(Debug)]
pub struct Unhandled {
    task: Option<Info>,
    error: Box<dyn Error>,
}

impl Unhandled {
    /// The task that failed, as it stood then. `None` if no task did, but a blocking job, or a waker that panicked
    /// as the loop woke it.
    #[must_use]
    pub fn task(&self) -> Option<&Info> {
        self.task.as_ref()
    }

    /// Where the task or the blocking job was spawned; `None` if neither failed.
    #[must_use]
    pub fn site(&self) -> Option<&'static Location<'static>> {
        let site = || self.error.downcast_ref().and_then(JoinError::site);
        self.task.as_ref().map(Info::site).or_else(site)
    }

    /// What happened: for a panic a [`JoinError`].
    #[must_use]
    pub fn error(&self) -> &(dyn Error + 'static) {
        &*self.error
    }

    /// Whether it was a panic, and not an error that a [`reported`] future gave.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.error.is::<JoinError>()
    }
}

impl Unhandled {
    /// As its `Display`, which is in part the user's code and may panic.
    fn text(&self) -> String {
        let mut text = String::from("a failure that nobody awaits, whose text could not be made");
        silence(|| text = self.to_string());
        text
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(task) = &self.task else {
            return write!(f, "{}; nobody awaits it", self.error);
        };
        if self.is_panic() {
            write!(f, "{}", self.error)?;
        } else {
            write!(f, "{} gave an error: {}", task.title(), self.error)?;
        }
        write!(f, "; nobody awaits it (spawned at {})", task.site())
    }
}

/// What becomes of a failure that nobody awaits. See [`Unhandled`], also for what comes after the end of the runtime.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use taketurns::task::Unhandled;
/// use taketurns::{Builder, UnhandledPanic};
///
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let write = {
///     let log = Arc::clone(&log);
///     move |failure: &Unhandled| log.lock().unwrap().push(failure.error().to_string())
/// };
/// let policy = UnhandledPanic::Call(Arc::new(write));
/// let runtime = Builder::new().unhandled_panic(policy).build()?;
/// runtime.spawn(async { panic!("out of coffee") }).detach();
/// runtime.run_until_stalled();
/// assert_eq!(*log.lock().unwrap(), ["task #1 panicked: out of coffee"]);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum UnhandledPanic {
    /// One line to stderr, beside what the panic hook prints.
    #[default]
    Report,
    /// The run ends: at its next look, `block_on` (`run_forever` and so on) panics with the failure's text.
    /// The tasks stay, for another run or the report. When the runtime is ending, as `Report`.
    Stop,
    /// A function is called, at once. A panic of it ends there.
    Call(Arc<dyn Fn(&Unhandled) + Send + Sync>),
}

impl fmt::Debug for UnhandledPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "Report",
            Self::Stop => "Stop",
            Self::Call(_) => "Call(..)",
        })
    }
}

thread_local! {
    static CURRENT: scoped::Scoped<Failures> = const { scoped::empty() };
}

/// The failures of one runtime.
pub(super) struct Failures {
    policy: UnhandledPanic,
    /// The first that is to stop the run.
    stopping: RefCell<Option<Unhandled>>,
    late: Late,
    ending: Cell<bool>,
    /// The texts of those that were to stop a run, when there was none any more.
    #[cfg(feature = "time")]
    came_late: RefCell<Vec<String>>,
}

impl Failures {
    pub(super) fn new(policy: UnhandledPanic) -> Self {
        Self {
            policy,
            stopping: RefCell::new(None),
            late: Late::new(),
            ending: Cell::new(false),
            #[cfg(feature = "time")]
            came_late: RefCell::default(),
        }
    }

    pub(super) fn enter(self: &Rc<Self>) -> scoped::Entered<Self> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Deals with one as the policy says. Nothing that panics on the way leaves this: the policy's function, the
    /// failure's text, its destructor, or a closed stderr.
    pub(super) fn add(&self, task: Option<Info>, error: Box<dyn Error>) {
        let unhandled = Unhandled { task, error };
        match &self.policy {
            UnhandledPanic::Call(function) => silence(|| function(&unhandled)),
            UnhandledPanic::Stop if !self.ending.get() && self.stopping.borrow().is_none() => {
                *self.stopping.borrow_mut() = Some(unhandled);
                return;
            }
            UnhandledPanic::Report => silence(|| eprintln!("{unhandled}")),
            UnhandledPanic::Stop => {
                let text = unhandled.text();
                silence(|| eprintln!("{text}"));
                #[cfg(feature = "time")]
                if self.ending.get() {
                    self.came_late.borrow_mut().push(text);
                }
            }
        }
        silence(|| drop(unhandled));
    }

    /// The text of the failure that is to end the run, if there is one: the caller panics with it.
    pub(super) fn stops_the_run(&self) -> Option<String> {
        let unhandled = self.stopping.take()?;
        let text = unhandled.text();
        silence(|| drop(unhandled));
        Some(text)
    }

    /// The runtime ends: no run is left to be stopped.
    pub(super) fn end(&self) {
        self.ending.set(true);
        if let Some(Unhandled { task, error }) = self.stopping.take() {
            self.add(task, error);
        }
    }

    /// Where other threads leave failures once the executor has ended.
    pub(super) fn late(&self) -> Late {
        self.late.clone()
    }

    /// Reports what came since the executor ended; from now on it is printed.
    pub(super) fn close(&self) {
        let late = self.late.lock().take();
        for error in late.into_iter().flatten() {
            self.add(error.task().cloned(), error.into());
        }
    }

    /// The texts of those that were to stop a run and came too late for that.
    #[cfg(feature = "time")]
    pub(super) fn came_late(&self) -> Vec<String> {
        self.came_late.take()
    }
}

impl Drop for Failures {
    /// The function of the policy may own anything.
    fn drop(&mut self) {
        let policy = mem::take(&mut self.policy);
        silence(|| drop(policy));
    }
}

/// Failures that came when the executor had ended already, while its runtime still waited for the pool; `None`: the
/// runtime has ended too, or there is none.
#[derive(Clone)]
pub(super) struct Late(Arc<Mutex<Option<Vec<JoinError>>>>);

impl Late {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// Of the runtime that this thread is inside of, if it is inside of one.
    pub(super) fn current() -> Self {
        scoped::current(&CURRENT).map_or_else(Self::of_no_runtime, |failures| failures.late())
    }

    /// Of an executor without a runtime: all that comes is printed.
    pub(super) fn of_no_runtime() -> Self {
        Self(Arc::default())
    }

    /// Keeps the failure for the runtime's thread, or prints it if the runtime has ended.
    fn add(&self, error: JoinError) {
        let refused = match &mut *self.lock() {
            Some(late) => {
                late.push(error);
                None
            }
            None => Some(error),
        };
        if let Some(error) = refused {
            print(error);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<JoinError>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where panics of sent tasks and of blocking jobs that no handle receives are reported, from any thread.
#[derive(Clone)]
pub(super) struct Home {
    hub: HubHandle,
    late: Late,
}

impl Home {
    pub(super) fn new(hub: HubHandle, late: Late) -> Self {
        Self { hub, late }
    }

    /// One rule for all of them. Inside of the runtime it is told at once. From elsewhere the executor is sent it;
    /// if that has ended, the runtime finds it at its own end; and after that it is printed here.
    pub(super) fn tell(&self, error: JoinError) {
        /// Never lost: a call that is dropped instead of called comes late.
        struct Unseen(Option<(JoinError, Late)>);
        impl Drop for Unseen {
            fn drop(&mut self) {
                if let Some((error, late)) = self.0.take() {
                    late.add(error);
                }
            }
        }
        if let Some(failures) = scoped::current(&CURRENT).filter(|it| self.is_of(it)) {
            return failures.add(error.task().cloned(), error.into());
        }
        let mut unseen = Unseen(Some((error, self.late.clone())));
        drop(self.hub.call(move || {
            if let Some((error, _)) = unseen.0.take() {
                report(error.task().cloned(), error.into());
            }
        }));
    }

    fn is_of(&self, failures: &Failures) -> bool {
        Arc::ptr_eq(&self.late.0, &failures.late.0)
    }
}

/// As [`UnhandledPanic::Report`] does.
fn print(error: JoinError) {
    let unhandled = Unhandled { task: error.task().cloned(), error: error.into() };
    silence(|| eprintln!("{unhandled}"));
    silence(|| drop(unhandled));
}

/// Runs `future`, for a detached task: an error it gives is reported as a panic would be
/// ([`UnhandledPanic`]), instead of vanishing with the output.
///
/// ```
/// # taketurns::block_on(async {
/// async fn serve() -> Result<(), std::io::Error> {
///     Err(std::io::Error::other("the disk is full"))
/// }
/// // Prints: task #1 gave an error: the disk is full; nobody awaits it (spawned at src/main.rs:8:1)
/// taketurns::spawn(taketurns::task::reported(serve())).detach();
/// # });
/// ```
///
/// # Cancellation
///
/// As `future`. Outside of a task the error is printed without a task's name.
pub async fn reported<T, E: Into<Box<dyn Error>>>(future: impl Future<Output = Result<T, E>>) {
    if let Err(error) = future.await {
        report(current(), error.into());
    }
}
