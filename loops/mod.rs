//! Loops on threads of their own: [`Background`], for a program that is synchronous itself, and [`PerCore`], for a server that
//! one core cannot serve.
//!
//! A program could start a thread, build a runtime on it, and send the handle back. But then the program's end would kill the
//! thread in the middle of its work; an error of the start, or a panic later, would stay on that thread; and a thread that is
//! stuck would keep a `join` for ever. So each loop here belongs to a value. The value starts the thread and brings the
//! errors back, and when it is dropped, the loop is asked to stop and is waited for, within a deadline.
//!
//! # Layout
//!
//! 1. `ending.rs`: what a loop's thread ended with, on its way to the thread that waits for it.
//! 2. `body.rs`: what a loop's thread does, from its first step to its last.
//! 3. `background.rs`: [`Background`]. `shared.rs`: [`SharedBackground`], one for the whole process.
//! 4. `per_core.rs`: [`PerCore`], several loops. `load.rs`: how many tasks each has. `pinning.rs`: which CPU a thread
//!    may run on.

#![forbid(unsafe_code)]

mod background;
mod body;
pub(crate) mod ending;
mod load;
mod per_core;
#[cfg(feature = "net")]
mod pinning;
mod shared;

pub use background::Background;
pub use per_core::{PerCore, PerCoreBuilder};
pub use shared::SharedBackground;
