//! Which tasks belong together, and how they are asked to end.
//!
//! # Layout
//!
//! 1. `task_local.rs`: values that a task has for itself, and its children if told so.
#![forbid(unsafe_code)]

mod task_local;

pub use task_local::{AccessError, TaskLocal, TaskLocalFuture};
