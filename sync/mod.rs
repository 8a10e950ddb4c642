//! How tasks of one thread talk to each other: channels, locks, counts, and places to meet.
//!
//! Tasks of one thread could share a `Cell`, and look at it again in each of their turns. But a task that waits would
//! then have to be woken all the time. It could leave its waker in the cell instead. But the next task that waits would
//! overwrite it, a waker of a future that was dropped would take the wake of another, and a newcomer could take what a
//! waiter was woken for. So each primitive here keeps *all* its waiters, in the order in which
//! they came; it grants what they wait for before it wakes them; and what was granted to a future that is dropped goes on
//! to the next.
//!
//! | | for | asyncio's name | order |
//! |---|---|---|---|
//! | [`channel`] | a queue of values, bounded or not, many to many | `Queue` | first come, first served, on both sides |
//! | [`oneshot`] | one value, once | `Future` | no line |
//! | [`broadcast`] | every value to every receiver | (none) | woken in the order in which they came |
//! | [`watch`] | the latest value, for many tasks | (none) | woken in the order in which they came |
//! | [`Event`] | something has happened, for every task that waits | `Event` | all at once, woken in the order in which they came |
//! | [`Notify`] | a wake without a value, for one task or all | `Condition` | first come, first served |
//! | [`Semaphore`] | at most so many at once | `Semaphore` | first come, first served; the front may wait for many |
//! | [`Mutex`] | a value for one task at a time, across awaits | `Lock` | first come, first served |
//! | [`RwLock`] | a value for many readers or one writer | (none) | first come, first served; readers side by side |
//! | [`Barrier`] | tasks that wait for each other | `Barrier` | all at once, woken in the order in which they came |
//!
//! # Fairness
//!
//! The place in line is that of the first poll, not of the call. None that comes later overtakes: while a future waits, the
//! `try_` forms are refused and other futures wait behind it, also if what they ask for is there.
//!
//! A grant is the future's, and not its task's. A future that was granted a lock and then is kept without being polled, as
//! by a `select` that goes on with another branch, keeps all others out ("futurelock"). The report of a deadlock names it.
//! To avoid it, drop futures that are no longer polled.
//!
//! # Threads and executors
//!
//! Everything here is made of plain cells, without atomics and locks. So it is `!Sync`, and no other thread can reach it
//! while it is in use: references to it, its futures, its permits and its guards are `!Send`.
//!
//! ```compile_fail,E0277
//! let semaphore = taketurns::sync::Semaphore::new(1);
//! std::thread::scope(|threads| {
//!     threads.spawn(|| semaphore.try_acquire().is_ok()); // a `Semaphore` is not `Sync`
//! });
//! ```
//!
//! Between threads use a [`Handle`](crate::Handle), or any channel of another crate.
//!
//! None of it needs a runtime: it works under every executor that polls on this thread, and outside of any. Under this
//! crate's, operations that are ready count against [the budget of a turn](crate::task#the-budget-of-a-turn).
//!
//! # Layout
//!
//! 1. `wait_list.rs`: the line of futures under every primitive.
//! 2. `permits.rs`: a count that futures take from, over one such line. `permits/noted.rs`: what reports are told of it.
//! 3. `semaphore.rs`, `mutex.rs`, `rwlock.rs`: three faces of it. `barrier.rs`: a line that goes all at once.
//! 4. `oneshot.rs`: a single waiter on each side, so no line.
//! 5. `in_line.rs`: looking, waiting in line and leaving it. `event.rs`, `notify.rs`: waking without a value.
//! 6. `channel/`: a buffer between two lines. `error.rs`: why what was asked cannot be.
//! 7. `watch.rs`: one place for the latest value. `broadcast.rs`: a ring of the last values;
//!    `broadcast_stream.rs`: as a stream (feature `streams`).

#![forbid(unsafe_code)]

mod barrier;
pub mod broadcast;
#[cfg(feature = "streams")]
mod broadcast_stream;
pub mod channel;
mod error;
mod event;
mod in_line;
mod mutex;
mod notify;
pub mod oneshot;
mod permits;
mod rwlock;
mod semaphore;
mod wait_list;
#[cfg(all(test, not(loom)))]
mod wait_list_tests;
pub mod watch;

pub use barrier::{Barrier, BarrierWait, BarrierWaitResult};
#[cfg(feature = "streams")]
pub use broadcast_stream::BroadcastStream;
pub use error::{AcquireError, Closed, SendError, TryAcquireError, TryRecvError, TrySendError};
pub use event::{Event, Wait};
pub use mutex::{Lock, LockOwned, Mutex, MutexGuard, OwnedMutexGuard, TryLockError};
pub use notify::{Notified, Notify};
pub use rwlock::{Read, ReadGuard, RwLock, Write, WriteGuard};
pub use semaphore::{Acquire, AcquireOwned, OwnedPermit, Permit, Semaphore};
