//! Asking tasks and scopes to end: who hears of it, who is dropped, and in which order.
#![cfg(feature = "time")]

mod common;
#[path = "cancel/scopes.rs"]
mod scopes;
#[path = "cancel/tasks.rs"]
mod tasks;
