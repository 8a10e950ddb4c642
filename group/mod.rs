//! Which tasks belong together, and how they are asked to end.
//!
//! # Layout
//!
//! 1. `cancel/`: asking code to end.
//! 2. `token/`: a request to stop that crosses threads. `task_local.rs`: values that a task has for itself, and its children if
//!    told so.
//!
//! Many tasks:
//!
//! 3. `join_set.rs`: tasks whose outputs come in the order in which they end.
//! 4. `task_group.rs`: [`TaskGroup`]. `members.rs`: what a group and its tasks share. `member.rs`: one of the tasks.
//!    `failure.rs`: all errors together. `start.rs`: to wait until a task is ready.
//!
//! Many futures in one task:
//!
//! 5. `ready_set.rs`: which children of one future have been woken. `children.rs`: futures of one type over it.
//!    `dropping.rs`: dropping several futures, of which each may panic.
//! 6. `join_all.rs`, `race.rs`: all of them, or the first.
//! 7. `borrowing.rs`: a group whose children borrow the caller's locals. `borrowing_handle.rs`: the output of one.

#![forbid(unsafe_code)]

mod borrowing;
mod borrowing_handle;
pub mod cancel;
mod children;
mod dropping;
mod failure;
mod join_all;
mod join_set;
mod member;
mod members;
mod race;
pub(crate) mod ready_set;
mod start;
mod task_group;
mod task_local;
mod token;

pub use borrowing::{BorrowingGroup, borrowing};
pub use borrowing_handle::BorrowingHandle;
pub use failure::{Failure, GroupError};
pub use join_all::{GatherSettled, JoinAll, TryJoinAll, gather_settled, join_all, try_join_all};
pub use join_set::{JoinNext, JoinSet};
pub use member::MemberHandle;
pub use race::{Contenders, Race2, Race3, RaceMany, race};
pub use start::{StartError, Started};
pub use task_group::TaskGroup;
pub use task_local::{AccessError, TaskLocal, TaskLocalFuture};
