//! [`JoinError`]: why a task, or a job of the pool, has no output to give.

#![forbid(unsafe_code)]

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use super::{Info, Reason};

/// Why awaiting a task, or a blocking job, gave no output.
///
/// It is one pointer wide, and so is `Result<(), JoinError>`: a task pays 8 bytes for the chance of an error, and the
/// allocation is made only when there is one.
pub struct JoinError {
    pub(super) inner: Box<Inner>,
}

pub(super) struct Inner {
    subject: Subject,
    why: Why,
    /// A callback has been given the error, so it is not reported.
    pub(super) seen: bool,
}

/// What a [`JoinError`] is about.
pub(crate) enum Subject {
    /// A task of an executor.
    Task(Info),
    /// A task that a `Handle` sent from this place, and that has no `Info` to show: the executor had closed before it took
    /// the task in, or its close dropped the task.
    Remote(&'static Location<'static>),
    /// Code that ran for a task beside its future: a destructor, a waker or a callback.
    Beside(Info),
    /// No task: code that the loop called between turns, a waker or a destructor.
    NoTask,
    /// A job of the thread pool, spawned at this place.
    #[allow(dead_code, reason = "used by the parts that a feature can take away")]
    Job(&'static Location<'static>),
    /// A loop on a thread of its own, which has this name, started at this place.
    Loop(Box<str>, &'static Location<'static>),
}

enum Why {
    /// With the reason, if it was given one.
    Cancelled(Option<Reason>),
    // A payload is `Send` but not `Sync`; in a mutex it is both. The lock is held only to copy its text.
    Panicked(Mutex<Box<dyn Any + Send>>),
    Shutdown,
    /// The thread that would wait for it is the one that runs it.
    OwnThread,
    /// The executor that would run it was stopped.
    Stopped,
    /// It is a task of a group, which has its failure.
    Failed,
    #[allow(dead_code, reason = "used by the parts that a feature can take away")]
    NotStarted(io::Error),
    #[allow(dead_code, reason = "used by the parts that a feature can take away")]
    QueueFull,
}

/// See [`JoinError::is_own_thread`].
const OWN_THREAD: &str = "was not waited for: its runtime belongs to this very thread, and cannot run while the thread \
    waits; await the handle instead, or, in place of `Handle::call`, call the function itself";

/// See [`JoinError::is_stopped`].
const STOPPED: &str = "was not waited for: the `run_forever` of its runtime has ended; it is still there, and goes on if the \
    runtime runs again";

impl JoinError {
    pub(crate) fn cancelled(subject: Subject) -> Self {
        Self::new(subject, Why::Cancelled(None))
    }

    /// As [`cancelled`](Self::cancelled), for this reason.
    pub(crate) fn cancelled_for(subject: Subject, reason: Reason) -> Self {
        Self::new(subject, Why::Cancelled(Some(reason)))
    }

    pub(crate) fn panicked(subject: Subject, payload: Box<dyn Any + Send>) -> Self {
        Self::new(subject, Why::Panicked(Mutex::new(payload)))
    }

    pub(crate) fn failed(subject: Subject) -> Self {
        Self::new(subject, Why::Failed)
    }

    pub(crate) fn shutdown(subject: Subject) -> Self {
        Self::new(subject, Why::Shutdown)
    }

    pub(crate) fn own_thread(subject: Subject) -> Self {
        Self::new(subject, Why::OwnThread)
    }

    pub(crate) fn stopped(subject: Subject) -> Self {
        Self::new(subject, Why::Stopped)
    }

    #[allow(dead_code, reason = "used by the parts that a feature can take away")]
    pub(crate) fn not_started(subject: Subject, error: io::Error) -> Self {
        Self::new(subject, Why::NotStarted(error))
    }

    #[allow(dead_code, reason = "used by the parts that a feature can take away")]
    pub(crate) fn queue_full(subject: Subject) -> Self {
        Self::new(subject, Why::QueueFull)
    }

    #[cold]
    fn new(subject: Subject, why: Why) -> Self {
        JoinError { inner: Box::new(Inner { subject, why, seen: false }) }
    }

