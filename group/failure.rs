//! [`GroupError`]: every failure of a group, together.

#![forbid(unsafe_code)]

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

use super::cancel::Cancelled;
use crate::executor::{Info, JoinError, Reason, Subject, contain, report};

/// Why a [`TaskGroup`](super::TaskGroup) gave no value: its failures, in the order in which they happened; or that it was
/// cancelled.
pub struct GroupError<E> {
    failures: Vec<Failure<E>>,
    reason: Reason,
}

impl<E> GroupError<E> {
    /// Without a `reason`, as the failures cancelled nothing, there is at least one.
    pub(super) fn new(failures: Vec<Failure<E>>, reason: Option<Reason>) -> Self {
        let reason = reason.unwrap_or_else(|| format!("{} failed", failures[0].title()).into());
        Self { failures, reason }
    }

    /// The failures, in the order in which they happened. Empty if the group was cancelled and nothing failed.
    #[must_use]
    pub fn failures(&self) -> &[Failure<E>] {
        &self.failures
    }

    /// The failures, to take them apart.
    #[must_use]
    pub fn into_failures(self) -> Vec<Failure<E>> {
        self.failures
    }

    /// Whether the group was cancelled, and nothing failed.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.failures.is_empty()
    }

    /// Why the group's tasks were asked to end: what `cancel` was given, or which task failed first.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failures[..] {
            [] => write!(f, "the group was cancelled: {}", self.reason),
            [failure] => failure.fmt(f),
            failures => {
                write!(f, "{} parts of the group failed:", failures.len())?;
                failures.iter().try_for_each(|failure| write!(f, "\n  {failure}"))
            }
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failures[..] {
            [] => write!(f, "GroupError(the group was cancelled: {})", self.reason),
            failures => f.debug_tuple("GroupError").field(&failures).finish(),
        }
    }
}

/// Its source is the first failure's error, if that is not a panic.
impl<E: Error + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first()?.error().map(|error| error as _)
    }
}

/// One failure in a group: of a task, or of the body.
pub struct Failure<E> {
    /// `None`: the body.
    task: Option<Info>,
    opened: &'static Location<'static>,
    by: FailedBy<E>,
}

/// Whether an error only says that its code was cancelled. A task that ends with it as its group is cancelled has not failed.
pub(super) fn is_cancellation<E: 'static>(error: &E) -> bool {
    type Boxed = Box<dyn Error>;
    type SendBoxed = Box<dyn Error + Send + Sync>;
    let error: &dyn Any = error;
    let io =
        |error: &io::Error| error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<Cancelled>);
    error.is::<Cancelled>()
        || error.downcast_ref().is_some_and(io)
        || error.downcast_ref().is_some_and(|error: &Boxed| error.is::<Cancelled>())
        || error.downcast_ref().is_some_and(|error: &SendBoxed| error.is::<Cancelled>())
}

/// What a failure is: an error that was returned, or a panic.
pub(super) enum FailedBy<E> {
    Error(E),
    /// As a [`JoinError`], which knows how to show a payload.
    Panic(JoinError),
}

impl<E> FailedBy<E> {
    pub(super) fn panic(task: Option<Info>, payload: Box<dyn Any + Send>) -> Self {
        Self::Panic(JoinError::panicked(task.map_or(Subject::NoTask, Subject::Task), payload))
    }
}

impl<E> Failure<E> {
    pub(super) fn new(
        task: Option<Info>,
        opened: &'static Location<'static>,
        by: FailedBy<E>,
    ) -> Self {
        Self { task, opened, by }
    }

    /// Which task failed, with its name and where it was spawned. `None`: the body.
    #[must_use]
    pub fn task(&self) -> Option<&Info> {
        self.task.as_ref()
    }

    /// The error that it returned. `None` for a panic.
    #[must_use]
    pub fn error(&self) -> Option<&E> {
        match &self.by {
            FailedBy::Error(error) => Some(error),
            FailedBy::Panic(_) => None,
        }
    }

    /// The error that it returned.
    ///
    /// # Errors
    ///
    /// The payload of the panic, for [`std::panic::resume_unwind`], if it panicked.
    pub fn into_error(self) -> Result<E, Box<dyn Any + Send>> {
        match self.by {
            FailedBy::Error(error) => Ok(error),
            FailedBy::Panic(panic) => Err(panic.into_panic().expect("a panic")),
        }
    }

    /// Its group was dropped: a panic is reported, as that of any task that is not awaited. An error goes with the group.
    pub(super) fn report(self) {
        match self.by {
            FailedBy::Panic(panic) => report(self.task, panic.into()),
            FailedBy::Error(error) => contain(|| drop(error)),
        }
    }

    pub(super) fn title(&self) -> String {
        match &self.task {
            Some(task) => format!("{}, spawned at {}", task.title(), task.site()),
            None => format!("the body of the group opened at {}", self.opened),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            FailedBy::Error(error) => write!(f, "{}: {error}", self.title()),
            FailedBy::Panic(panic) => write!(f, "{}: {}", self.title(), panic.what()),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            FailedBy::Error(error) => write!(f, "{}: {error:?}", self.title()),
            FailedBy::Panic(panic) => write!(f, "{}: {}", self.title(), panic.what()),
        }
    }
}
