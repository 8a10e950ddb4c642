//! What the tests share: a trace of what happened, in order.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

/// Events in the order in which they happened. Clones write to the same list.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

impl Trace {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn push(&self, event: impl Display) {
        self.0.borrow_mut().push(event.to_string());
    }

    /// All events since the last call, with spaces between.
    pub(crate) fn take(&self) -> String {
        self.0.take().join(" ")
    }

    /// Pushes `event` when dropped.
    #[allow(dead_code, reason = "not every test file looks at drops")]
    pub(crate) fn on_drop(&self, event: impl Display) -> OnDrop {
        OnDrop(self.clone(), event.to_string())
    }
}

#[allow(dead_code, reason = "not every test file looks at drops")]
pub(crate) struct OnDrop(Trace, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.push(&self.1);
    }
}