    /// Whether the task or job was aborted before it finished, or was [asked to end](super::JoinHandle::cancel) and ended
    /// for that.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.inner.why, Why::Cancelled(_))
    }

    /// Why it was cancelled. `None` unless it [is_cancelled](Self::is_cancelled); an `abort` alone gives no reason.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match &self.inner.why {
            Why::Cancelled(reason) => reason.as_ref(),
            _ => None,
        }
    }

    /// Whether it panicked. [`into_panic`](Self::into_panic) has the payload.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.inner.why, Why::Panicked(_))
    }

    /// Whether its runtime or the pool ended first.
    #[must_use]
    pub fn is_shutdown(&self) -> bool {
        matches!(self.inner.why, Why::Shutdown)
    }

    /// Whether the thread that was to wait for it is its runtime's own. The runtime cannot run while that thread waits, so the
    /// wait would never end. The task itself goes on; [`Handle::call`](crate::Handle::call) has not sent its function.
    #[must_use]
    pub fn is_own_thread(&self) -> bool {
        matches!(self.inner.why, Why::OwnThread)
    }

    /// Whether a thread was not to wait for it, as the `run_forever` of its runtime has ended. What was sent is still there, and
    /// goes on if the runtime runs again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.inner.why, Why::Stopped)
    }

    /// Whether the pool had no thread for the job and the system gave none. The job never ran.
    #[must_use]
    pub fn is_not_started(&self) -> bool {
        matches!(self.inner.why, Why::NotStarted(_))
    }

    /// Whether the pool had as many blocking jobs as it may have. The job never ran.
    #[must_use]
    pub fn is_queue_full(&self) -> bool {
        matches!(self.inner.why, Why::QueueFull)
    }

    /// Which task it was, as it stood when it ended. `None` for a waker that panicked as the loop woke it, for a blocking job,
    /// for a [`Background`](crate::Background), and for a task that a [`Handle`](crate::Handle) sent and that was lost when its
    /// executor ended.
    #[must_use]
    pub fn task(&self) -> Option<&Info> {
        match &self.inner.subject {
            Subject::Task(task) | Subject::Beside(task) => Some(task),
            Subject::Remote(_) | Subject::NoTask | Subject::Job(_) | Subject::Loop(..) => None,
        }
    }

    /// Where the task or the job was spawned.
    pub(crate) fn site(&self) -> Option<&'static Location<'static>> {
        match &self.inner.subject {
            Subject::Task(task) | Subject::Beside(task) => Some(task.site()),
            Subject::Remote(site) | Subject::Job(site) | Subject::Loop(_, site) => Some(site),
            Subject::NoTask => None,
        }
    }

    /// What became of it, without its name.
    pub(crate) fn what(&self) -> String {
        match &self.inner.why {
            Why::Cancelled(None) => "was cancelled".to_owned(),
            Why::Cancelled(Some(reason)) => format!("was cancelled: {reason}"),
            Why::Shutdown => "was dropped: its runtime shut down first".to_owned(),
            Why::OwnThread if matches!(self.inner.subject, Subject::Loop(..)) => {
                "was not waited for: this thread is its own, or in a job of it; wait on another"
                    .to_owned()
            }
            Why::OwnThread => OWN_THREAD.to_owned(),
            Why::Stopped => STOPPED.to_owned(),
            Why::Failed => "failed: its group has the error".to_owned(),
            Why::NotStarted(error) => format!("found no thread to run on: {error}"),
            Why::QueueFull => {
                "found the queue full: await `offload::reserve()` for room before spawning it"
                    .to_owned()
            }
            Why::Panicked(payload) => match panic_message(payload) {
                Some(message) => format!("panicked: {message}"),
                None => "panicked".to_owned(),
            },
        }
    }

    /// The payload of the panic, for [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// Gives `self` back unless [`is_panic`](Self::is_panic).
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        let Inner { subject, why, .. } = *self.inner;
        match why {
            Why::Panicked(payload) => {
                Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            why => Err(Self::new(subject, why)),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = match &self.inner.subject {
            Subject::Task(task) => task.title(),
            Subject::Beside(task) => format!("a destructor, waker or callback of {}", task.title()),
            Subject::Remote(site) => format!("remote task spawned at {site}"),
            Subject::NoTask => "a waker or destructor".to_owned(),
            Subject::Job(site) => format!("blocking job spawned at {site}"),
            Subject::Loop(thread, site) => {
                format!("loop `{}` started at {site}", thread.escape_debug())
            }
        };
        write!(f, "{subject} {}", self.what())
    }
}

/// The text of a panic, if its payload is a text. A copy: the caller writes it by code of the user's, without the lock.
fn panic_message(payload: &Mutex<Box<dyn Any + Send>>) -> Option<String> {
    let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
    let text = payload.downcast_ref::<&'static str>().map(|&text| text.to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}

/// Why a callback was not taken by [`JoinHandle::on_done`](super::JoinHandle::on_done).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OnDoneError {
    /// The output has been given to an awaiter.
    Taken,
    /// The task has ended and so has its executor: no thread is left that could call it.
    Ended,
}

impl fmt::Display for OnDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => {
                "the output was taken already: call `on_done` before awaiting the handle"
            }
            Self::Ended => "the task's executor has ended: call `on_done` before that",
        })
    }
}

impl std::error::Error for OnDoneError {}
