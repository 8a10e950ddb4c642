//! Which tasks belong together, and how they are asked to end.
//!
//! # Layout
//!
//! 1. `task_local.rs`: values that a task has for itself, and its children if told so.
//!
//! Many futures in one task:
//!
//! 2. `ready_set.rs`: which children of one future have been woken. `children.rs`: futures of one type over it.
//!    `dropping.rs`: dropping several futures, of which each may panic.
//! 3. `join_all.rs`, `race.rs`: all of them, or the first.
//! 4. `borrowing.rs`: a group whose children borrow the caller's locals.
//!
//! Many tasks:
//!
//! 5. `join_set.rs`: tasks whose outputs come in the order in which they end.
#![forbid(unsafe_code)]

mod borrowing;
mod children;
mod dropping;
mod join_all;
mod join_set;
mod race;
pub(crate) mod ready_set;
mod task_local;

pub use borrowing::{BorrowingGroup, BorrowingHandle, borrowing};
pub use join_all::{GatherSettled, JoinAll, TryJoinAll, gather_settled, join_all, try_join_all};
pub use join_set::{JoinNext, JoinSet};
pub use race::{Contenders, Race2, Race3, RaceMany, race};
pub use task_local::{AccessError, TaskLocal, TaskLocalFuture};
