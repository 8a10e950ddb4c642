//! [`LostTask`]: what is known of a task that never ended.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::Location;

use super::Id;

/// A task that had not ended when its executor did; its future was dropped then.
///
/// Its `Display` is one line: id, name, where it was spawned, how many turns it had taken.
#[derive(Clone, Debug)]
pub struct LostTask {
    pub(super) id: Id,
    pub(super) name: Option<Box<str>>,
    pub(super) site: &'static Location<'static>,
    pub(super) polls: u64,
}

impl LostTask {
    /// Which task it was.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// The name [`task::Builder`](crate::task::Builder) gave it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn site(&self) -> &'static Location<'static> {
        self.site
    }

    /// How many turns it had taken: 0 when it never began.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls
    }
}

impl fmt::Display for LostTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, ", spawned at {}, ", self.site)?;
        match self.polls {
            0 => f.write_str("never polled"),
            1 => f.write_str("polled once"),
            polls => write!(f, "polled {polls} times"),
        }
    }
}
