//! taketurns: a single-threaded cooperative async executor, small, fast, and honest about what goes
//! wrong in cooperative code.
//!
//! Tasks take turns on one thread. A turn is one poll of one task, and it ends where the task awaits something that is not
//! ready. Nothing interrupts a turn. So a task that never yields starves the others, a task that is not awaited is dropped
//! with the loop, and a blocking call stops every task. This crate has the remedy for each ([`yield_now`], the [`ExitReport`],
#![cfg_attr(feature = "offload", doc = "[`spawn_blocking`]).")]
#![cfg_attr(not(feature = "offload"), doc = "`spawn_blocking` of the feature `offload`).")]
//!
//! ```
//! use taketurns::{Runtime, spawn, yield_now};
//!
//! let runtime = Runtime::new()?;
//! let sum = runtime.block_on(async {
//!     let one = spawn(async { 1 });
//!     let two = spawn(async {
//!         yield_now().await; // every task that is ready takes a turn first
//!         2
//!     });
//!     spawn(std::future::pending::<()>()).detach(); // this one is never awaited
//!     one.await.unwrap() + two.await.unwrap()
//! });
//! assert_eq!(sum, 3);
//! let report = runtime.shutdown();
//! assert_eq!(report.lost().len(), 1);
//! println!("{report}");
//! // 1 task was lost:
//! //   task #3, spawned at src/main.rs:10:5, polled once, stuck: no waker of it is left
//! # std::io::Result::Ok(())
//! ```
//!
//! # Where to look
//!
//! | to | |
//! |---|---|
//! | start a task, run until it has ended | [`spawn`], [`block_on`], [`Runtime`] |
//! | pass values between tasks, or keep them out of each other's way | [`sync`]: channels, events, locks |
//! | keep tasks together, await several at once, race them | [`task`]: [`TaskGroup`](task::TaskGroup), [`JoinSet`](task::JoinSet), [`join_all`](task::join_all()), [`race`](task::race()) |
//! | ask tasks to end, limit a part of one | [`cancel`]: [`cancelled`](cancel::cancelled()), [`Scope`](cancel::Scope), [`CancellationToken`](cancel::CancellationToken) |
//! | call in from another thread | [`Handle`], [`CancellationToken`](cancel::CancellationToken) |
//! | see which task holds the turn, what each waits for, what was lost | `TAKETURNS_DEBUG=1`; [`Builder::stall_threshold`], [`Handle::dump`]; [`insight`] |
//! | run the loop beside a synchronous program, or one on each core | [`Background`], [`PerCore`] |
//!
//! With their features, `time` has sleeps, timeouts and clocks, `net` TCP, and `testing` tests under many schedules.
//!
//! # Layout
//!
//! The root folder of the repository is the crate. To read it, in this order:
//!
//! 1. [`executor`]: which task runs next. Its `mod.rs` gives the order in which to read it. In `executor/task/` is the one
//!    new idea here: a task has two halves, home and away.
//! 2. `common/`: what the parts around the executor share.
//! 3. `timer/` ([`time`]): when. A wheel of integers, a clock, `sleep`, and what is made of it.
//! 4. `offload/`: what blocks. A thread pool beside the loop.
//! 5. `reactor/` ([`net`]): what the operating system says. Epoll behind a small surface, and TCP on top.
//! 6. `threads/`: how other threads get in. [`Handle`] and [`RemoteHandle`].
//! 7. `insight/` ([`insight`]): what is going on. Reports of lost tasks, of failures that no awaiter
//!    sees, of deadlocks, and of turns that do not end.
//! 8. `sync/` ([`sync`]): how tasks of one thread talk to each other. Channels, locks, events.
//! 9. `group/` ([`task`], [`cancel`]): which tasks belong together, and how they are asked to end.
//! 10. `runtime/`: the whole. [`Runtime`], [`Builder`], and how a runtime ends.
//! 11. `loops/`: loops on threads of their own. [`Background`] and [`PerCore`].
//! 12. `compat/`: the traits of other crates for the types here.
//! 13. `testing/` ([`testing`]): a test under many schedules, and helpers for tests.
//! 14. `tests/` and `models/`: what is promised, as traces in exact order and as loom models.
//! 15. `examples/`: `tour/` shows all of it, lesson by lesson; `foreign_loop.rs` runs inside a host loop; `live_feed/` is a
//!     whole program of two loops and a source that blocks; `per_core.rs` is a server on two loops that share a port. `benches/`:
//!     this crate beside its peers.
//!
//! No part uses a later one; `tests/house.rs` says which it may use.
//!
//! # Cancellation
//!
//! A future ends where it stands when it is dropped, as by [`JoinHandle::abort`]. docs/cancellation.md says for each kind of await
//! here what is lost then, and what is not. To let a task clean up with awaits of its own, ask it to end: [`cancel`].
//!
//! # Features
//!
//! `net`, `time` and `offload` are on by default, and each can be taken away. Without them the crate is the executor alone,
//! with two small dependencies. `hyper` adds hyper 1's `rt` traits for the types here, and `macros` the attributes `main`
//! and `test` for an `async fn`. `tracing` surrounds the turns of each task with a span: what the program logs in a task says
//! which task it was. `inspect` lets other programs of the same user ask what a loop does, also while it is stuck (Unix).
//! [`testing`] comes with `time`, and so does `FusedFuture` for the handles. `streams`, a part
//! of `time`, makes the channels of [`sync`] `Stream` and `Sink`. `net` needs Linux 5.11 or newer so far; everything else
//! builds where std does.

