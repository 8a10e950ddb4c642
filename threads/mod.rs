//! How other threads get in: a [`Handle`] that sends a task, and the [`RemoteHandle`] that brings its output back.
//!
//! Threads could share the executor under a lock. But then each turn would take the lock, and each task would have to be
//! `Send` although it never leaves its thread. So a thread sends a future instead. The executor takes it in at its next look
//! and runs it at home, and the output comes back by a slot. Only what is sent must be `Send`, and only sending costs.
//!
//! # Layout
//!
//! 1. `handle.rs`: [`Handle`], and how the handles of one runtime are counted.
//! 2. `home.rs`: what a handle knows of its executor. `stop.rs`: the threads that wait for it, until it stops.
//! 3. `sent.rs`: the task that was sent. Its output goes by `common/slot.rs`.
//! 4. `remote_handle.rs`: [`RemoteHandle`], by which the output is awaited or waited for. `park.rs`: how a thread waits.

#![forbid(unsafe_code)]

mod handle;
mod home;
mod park;
mod remote_handle;
mod sent;
mod stop;

pub use handle::Handle;
pub(crate) use handle::{EnteredHandles, Handles};
pub use remote_handle::RemoteHandle;
