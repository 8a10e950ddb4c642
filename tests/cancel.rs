//! Asking tasks and scopes to end: who hears of it, who is dropped, and in which order.
#![cfg(feature = "time")]

mod common;
#[path = "cancel/scopes.rs"]
mod scopes;
#[path = "cancel/tasks.rs"]
mod tasks;

use std::sync::Arc;
use std::task::Wake;

/// A waker whose references a test counts.
struct Silent;

impl Wake for Silent {
    fn wake(self: Arc<Self>) {}
}
