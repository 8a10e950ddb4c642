//! What the parts share, beside the executor.
//!
//! A part could take what it needs from the part that has it. But then each part would know the others, and none could be
//! read, or left out, by itself. So what two parts need is here, where it knows neither of them, and there is little of it.
//!
//! # Layout
//!
//! 1. `scoped.rs`: how a function finds the part that it needs.
//! 2. `slot.rs`: an output on its way to a handle on another thread. `discard.rs`: dropping what was refused instead.
//!    `send_home.rs`: a panic that no handle receives, on its way to the thread it belongs to.
//! 3. `tokens.rs`: counts what outside the loop may still wake a task. `spin.rs`: a moment of spinning before a thread parks.
//!    `monotonic.rs`: the system's clock as a number.
//! 4. `running_job.rs`: a blocking job that did not end in time. `unconstrained.rs`: a future that has no budget.
//! 5. `waker_cell.rs`: the place of a single waiter. `abort_on_drop.rs`: a guard that aborts, for all three kinds of handle.
//! 6. `job_context.rs`: which loop a thread of the pool works for. `observe_jobs.rs`: what is told of its jobs.
//! 7. `waits.rs`: what a task waits for, said by its leaf futures. `awaited.rs`: one such wait. `awaited_text.rs`: how it
//!    reads. `explained.rs`: the waits of all tasks. `notes.rs`: copies of these, put in order. `held.rs`: which task has which
//!    lock. `members.rs`: which are of a set or group. `noting.rs`: whether they are kept. `round.rs`: how long, for people.
//! 8. `debug_mode.rs`: whether the environment asks for every report.
//! 9. `cancelled.rs`: the error of code, a task's or a job's, that ended because it was asked to.

#![forbid(unsafe_code)]

mod abort_on_drop;
pub(crate) mod awaited;
mod awaited_text;
mod cancelled;
pub(crate) mod debug_mode;
pub(crate) mod discard;
pub(crate) mod explained;
pub(crate) mod held;
#[cfg(feature = "offload")]
pub(crate) mod job_context;
pub(crate) mod members;
pub(crate) mod monotonic;
pub(crate) mod notes;
mod noting;
#[cfg(feature = "offload")]
pub(crate) mod observe_jobs;
pub(crate) mod round;
pub(crate) mod running_job;
pub(crate) mod scoped;
pub(crate) mod send_home;
pub(crate) mod slot;
pub(crate) mod spin;
pub(crate) mod tokens;
mod unconstrained;
pub(crate) mod waits;
pub(crate) mod waker_cell;

pub(crate) use abort_on_drop::Abort;
pub use abort_on_drop::AbortOnDrop;
pub use cancelled::Cancelled;
pub use unconstrained::{Unconstrained, unconstrained};
