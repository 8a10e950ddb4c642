//! What the tests share: a trace of what happened, in order.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use taketurns::UnhandledPanic;
use taketurns::task::Unhandled;

/// Events in the order in which they happened. Clones write to the same list.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

#[allow(dead_code, reason = "not every test file has one")]
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

    #[allow(dead_code, reason = "not every test file waits for an event")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Pushes `event` when dropped.
    #[allow(dead_code, reason = "not every test file looks at drops")]
    pub(crate) fn on_drop(&self, event: impl Display) -> OnDrop {
        OnDrop(self.clone(), event.to_string())
    }
}

/// The texts of the failures that no awaiter saw, and the policy that writes them down.
#[allow(dead_code, reason = "not every test file looks at failures")]
pub(crate) fn reports() -> (Arc<Mutex<Vec<String>>>, UnhandledPanic) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&reports);
    let tell = move |failure: &Unhandled| told.lock().unwrap().push(failure.to_string());
    (reports, UnhandledPanic::Call(Arc::new(tell)))
}

/// Real time passes, as it does for a thread at work: a virtual clock that is not held would go on meanwhile, and
/// a run that does not wait would be called deadlocked. Nothing that is right depends on how long it is.
#[allow(dead_code, reason = "not every test file is about time")]
pub(crate) fn some_real_time() {
    std::thread::sleep(std::time::Duration::from_millis(20));
}

#[allow(dead_code, reason = "not every test file looks at drops")]
pub(crate) struct OnDrop(Trace, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.push(&self.1);
    }
}
