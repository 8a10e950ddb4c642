//! [`Reason`]: why a task is asked to end.

#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

/// Why something was cancelled: a short text for people, such as `"the client has gone"`.
///
/// The code that cancels gives it; the code that hears of it, awaits the task, or reads the report is told it. A clone shares
/// the text.
///
/// ```
/// use taketurns::cancel::Reason;
///
/// let reason = Reason::from("the client has gone");
/// assert_eq!(reason.as_str(), "the client has gone");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reason(Arc<str>);

impl Reason {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for Reason {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
