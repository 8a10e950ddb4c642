//! [`Id`]: which task.

#![forbid(unsafe_code)]

use std::fmt;

/// Names a task. Each executor counts its tasks from 1, in the order of spawning, and uses no number twice. So two
/// executors both have a task 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) u64);

impl Id {
    /// The future of `block_on`. Inside it is a task, the root; reports do not call it one.
    pub(crate) const ROOT: Id = Id(0);
    /// A function that another thread has sent. It has a turn, and is no task.
    pub(crate) const SENT: Id = Id(u64::MAX);

    /// As reports name a task: `task #3`, or `task #3 "name"`.
    pub(crate) fn title(self, name: Option<&str>) -> String {
        match name {
            _ if self == Self::ROOT => "the future of `block_on`".to_owned(),
            _ if self == Self::SENT => "a request of another thread".to_owned(),
            Some(name) => format!("task {self} {name:?}"),
            None => format!("task {self}"),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}
