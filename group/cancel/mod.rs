//! Asking code to end, and ending what does not listen.
//!
//! Code could be ended by dropping its future. That is quick and certain, but a destructor cannot await: it can close a
//! connection, not say goodbye on it. So there are two strengths. To **abort** is to drop. To **cancel** is to ask, with a reason: code that
//! listens hears of it, cleans up with awaits of its own, and ends.
//!
//! | what is cancelled | by | code that listens | code that does not |
//! |---|---|---|---|
//! | a task | [`JoinHandle::cancel`](crate::JoinHandle::cancel) | is told | goes on |
//! | a task, for a while | `JoinHandle::cancel_within` | is told | goes on, and is dropped after the grace |
//! | the tasks of a group | [`TaskGroup`](crate::task::TaskGroup): a failure, `cancel` | is told | is dropped |
//! | a part of a task | [`Scope`]: `cancel`, its deadline | is told | is dropped |
//! | every task | the end of the runtime, [`OnExit::Cancel`](crate::OnExit::Cancel) | is told | goes on, and is dropped after the grace |
//! | what shares a token, on any thread | [`CancellationToken`]: `cancel`, the drop of a guard | is told | goes on, or is dropped by `run_until_cancelled` |
//!
//! A request is *level-triggered*: it stays, and each await that listens later hears of it at once. The design is trio's
//! ("Timeouts and cancellation for humans", Smith 2018), for futures, which a scope can also drop.
//!
//! # Layout
//!
//! 1. `place.rs`: in which scopes, shields and task a future is. (`executor/request.rs` is the request itself.)
//! 2. `listen.rs`: [`cancelled`], [`checkpoint`], [`OrCancelled`]. `common/cancelled.rs`: [`Cancelled`].
//! 3. `shield.rs`: [`shield()`]. `deadline.rs`, `scope.rs`: [`Scope`]. `timed.rs`: deadlines, and `cancel_within`. The tokens are in
//!    `group/token/`.

#![forbid(unsafe_code)]

#[cfg(feature = "time")]
mod deadline;
#[cfg(not(feature = "time"))]
#[path = "no_deadline.rs"]
mod deadline;
mod listen;
mod place;
mod scope;
mod shield;
#[cfg(feature = "time")]
mod timed;

pub use super::token::{
    CancellationToken, DropGuard, DropGuardRef, RunUntilCancelled, TokenCancelled,
    TokenCancelledOwned,
};
pub use crate::common::Cancelled;
pub use crate::executor::Reason;
pub use listen::{Checkpoint, OrCancelled, UntilCancelled, WaitCancelled, cancelled, checkpoint};
pub(crate) use place::{Frame, Place};
pub use scope::{Run, Scope};
pub use shield::{Shield, shield};
