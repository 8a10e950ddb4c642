//! [`Cause`], in words and as a number.

#![forbid(unsafe_code)]

use std::fmt;

use crate::executor::observe::Cause;

impl Cause {
    /// A number below 8. With the id of a task, if it was one, it says all. `Unknown` has none, as only readers say it, of a task
    /// whose id they do not find.
    #[inline]
    pub(crate) fn kind(self) -> u64 {
        debug_assert_ne!(self, Self::Unknown, "only a reader says that");
        match self {
            Self::Task(_) | Self::Unknown => 0,
            Self::Timer => 1,
            Self::Source => 2,
            Self::Job => 3,
            Self::Thread => 4,
            Self::Outside => 5,
        }
    }

    /// The cause of a kind: `task`, if that is the kind of a task.
    pub(crate) fn of_kind(kind: u64, task: Self) -> Self {
        let others = [Self::Timer, Self::Source, Self::Job, Self::Thread, Self::Outside];
        kind.checked_sub(1).map_or(task, |place| others[place as usize])
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => f.write_str(&task.title(None)),
            Self::Timer => f.write_str("a timer"),
            Self::Source => f.write_str("a source"),
            Self::Job => f.write_str("a blocking job"),
            Self::Thread => f.write_str("another thread"),
            Self::Outside => f.write_str("the program, between turns"),
            Self::Unknown => f.write_str("a task whose turn is no longer shown"),
        }
    }
}