mod common;
#[cfg(any(feature = "streams", feature = "hyper"))]
mod compat;
pub mod executor;
mod group;
pub mod insight;
mod loops;
#[cfg(test)]
mod models;
#[cfg(feature = "offload")]
pub mod offload;
#[cfg(feature = "net")]
mod reactor;
mod runtime;
pub mod sync;
#[cfg(feature = "time")]
pub mod testing;
mod threads;
#[cfg(feature = "time")]
mod timer;

/// When: the runtime's clock, and what waits by it: sleeps, timeouts, intervals, calls.
///
/// Timers are never early; docs/time.md shows how late they are. They go by std's monotonic clock: setting the system's time
/// moves none of them, and on Linux the time during which the machine is suspended does not count.
#[cfg(feature = "time")]
pub mod time {
    pub use crate::timer::{
        CallHandle, Clock, Elapsed, Hold, Instant, Interval, MissedTickBehavior, Sleep, Timeout,
        advance, call_at, call_later, hold, interval, interval_at, pause, resume, sleep,
        sleep_until, timeout, timeout_at,
    };
}

/// Tasks: groups of them, several futures in one, names, values of their own, and running one without a budget.
///
/// # The budget of a turn
///
/// A task could go on as long as what it awaits is ready. But a task that always finds something ready would keep the
/// thread. So after 128 operations of this crate that were ready in one turn (a handle with its output, a socket with
/// bytes, a timer that is due), the next operation returns `Pending` and wakes the task at once. The task goes on in its
/// next turn, after all tasks that are ready now.
///
/// An `.await` does not show it. It shows where code takes a `Pending` for an answer, as `poll!` and `now_or_never` do.
/// There, await instead, or put code that has a bound of its own into [`unconstrained`](crate::task::unconstrained). Leaf
/// operations of other crates take part by [`consume_budget`](crate::task::consume_budget).
///
/// ```
/// use futures::poll;
/// use taketurns::{spawn, task::unconstrained, yield_now};
///
/// /// Polls the handles of 1000 tasks that have ended: how many are ready.
/// async fn count() -> usize {
///     let handles = [(); 1000].map(|()| spawn(async {}));
///     yield_now().await; // each has its turn
///     let mut ended = 0;
///     for mut handle in handles {
///         ended += usize::from(poll!(&mut handle).is_ready());
///     }
///     ended
/// }
///
/// taketurns::block_on(async {
///     assert_eq!(count().await, 128);
///     assert_eq!(unconstrained(count()).await, 1000);
/// });
/// ```
pub mod task {
    pub use crate::common::{AbortOnDrop, Unconstrained, unconstrained};
    pub use crate::executor::{
        Builder, Id, Info, OnDoneError, State, YieldNow, consume_budget, current, has_budget,
    };
    pub use crate::group::{
        AccessError, BorrowingGroup, BorrowingHandle, Contenders, Failure, GatherSettled,
        GroupError, JoinAll, JoinNext, JoinSet, MemberHandle, Race2, Race3, RaceMany, StartError,
        Started, TaskGroup, TaskLocal, TaskLocalFuture, TryJoinAll, borrowing, gather_settled,
        join_all, race, try_join_all,
    };
    pub use crate::insight::unhandled::{Unhandled, reported};
    pub use crate::task_local;
}

#[doc(inline)]
pub use group::cancel;

/// TCP, with the traits of futures-io.
#[cfg(feature = "net")]
pub use reactor::net;

pub use common::running_job::RunningJob;
#[cfg(feature = "hyper")]
pub use compat::hyper;
pub use executor::{AbortHandle, JoinError, JoinHandle, Nested, spawn, yield_now};
pub use insight::exit_report::ExitReport;
pub use insight::unhandled::UnhandledPanic;
pub use loops::{Background, PerCore, PerCoreBuilder, SharedBackground};
#[cfg(feature = "offload")]
pub use offload::{BlockingHandle, spawn_blocking};
pub use runtime::{Builder, OnExit, Order, Runtime, block_on};
#[cfg(feature = "macros")]
pub use taketurns_macros::{main, test};
pub use threads::{Handle, RemoteHandle};

/// The README's example runs.
#[cfg(all(doctest, feature = "time", feature = "offload"))]
#[doc = include_str!("README.md")]
struct Readme;

/// So does that of docs/time.md.
#[cfg(all(doctest, feature = "time"))]
#[doc = include_str!("docs/time.md")]
struct Time;

/// And those of docs/insight.md.
#[cfg(doctest)]
#[doc = include_str!("docs/insight.md")]
struct Insight;

/// And that of docs/cancellation.md.
#[cfg(all(doctest, feature = "time"))]
#[doc = include_str!("docs/cancellation.md")]
struct Cancellation;

/// And that of docs/offload.md.
#[cfg(all(doctest, feature = "offload", unix))]
#[doc = include_str!("docs/offload.md")]
struct Offload;
