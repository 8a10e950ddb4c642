//! Ending a task before its end.
//!
//! # Layout
//!
//! 1. `abort.rs`: [`AbortHandle`], [`AbortOnDrop`]: the future is dropped where it stands.

#![forbid(unsafe_code)]

mod abort;

pub(crate) use abort::Abort;
pub use abort::{AbortHandle, AbortOnDrop};
