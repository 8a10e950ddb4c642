//! [`Unhandled`]: failures that no handle receives, and what becomes of them.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::executor::{Info, JoinError, current, report, silence};

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
    pub(super) task: Option<Info>,
    pub(super) error: Box<dyn Error>,
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
    pub(super) fn text(&self) -> String {
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
    Print,
    /// The run ends: at its next look, `block_on` (`run_forever` and so on) panics with the failure's text.
    /// The tasks stay, for another run or the report. When the runtime is ending, as `Print`.
    Stop,
    /// A function is called, at once. A panic of it ends there.
    Call(Arc<dyn Fn(&Unhandled) + Send + Sync>),
}

impl fmt::Debug for UnhandledPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Print => "Print",
            Self::Stop => "Stop",
            Self::Call(_) => "Call(..)",
        })
    }
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
