//! The task: one allocation, two halves.
//!
//! A `Waker` may be cloned, used and dropped on any thread. The naive executor therefore keeps each task in an `Arc` and
//! the tasks that are ready in a queue behind a lock. Then each clone, wake, drop and spawn is an atomic read-modify-write,
//! which costs many times a plain store, though nearly all of them happen on one thread, the one that runs the loop. The
//! other simple way, wakers that must not leave the thread, breaks the promise of `Waker`.
//!
//! Here a task has two halves:
//!
//! * **home** is for the executor's own thread: plain cells. A task that wakes another of the same executor sets a bit and
//!   a link.
//! * **away** is for every other place: one atomic word and one link.
//!
//! Which half may be used is a matter of where the code runs. The executor and its `JoinHandle`s cannot leave their thread
//! (they are `!Send`), so they are always at home. A waker may be anywhere, and cannot know. So it asks a cheap question:
//! *is this thread running this task's executor right now?* ([`entry`]). If not, it uses the away half, which is right
//! everywhere, also on the executor's own thread between two runs.
//!
//! This folder is the whole of that idea, and all the `unsafe` of the crate.
//!
//! # The smallest picture
//!
//! ```text
//!    spawn (1)          turn begins (2)         future ready, or aborted (4)
//!   ----------> queued ---------------> running ----------------------------> ended
//!                 ^                        |
//!                 |        wake (5)        | not ready (3)
//!                 '------- waiting <-------'
//! ```
//!
//! # Layout
//!
//! The files are a ladder: each uses only those before it (only `header` names types of two later ones), and a test
//! keeps it so. Two words are needed from the start. The **hub** is the state that all tasks of one executor share: the run
//! queue, the inbox and so on. A **keeper** is a bit at home that keeps a task from being freed.
//!
//! 1. `leaf_cell`: a place that home borrows for a few plain moves. `watch`: what loom checks beside the races.
//! 2. [`count`]: how the references of both halves are one count. [`state`]: the bits of a task, and their transitions.
//! 3. [`recycle`]: where the memory of tasks comes from. [`header`]: what all tasks have; the two halves as types.
//! 4. [`queue`]: the run queue. [`inbox`]: where other threads leave the tasks that they wake. [`live`]: what can be lost.
//!    [`pulse`]: numbers that other threads may read at any time.
//! 5. [`hub`]: all of that, for one executor. [`entry`]: which place is home. [`waker`]: what can be done from anywhere.
//! 6. [`contain`]: where panics of user code end. [`asked`]: a task is asked to end. [`waiters`]: what waits for a task. [`cell`]: a future and its output
//!    behind a header, and how a task ends.
//!    `scope`: how a task gets what the feature `tracing` surrounds its turns with.
//! 7. [`ready`]: how a task becomes ready. [`turns`]: what the loop does all day. [`observed`]: how it tells of that, if it is asked to. [`snapshot`]: what reports ask. [`close`]: how the executor closes.
//! 8. [`join`]: the handle. [`control`]: ending a task without its output's type. [`spawn`], [`root`], [`owner`], [`remote`]: the four ways in: a task of the executor's own
//!    thread, the future of `block_on`, the executor itself, another thread.
//!
//! `executor/primitives.rs`, read before these, has what all of them are built of: [`HomeCell`], a `Cell` that is checked
//! in tests to stay on one thread (so there are two cells by that name: `std`'s, and the task's own in `cell`), and
//! `ordering!`, which gives an atomic access its ordering and a name.
//!
//! # The full picture
//!
//! The capitals are bits. Of home's state ([`state`]): FUTURE and OUTPUT, what the cell holds; OWED, the task is owed a turn;
//! RUNNING, it has its turn; SETTLING, that turn is ending it; LISTED, it is in the list of live tasks; HANDLE, its
//! `JoinHandle` exists; ABORT, its next turn drops the future; ASKED, it was asked to end; FRAMED, it has a frame
//! (`executor/frame.rs`); GROUPED, its group has a reference on it. Of the away word ([`count`]): POSTED, the task is in the
//! inbox, or about to be pushed; RETIRED, no keeper is left, so the word alone decides when the task is freed. Look at the
//! picture now, and come back for its numbers when you have read `turns`.
//!
//! Both halves change independently of each other. At home a task is in one of these states:
//!
//! ```text
//!  spawn (1)      root (2)                          take_in of a new task (3)
//!     |              |                                        |
//!     v              v                                        v
//!  +-------------------------------------------------------------------+
//!  | queued: FUTURE, OWED                                              | <------------------------.
//!  +-------------------------------------------------------------------+                          |
//!     | begin_turn (4)                            ^                                               |
//!     v                                           | end_turn, OWED since (5)                      | wake (8): at home,
//!  +-------------------------------------------------------------------+                          | or take_in of a
//!  | running: FUTURE, RUNNING; also OWED, once it was woken meanwhile  | <----------.             | woken task
//!  +-------------------------------------------------------------------+            |             |
//!     | the future is      | end_turn (5)                    begin_close of         |             |
//!     | dropped (6)        v                                 the executor (7)       |             |
//!     |           +-------------------------------------------+                     |             |
//!     |           | waiting: FUTURE                           | --------------------+-------------'
//!     v           +-------------------------------------------+
//!  +-------------------------------------------------------------------+
//!  | settling: RUNNING, SETTLING; the waiters are told                 | <----------.
//!  +-------------------------------------------------------------------+            |
//!     | no handle (9)                | output_stored (10)                           | begin_turn (11): callbacks
//!     |                              v                                              | came after the end
//!     |           +-------------------------------------------+                     |
//!     |           | ended: OUTPUT, HANDLE                     | --------------------'
//!     |           +-------------------------------------------+
//!     v                              | output taken, then handle_dropped (12)
//!  +-------------------------------------------------------------------+
//!  | retired: no bit; freed now (13), or by the last reference (14)    |
//!  +-------------------------------------------------------------------+
//! ```
//!
//! LISTED is set beside these until the task has ended, HANDLE while the `JoinHandle` exists. Meanwhile the away word says
//! whether the task is posted:
//!
//! ```text
//!              a waker on another thread wins POSTED and pushes (15)
//!   not posted ----------------------------------------------------> in the inbox
//!       ^                                                                 |
//!       '----------- take_in (16): clears POSTED, wakes at home <---------'
//! ```
//!
//! 1. [`Hub::spawn`]: the task is listed, and at the tail of the run queue.
//! 2. [`Hub::with_root`]: not listed; its future stays with `block_on`.
//! 3. [`HubHandle::spawn`](remote::HubHandle::spawn) made it on another thread, POSTED; home lists it now. If the inbox was
//!    closed already, `cell::unmake` takes the future out again: no other place has seen the task.
//! 4. [`TaskState::begin_turn`](state::TaskState::begin_turn): trades OWED for RUNNING. If ABORT is set the turn drops the
//!    future instead of polling it.
//! 5. [`TaskState::end_turn`](state::TaskState::end_turn): a task that was woken during its turn enters the queue only
//!    now.
//! 6. `cell::settle`: the future has returned `Ready`, has panicked, or is to be dropped. All user code that ends a task
//!    runs here, each piece contained.
//! 7. [`Hub::close`]: the executor closes. Each task gets one turn that drops its future, and the error "shut down" as its
//!    output.
//! 8. [`TaskState::wake`](state::TaskState::wake): changes nothing if the task is owed a turn already (F1).
//! 9. Without a handle and without callbacks the output is dropped at once.
//! 10. `cell::deliver` calls callbacks first. Then the output is the handle's.
//! 11. `JoinHandle::on_done` on a task that has ended owes it a turn. The handle cannot take the output before that turn is
//!     over.
//! 12. [`JoinHandle`]: takes the output; its drop gives up HANDLE.
//! 13. [`HomeCount::retire`](count::HomeCount::retire): no reference is left, so home frees the task without a
//!     read-modify-write.
//! 14. [`AwayCount::dec`](count::AwayCount::dec): the decrement that leaves the word at RETIRED frees. It runs no user code.
//! 15. [`AwayCount::post`](count::AwayCount::post): of several wakers one wins; the others are done. `post_abort` adds the
//!     order to abort, and `post_by_job` that a blocking job woke it, in the same step.
//! 16. [`Hub::take_in`]: a look takes the whole inbox, in the order of the pushes. A task that has ended meanwhile is freed
//!     if the inbox held the last reference.
//!
//! # One wake, step by step
//!
//! Task A wakes task B of the same executor, **at home**:
//!
//! 1. A calls `waker.wake_by_ref()`. The waker's table leads to `waker::wake_by_ref` with B's pointer.
//! 2. [`entry::here`] compares the thread-local with B's hub: equal, so it gives the whole hub.
//! 3. [`Hub::wake`] calls `TaskState::wake`: B has FUTURE and not OWED, so OWED is set, and the answer is
//!    [`Wake::Push`](state::Wake::Push).
//! 4. [`RunQueue::push`](queue::RunQueue::push) links B behind the last task in the queue.
//! 5. A's poll returns. The loop pops the tasks before B, then B: `begin_turn` trades OWED for RUNNING, and `cell::poll`
//!    polls the future.
//!
//! A thread of the user's wakes B **from away**:
//!
//! 1. and 2. as above, but the thread-local is not B's hub, so `here` gives the away half alone.
//! 3. [`AwayCount::post`](count::AwayCount::post) sets POSTED by one `fetch_or`. If it was set before, another waker is about
//!    to do the rest, and this one is done.
//! 4. [`Inbox::push`](inbox::Inbox::push) puts B at the head of the inbox by one compare-and-swap. If the head said that home
//!    sleeps, it unparks home.
//! 5. Home's next look swaps the inbox for an empty one, reverses it, clears B's POSTED, and goes on with step 3 above.
//!
//! # Who may touch what, when
//!
//! | field | thread | when |
//! |---|---|---|
//! | `vtable`, `hub`, `site` | any | never written after birth |
//! | `home.state` | the executor's own | until retirement; its bits are read as 0 after it |
//! | `home.next_run` | the executor's own | while OWED is set |
//! | the rest of `home` | the executor's own | while a keeper is held |
//! | the future or the output | the executor's own, the maker's before the push | the future while FUTURE, the output while OUTPUT; the turn that ends the task while SETTLING |
//! | `away.count` | any | while a reference or a keeper is held |
//! | `away.link` | the one that won POSTED, then home | until POSTED is cleared |
//!
//! The types say the first half of this table: other threads are given an [`Away`](header::Away), not a
//! [`Home`](header::Home).
//!
//! # The orderings
//!
//! Each access to an atomic (the word of a task's or the hub's count, the head of the inbox, the stop flag) has a comment
//! `// Ordering:` with its partner. docs/orderings.md shows what goes wrong with each weaker one, by the models of
//! `models/`.
//!
//! One rule is behind each "pairs with every": no access to these words is a plain store. Each change is a
//! read-modify-write, and that carries on what the changes before it have released, even if it is Relaxed itself (a
//! *release sequence*). So an Acquire that reads the latest value has taken over from all of them, not just from the last.
//!
//! # The invariants
//!
//! A reference for the `// SAFETY:` comments, each of which names those it rests on: come back when one is cited.
//!
//! * **ALIVE** A task is not freed while a keeper is held or a reference is out. So the holder of one may follow the pointer.
//! * **LAST** [`Fate::Free`](count::Fate::Free) is returned to exactly one place, and no other can reach the cell after that.
//! * **HUB** A task holds a reference on its hub from birth until after it is freed; the executor holds the keeper OPEN; each
//!   `HubHandle` holds a reference.
//! * **HELD** User code of a task runs only at home, while a keeper is held.
//! * **MADE** A future that a task makes itself, in its first turn, is made, polled and dropped at home (HELD). Before that turn
//!   there is none.
//! * **STAGE** FUTURE and OUTPUT say what the cell holds; never both. Code that clears one of the bits owns the value. The turn
//!   that ends the task owns the place from the drop of the future until `output_stored`, or until it drops the output.
//! * **TYPED** A `JoinHandle<T>` is made only for a task whose output is `Result<T, JoinError>`.
//! * **HANDLE** The bit is set exactly while the one `JoinHandle` exists, which is `!Send`.
//! * **WAITERS** The word of the waiters is null, a counted reference on a task of the same hub, or a box of its own.
//! * **LEAF** What runs inside a `LeafCell` is a few plain moves: no user code, and no way back into the same cell.
//! * **QUEUE** A task is in the run queue at most once, and is kept by OWED while it is.
//! * **LINK** The inbox's link belongs to the thread that won POSTED until the push, then to the list, then to home until it
//!   clears POSTED. POSTED is itself a reference.
//! * **ENTERED** The thread-local of [`entry`] names a hub exactly while a borrow of that hub is held further up the stack of
//!   this thread.
//! * **AWAY** What a `HubHandle`, or a waker in another place, touches is atomic, `Sync`, or its own by POSTED.
//! * **BORROW** The future of `block_on` is borrowed. Its task gives it up before `with_root` returns or unwinds.
//! * **ENV** A future that borrows lives as long as the executor it was spawned on, whose owner, invariant in that lifetime,
//!   drops it; its output lives as long as the type of its handle.
//! * **SITE** Other threads are given the address of a place in the source only, and that is never freed.
//! * **OWNED** Memory on the free list was given up by its last user, and nothing else refers to it.

mod asked;
mod cell;
mod close;
mod contain;
mod control;
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
mod observed;
mod owner;
mod pulse;
mod queue;
mod ready;
mod recycle;
#[cfg(all(test, not(any(loom, miri, taketurns_no_recycle))))]
mod recycle_tests;
mod remote;
mod root;
#[cfg(feature = "tracing")]
mod scope;
mod snapshot;
mod spawn;
mod state;
#[cfg(all(test, not(loom)))]
mod state_tests;
mod turns;
mod waiters;
mod waker;
#[cfg(all(loom, test))]
pub(crate) mod watch;

pub(crate) use control::Control;
pub use entry::Nested;
pub(crate) use entry::{enter, with_current};
pub(crate) use hub::Hub;
pub use join::JoinHandle;
pub(crate) use owner::HubOwner;
pub(crate) use pulse::{PartBefore, Sample};
pub(crate) use remote::HubHandle;
pub(crate) use waker::{abort, drop_contained, is_noop, noop, wake_contained};

#[cfg(doc)]
use crate::executor::primitives::HomeCell;
