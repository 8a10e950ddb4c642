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
//! # What the loop promises
//!
//! A **turn** is one poll of one task. A **look** is a glance outside: at the *inbox*, where other threads leave the tasks
//! that they wake, and at the [`Driver`]. The *root* is the future that `block_on` was given; it takes turns like a task.
//!
//! * **F1** A task is in the run queue at most once. Waking a task that is queued changes nothing.
//! * **F2** A task that enters the queue behind *n* others takes the (n+1)th turn from then: no task overtakes it. A task
//!   that is woken during its own turn enters when its poll returns.
//! * **F3** At most `event_interval` turns pass between two looks ([`EVENT_INTERVAL`] unless told otherwise), and an empty
//!   queue looks at once. A look takes in the whole inbox, in the order of the wakes. Then the driver wakes what it has: in
//!   a [`Runtime`](crate::Runtime), the timers that are due by one reading of the clock, in the order of their deadlines
//!   and then of their arming; then the tasks of a bounded number of ready descriptors. All enter at the tail.
//! * **F4** A leaf operation of this crate (one that waits for the loop itself, such as an `accept` or the await of a handle)
//!   completes at most 128 times in one turn. Then it returns `Pending`, and the task goes to the tail. See [the budget of
//!   a turn](crate::task#the-budget-of-a-turn).
//! * **F5** When the root completes, or `stop` ends `run_forever`, each task that is queued at that moment takes one last
//!   turn. Then the run returns. The other tasks stay, and go on in the next run.
//!
//! So the wait of a task that is ready has a bound. A task that is woken on the executor's own thread takes its turn after
//! those that are queued at that moment. A task that is woken from another thread, by a timer or by a descriptor enters
//! the queue at most `event_interval` turns later. How long that is, is up to the tasks: a turn that does not end keeps
//! every other task waiting.
//!
//! Under [`Order::Shuffled`](crate::Order::Shuffled), for tests, each look also chooses which task is first in the queue.
//! Then neither F2's place nor F5's "each" holds.
//!
//! # Layout
//!
//! Read in this order:
//!
//! 1. `driver.rs`: what an executor looks at between turns. `run.rs`: the loop, and how it keeps its promise.
//! 2. `executor.rs`: [`Executor`], what a program calls. `contain.rs`: where panics of user code end.
//! 3. `spawn.rs`, `yield_now.rs`, `budget.rs`: what a task calls. `inherit.rs`: what a task has from its parent. `frame.rs`: what
//!    surrounds its turns. `chooser.rs`: another order of turns, for tests.
//! 4. `error.rs`, `info.rs`, `id.rs`: what is said of tasks that fail or are lost. `reason.rs`, `request.rs`: a task is asked
//!    to end.
//!    `observe.rs`: what is told of each step, if it is asked for. `job_thread.rs`: which threads run blocking jobs.
//! 5. `primitives.rs`: the atomics and the checked cells, of which the task is built.
//! 6. `task/`: the task itself, in two halves. Its `mod.rs` has the pictures, the table and the invariants. The loop calls
//!    it through the **hub**, the state that all tasks of one executor share.
//! 7. `abort.rs`: ending a task before its end, from anywhere. `awaits.rs`: what a report could not see otherwise.
//! 8. `home_tests.rs`: "no atomic read-modify-write at home", counted. `models/`, at the root of the crate: the races,
//!    checked by loom.

mod abort;
mod awaits;
pub(crate) mod budget;
mod chooser;
pub(crate) mod contain;
mod driver;
mod error;
#[expect(clippy::module_inception, reason = "the executor is the main type of its part")]
mod executor;
pub(crate) mod frame;
#[cfg(all(test, not(loom), feature = "tracing"))]
mod frame_tests;
#[cfg(all(test, not(loom)))]
mod home_tests;
mod id;
pub(crate) mod info;
pub(crate) mod inherit;
pub(crate) mod job_thread;
pub(crate) mod observe;
#[cfg(all(test, not(loom)))]
mod observe_tests;
pub(crate) mod primitives;
mod reason;
mod request;
mod run;
mod spawn;
mod task;
mod yield_now;

pub use abort::AbortHandle;
pub(crate) use awaits::{TellOfAwait, tell_of_awaits};
pub use budget::{consume_budget, has_budget};
pub(crate) use chooser::Chooser;
pub(crate) use contain::{contain, drop_before, poll_contained, print, report, silence};
pub(crate) use driver::NO_WAIT;
pub use driver::{Driver, ParkThread, Pending, Unpark};
pub(crate) use error::Subject;
pub use error::{JoinError, OnDoneError};
pub use executor::Executor;
pub use id::Id;
pub(crate) use info::shortened;
pub use info::{Info, State};
pub use reason::Reason;
pub(crate) use request::{CancelRequest, ListenerKey};
pub use run::EVENT_INTERVAL;
pub(crate) use spawn::spawn_made;
pub use spawn::{Builder, current, spawn};
#[cfg(all(loom, test))]
pub(crate) use task::watch;
pub(crate) use task::{Control, Hub, HubHandle, is_noop, noop, with_current};
pub use task::{JoinHandle, Nested};
pub(crate) use task::{PartBefore, Sample};
pub(crate) use task::{drop_contained, wake_contained};
pub use yield_now::{YieldNow, yield_now};
