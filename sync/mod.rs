//! How tasks of one thread talk to each other.
//!
//! # Layout
#![forbid(unsafe_code)]

pub mod channel;
mod error;
pub mod oneshot;
#[allow(dead_code, reason = "the primitives over it follow")]
mod wait_list;
#[cfg(test)]
mod wait_list_tests;
mod waker_cell;

pub use error::{Closed, SendError, TryRecvError, TrySendError};
