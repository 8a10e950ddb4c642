//! The task: one allocation, two halves.
//!
//! A `Waker` may be used on any thread, so every other executor pays an atomic read-modify-write for
//! each clone, wake, drop and spawn, though nearly all of them happen on the thread that runs it. Here a
//! task has a **home** half, plain cells that only the thread *inside* the executor touches, and an
//! **away** half, one atomic word and one link, for every other place. This folder is the whole of that
//! idea, and all the `unsafe` of the crate.
//!
//! # Layout
//!
//! 1. [`count`]: how the references in both halves are one count; the one place that retires.
//! 2. [`bits`]: the state of a task, and every transition of it.
//! 3. [`header`]: what all tasks have; [`cell`]: a future and its output behind a header.
//! 4. [`waker`]: what can be done from anywhere; [`entry`]: which place is home.
//! 5. [`queue`]: the run queue; [`inbox`]: where away leaves woken tasks; [`live`]: what can be lost.
//! 6. [`hub`]: all of that of one executor, with its turns and its end; [`recycle`]: its memory; [`leaf_cell`]: its tables.
//! 7. [`join`]: the handle, [`waiters`]: who waits for the end; [`remote`]: the way in from other threads. `watch`: what
//!    loom checks beside.
//!
//! # The life of a task
//!
//! ```text
//!     spawn (1)                         away: Handle::spawn (2)
//!         |                                     |
//!         v            take_in (3)              v
//!   +-----------+  <------------------  +--------------+  <------ win_queued (4)
//!   | RUN_QUEUED|                       | QUEUED, in   |          on any thread
//!   | in queue  |  <---- wake_home (5)  | the inbox    |               ^
//!   +-----------+             ^         +--------------+               |
//!         | begin_turn (6)    |                                        |
//!         v                   |                                        |
//!   +-----------+  end_pending (7)      +--------------+               |
//!   | RUNNING   | --------------------> | FUTURE alone | --------------+
//!   +-----------+                       | (waiting)    |
//!         | settle (8): future dropped, waiters told, output kept for HANDLE or dropped
//!         v
//!   +-----------+  take_output (9),     +--------------+   last drop (11)
//!   | OUTPUT    |  handle_gone  ------> | retired (10) | ----------------> freed
//!   +-----------+                       +--------------+
//!      |     ^
//!      +-----+ push_delivery, deliver (12): callbacks that came late
//! ```
//!
//! 1. `Hub::spawn`: listed, and at the tail of the run queue.
//! 2. [`HubHandle::spawn`](remote::HubHandle::spawn): made with QUEUED, pushed. If the inbox is closed, `cell::unmake` takes the
//!    future out again, there, and the memory is freed: no other place has seen the task.
//! 3. `Hub::take_in`: a look takes the inbox in push order; new tasks are listed now. A function that another thread sent
//!    ([`HubHandle::call`](remote::HubHandle::call)) is a task that is not listed: no report counts it as lost.
//! 4. [`Count::win_queued`](count::Count::win_queued): one waker wins and pushes; the others are done.
//!    `win_queued_to_abort` leaves ABORT beside QUEUED, in the same step.
//! 5. `Count::wake_home`: nothing but a bit and a link. While RUNNING only the bit: it enters at 7.
//!    `abort_home` sets ABORT first.
//! 6. `Count::begin_turn`: trades RUN_QUEUED for RUNNING. ABORT makes it `cancel` instead of `poll`.
//! 7. `Count::end_pending`: back to the queue if it was woken meanwhile.
//! 8. `cell::settle`, `cell::deliver`: every piece of user code that ends a task runs here, each contained, with ENDING set:
//!    the output is not the handle's yet. After a poll that panicked the future is gone by then: `DropFuture` has dropped it
//!    while the thread unwound.
//! 9. [`JoinHandle`]: takes the output; its drop gives up HANDLE.
//! 10. `Count::retire`: the last pin is gone. No reference left: freed on the spot, without an RMW.
//! 11. `Count::away_dec`: whoever brings the word to `RETIRED` frees. No user code runs then.
//! 12. `JoinHandle::on_done` on a task that has ended owes it a turn, and the handle cannot take the output
//!     until that is over.
//!
//! # Who may touch what, when
//!
//! | field | who | when |
//! |---|---|---|
//! | `vtable`, `hub`, `site` | anybody with a reference | never written after birth |
//! | `count.pins`, `count.local` | home | until retirement; pins are read as 0 after it |
//! | `count.word` | anybody with a reference | always, atomically |
//! | `next_run` | home | while RUN_QUEUED |
//! | `polls`, `id`, `slot`, `waiters` | home | while a pin is held |
//! | `stage` | home; who made the task, until the push | the future while FUTURE, the output while OUTPUT; the turn that ends the task, from the future's drop on, while ENDING |
//! | `link` | who won QUEUED, then the drain | until QUEUED is cleared |
//!
//! # The orderings
//!
//! Each access to the two atomic words is named in [`order`](crate::executor::primitives::order), with its
//! partner. docs/orderings.md has what goes wrong with each weaker one, by the models of `models/`.
//!
//! # The invariants
//!
//! Each `// SAFETY:` names those it rests on.
//!
//! * **ALIVE** A task is not freed while a pin is held or a reference is out; so who has one may follow
//!   the pointer.
//! * **LAST** [`Fate::Free`](count::Fate::Free) is returned to exactly one place, after which no other can
//!   reach the cell.
//! * **PINNED** A task holds a reference on its hub from birth until after it is freed; the executor holds
//!   OPEN, and each `Handle` a reference.
//! * **HELD** User code of a task runs only at home, while a pin is held.
//! * **STAGE** FUTURE and OUTPUT say what the union holds; never both. Who clears a bit owns the value. The turn that ends the
//!   task owns the place from the future's drop, just before it clears FUTURE, until it sets OUTPUT or drops the output.
//! * **TYPED** A handle of type `JoinHandle<T>` is made only for a task whose output is
//!   `Result<T, JoinError>`.
//! * **HANDLE** The bit is set exactly while the one `JoinHandle` exists, which is `!Send`.
//! * **WAITERS** The word of who waits is null, a counted reference on a task of the same hub, or a box of
//!   its own.
//! * **LEAF** What runs inside a `LeafCell` is a few plain moves: no code of the user's, no way back.
//! * **QUEUE** A task is in the run queue at most once, and then it is pinned by RUN_QUEUED.
//! * **LINK** The inbox's link belongs to who won QUEUED until the push, then to the list, then to the drain
//!   until it clears QUEUED. QUEUED is itself a reference.
//! * **ENTERED** The thread-local of [`entry`] is set exactly while a borrow of that hub is held further up
//!   the stack of this thread.
//! * **AWAY** What a `HubHandle` and a waker in another place touch is atomic, `Sync`, or theirs by QUEUED.
//! * **BORROW** The future of `block_on` is borrowed; its task gives it up before `with_root` returns or
//!   unwinds.
//! * **ENV** A future that borrows lives as long as the executor it was spawned on, whose owner, invariant in
//!   that lifetime, drops it; its output, as long as the type of its handle.
//! * **OWNED** Memory on the free list was given up by its last user, and nobody else has it.

mod bits;
mod cell;
mod count;
#[cfg(all(test, not(loom)))]
mod count_tests;
mod entry;
mod header;
mod hub;
mod inbox;
mod join;
mod leaf_cell;
mod live;
mod queue;
mod recycle;
#[cfg(all(test, not(any(loom, miri, taketurns_no_recycle))))]
mod recycle_tests;
mod remote;
mod waiters;
mod waker;
#[cfg(all(loom, test))]
pub(crate) mod watch;

pub use entry::Nested;
pub(crate) use entry::{enter, with_current};
pub(crate) use hub::{Hub, HubOwner};
pub use join::JoinHandle;
pub(crate) use remote::HubHandle;
pub(crate) use waker::{abort, is_noop, noop};
