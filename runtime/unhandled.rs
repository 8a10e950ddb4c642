//! [`Unhandled`]: failures that no handle receives, and what becomes of them.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::executor::{HubHandle, Info, JoinError, current, report, silence};

/// A failure that no handle receives, so that no awaiter can see it.
///
/// A task panicked after its handle was dropped, or its handle was dropped with the panic in it; a
/// destructor, an awaiter's waker or a callback of a task panicked; a [`reported`] future gave an
/// error. The same holds for a task that a [`Handle`](crate::Handle) sent and for a blocking job, on whichever
/// thread their handles are dropped: their runtime is told, on its own thread. Its `Display` names the task or job and
/// the failure.
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

/// What becomes of a failure that no handle receives. See [`Unhandled`].
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

/// The failures of one runtime.
pub(super) struct Failures {
    policy: UnhandledPanic,
    /// The first that is to stop the run.
    stopping: RefCell<Option<Unhandled>>,
    late: Late,
    ending: Cell<bool>,
    /// One was to stop a run, and there was none any more.
    came_late: Cell<bool>,
}

impl Failures {
    pub(super) fn new(policy: UnhandledPanic) -> Self {
        Self {
            policy,
            stopping: RefCell::new(None),
            late: Late::default(),
            ending: Cell::new(false),
            came_late: Cell::new(false),
        }
    }

    pub(super) fn add(&self, task: Option<Info>, error: Box<dyn Error>) {
        let unhandled = Unhandled { task, error };
        match &self.policy {
            // Contained here: unwinding would drop the failure, whose payload may panic too.
            UnhandledPanic::Call(function) => silence(|| function(&unhandled)),
            UnhandledPanic::Stop if !self.ending.get() && self.stopping.borrow().is_none() => {
                *self.stopping.borrow_mut() = Some(unhandled);
            }
            UnhandledPanic::Report => eprintln!("{unhandled}"),
            UnhandledPanic::Stop => {
                self.came_late.set(true);
                eprintln!("{unhandled}");
            }
        }
    }

    /// Ends the run if a failure is to.
    ///
    /// # Panics
    ///
    /// In that case.
    pub(super) fn stop_the_run(&self) {
        if let Some(unhandled) = self.stopping.take() {
            let text = unhandled.to_string();
            silence(|| drop(unhandled)); // its payload may panic too
            panic!("{text}");
        }
    }

    /// The runtime ends: no run is left to be stopped.
    pub(super) fn end(&self) {
        self.ending.set(true);
        if let Some(unhandled) = self.stopping.take() {
            self.came_late.set(true);
            silence(|| eprintln!("{unhandled}"));
            silence(|| drop(unhandled));
        }
    }

    /// Where blocking jobs leave failures for the end.
    #[cfg(feature = "offload")]
    pub(super) fn late(&self) -> Late {
        self.late.clone()
    }

    /// Reports what came while the pool ended; from now on it is printed.
    pub(super) fn close(&self) {
        let late = self.late.lock().take();
        for error in late.into_iter().flatten() {
            self.add(error.task().cloned(), error.into());
        }
    }

    /// Whether one that was to stop a run came too late for that.
    #[cfg(feature = "time")]
    pub(super) fn came_late(&self) -> bool {
        self.came_late.get()
    }
}

/// Failures of blocking jobs that came when the executor had ended already, while its runtime waited for the pool;
/// `None`: the runtime has ended too.
#[derive(Clone)]
pub(super) struct Late(Arc<Mutex<Option<Vec<JoinError>>>>);

impl Default for Late {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }
}

#[cfg_attr(not(feature = "offload"), allow(dead_code, reason = "only jobs outlive the executor"))]
impl Late {
    /// Keeps the failure for the runtime's thread, or prints it if the runtime has ended.
    pub(super) fn add(&self, error: JoinError) {
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

/// Reports a panic of a task or job that no handle receives, on its executor's thread. If the executor has ended,
/// `refused` gets it, on this thread.
pub(super) fn tell_home(
    home: &HubHandle,
    error: JoinError,
    refused: impl FnOnce(JoinError) + Send + 'static,
) {
    /// Never lost: a call that is dropped instead of called is refused.
    struct Unseen<R: FnOnce(JoinError)>(Option<(JoinError, R)>);
    impl<R: FnOnce(JoinError)> Drop for Unseen<R> {
        fn drop(&mut self) {
            if let Some((error, refused)) = self.0.take() {
                refused(error);
            }
        }
    }
    let mut unseen = Unseen(Some((error, refused)));
    drop(home.call(move || {
        if let Some((error, _)) = unseen.0.take() {
            report(error.task().cloned(), error.into());
        }
    }));
}

/// As [`UnhandledPanic::Report`] does.
pub(super) fn print(error: JoinError) {
    let unhandled = Unhandled { task: error.task().cloned(), error: error.into() };
    silence(|| eprintln!("{unhandled}"));
    silence(|| drop(unhandled)); // its payload may panic too
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
