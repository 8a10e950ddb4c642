//! [`Cancelled`]: the error of code that ended because it was asked to.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;

use crate::executor::Reason;

/// Something ended because it was cancelled, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    reason: Reason,
}

impl Cancelled {
    pub(crate) fn new(reason: Reason) -> Self {
        Self { reason }
    }

    /// Why it was cancelled.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled: {}", self.reason)
    }
}

impl std::error::Error for Cancelled {}

/// An error of the kind `Other`, which has this one inside.
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}
