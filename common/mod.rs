//! What the parts share besides the executor, which needs none of it.
//!
//! # Layout
//!
//! 1. `scoped.rs`: how a part is found without being handed round.
//! 2. `slot.rs`: an output on its way to a handle on another thread; `discard.rs`: what was refused instead.
//! 3. `tokens.rs`: counts what outside the loop may still wake a task; it holds a virtual clock.
//! 4. `unhandled.rs`: how a panic that no handle receives comes to the thread it belongs to.
//! 5. `unconstrained.rs`: a future let off the budget.

#![forbid(unsafe_code)]

pub(crate) mod discard;
pub(crate) mod running_job;
pub(crate) mod scoped;
pub(crate) mod slot;
pub(crate) mod tokens;
mod unconstrained;
pub(crate) mod unhandled;

pub use unconstrained::{Unconstrained, unconstrained};
