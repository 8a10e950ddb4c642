//! [`Unhandled`]: a failure that no handle receives, and [`UnhandledPanic`], what becomes of it.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::{self, Write};
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::executor::{Hub, Info, JoinError, report, silence, with_current};

/// A failure that no handle receives, so no awaiter can see it.
///
/// * A task panicked after its handle was dropped, or its handle was dropped with the panic in it.
/// * A destructor, an awaiter's waker or a callback of a task panicked.
/// * A [`reported`] future returned an error.
///
/// The same counts for a task that a [`Handle`](crate::Handle) sent and for a blocking job. Their handles may be dropped on
/// any thread; the runtime they belong to is told, on its own thread. Once that runtime has ended, the thread that drops
/// the handle or runs the job prints the failure to stderr instead.
///
/// The `Display` names the task or job and the failure.
#[derive(Debug)]
pub struct Unhandled {
    pub(super) task: Option<Info>,
    pub(super) error: Box<dyn Error>,
}

impl Unhandled {
    /// The task that failed, as it stood then. `None` if what failed was a blocking job, or a waker that panicked as the
    /// loop woke it.
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

    /// What failed. For a panic it is a [`JoinError`].
    #[must_use]
    pub fn error(&self) -> &(dyn Error + 'static) {
        &*self.error
    }

    /// Whether it was a panic, and not an error that a [`reported`] future returned.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.error.is::<JoinError>()
    }
}

impl Unhandled {
    /// The text of its `Display`, which is in part user code and may panic: then it is what came before. To be made before it is printed, as
    /// user code may wait for a thread that prints too.
    pub(super) fn text(&self) -> String {
        let (mut text, mut is_whole) = (String::new(), false);
        silence(|| is_whole = write!(text, "{self}").is_ok());
        if !is_whole {
            text.push_str(" (a failure that no awaiter sees, whose text could not be made)");
        }
        text
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(task) = &self.task else {
            return write!(f, "{}; no awaiter sees it", self.error);
        };
        if self.is_panic() {
            write!(f, "{}", self.error)?;
        } else {
            write!(f, "{} gave an error: {}", task.title(), self.error)?;
        }
        write!(f, "; no awaiter sees it (spawned at {})", task.site())
    }
}

/// What becomes of a failure that no handle receives. See [`Unhandled`], also for failures after the end of the runtime.
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
    /// It is printed: one line to stderr, beside what the panic hook prints.
    #[default]
    Print,
    /// The run ends: at its next look, `block_on` (or `run_forever` and so on) panics with the failure's text. The tasks
    /// stay, for another run or the report. While the runtime ends, this is as `Print`.
    Stop,
    /// The function is called, at once. A panic of the function is caught and dropped.
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

/// Runs `future` in a task that is detached: if it returns an error, that is reported as a panic would be
/// ([`UnhandledPanic`]). Otherwise the error would be dropped with the output.
///
/// ```
/// # taketurns::block_on(async {
/// async fn serve() -> Result<(), std::io::Error> {
///     Err(std::io::Error::other("the disk is full"))
/// }
/// // Prints: task #1 gave an error: the disk is full; no awaiter sees it (spawned at src/main.rs:8:1)
/// taketurns::spawn(taketurns::task::reported(serve())).detach();
/// # });
/// ```
///
/// # Cancellation
///
/// Dropping the returned future drops `future`. Outside of a task an error is reported without a task's name.
pub async fn reported<T, E: Into<Box<dyn Error>>>(future: impl Future<Output = Result<T, E>>) {
    if let Err(error) = future.await {
        report(with_current(Hub::current).flatten(), error.into());
    }
}
