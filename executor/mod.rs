//! Who runs next: tasks, wakers, the run queue, the loop.
//!
//! This part knows no clock, no file descriptor and no thread pool. It is an executor for one thread,
//! generic over a [`Driver`] that looks outside; [`Runtime`](crate::Runtime) puts timers and a reactor
//! behind it. Use it by itself to put a loop of your own behind it instead:
//!
//! ```
//! use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
//!
//! let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
//! assert_eq!(executor.block_on(async { 42 }), 42);
//! ```
//!
//! # Layout
//!
//! 1. `run.rs`: [`Executor`], its loop, and what the loop promises (F1 to F5).
//! 2. `yield_now.rs`, `spawn.rs`, `budget.rs`: what a task calls.
//! 3. `task/`: the task itself, in two halves. Its `mod.rs` has the drawing, the table and the invariants.
//! 4. `driver.rs`: what stands outside; `schedule.rs`: another order, for tests; `abort.rs`: ending a task before its end.
//! 5. `error.rs`, `info.rs`, `id.rs`: what is said of tasks that fail or are lost; `contain.rs`: where panics of the
//!    user's code end.
//! 6. `primitives.rs`: every atomic.
//! 7. `home_tests.rs`: the promise of no atomics, counted. `models/`, at the root: the races, checked by loom.

mod abort;
pub(crate) mod budget;
pub(crate) mod contain;
mod driver;
mod error;
#[cfg(all(test, not(loom)))]
mod home_tests;
mod id;
mod info;
pub(crate) mod primitives;
mod run;
mod schedule;
mod spawn;
mod task;
mod yield_now;

pub(crate) use abort::Abort;
pub use abort::{AbortHandle, AbortOnDrop};
pub use budget::{consume_budget, has_budget};
#[cfg(feature = "time")]
pub(crate) use contain::drop_before;
pub(crate) use contain::{contain, poll_contained, print, report, silence};
pub use driver::{Driver, ParkThread, Pending, Unpark};
pub(crate) use error::Who;
pub use error::{JoinError, OnDoneError};
pub use id::Id;
pub use info::{Info, State};
pub use run::{EVENT_INTERVAL, Executor};
pub(crate) use schedule::Schedule;
pub use spawn::{Builder, current, spawn};
#[cfg(all(loom, test))]
pub(crate) use task::watch;
pub(crate) use task::{Hub, HubHandle, is_noop, noop, with_current};
pub use task::{JoinHandle, Nested};
pub use yield_now::{YieldNow, yield_now};
