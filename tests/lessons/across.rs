//! What happened on several threads, in order.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::sync::{Arc, Mutex};

/// Events in the order in which they happened. Clones write to the same list, on any thread.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    pub(crate) fn push(&self, event: impl Display) {
        self.0.lock().unwrap().push(event.to_string());
    }

    /// All events since the last call, with spaces between.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}
