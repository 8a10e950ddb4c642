//! The hub: what all tasks of one executor share, in two halves like a task.
//!
//! [`Home`] has the run queue, the list of live tasks and the memory to recycle. [`Away`] has the inbox and the stop flag.
//!
//! The hub is counted like a task (see [`count`](super::count)): the executor holds the keeper OPEN, and each task and each
//! `Handle` holds a reference. So a task may reach its hub for as long as the task exists, even when the executor is gone.
//! The hub is freed when the executor has closed and the last waker and `Handle` are dropped, by the thread that drops
//! the last one. Home's half is empty by then.
//!
//! A `&Hub` is given out only at home. Other places hold a [`HubRef`] and borrow `&Away` from it.

use std::collections::BTreeMap;
use std::error::Error;
use std::panic::Location;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::count::{AwayCount, Fate, HomeCount};
use super::header::{Birth, TaskRef};
use super::inbox::Inbox;
use super::leaf_cell::LeafCell;
use super::live::Live;
use super::pulse::Pulse;
use super::queue::RunQueue;
use super::recycle::FreeList;
use super::state::TaskState;
use crate::executor::contain::{print, silence};
use crate::executor::driver::Unpark;
use crate::executor::frame::Frame;
#[cfg(feature = "tracing")]
use crate::executor::frame::OpenScope;
use crate::executor::observe::{Cause, Observe, PLAIN, TurnEnd};
use crate::executor::primitives::{AtomicIsize, HomeCell};
use crate::executor::{CancelRequest, Id, Info, Reason, shortened};

/// The executor's keeper.
const OPEN: u32 = 1;
/// Set beside OPEN once the executor closes.
const CLOSING: u32 = 1 << 1;

pub(crate) struct Hub {
    pub(super) home: Home,
    pub(super) away: Away,
    /// The pointer that the hub was allocated with; one made from `&self` could not free it.
    pub(super) this: HubRef,
    #[cfg(all(loom, test))]
    watch: super::watch::Watch,
}

/// The hub's home half.
pub(super) struct Home {
    pub(super) count: HomeCount,
    pub(super) queue: RunQueue,
    pub(super) live: LeafCell<Live>,
    /// What only some of the live tasks have, by id.
    pub(super) notes: LeafCell<BTreeMap<u64, Note>>,
    /// Why every task is asked to end, once it is.
    pub(super) all_asked: LeafCell<Option<Reason>>,
    /// The task whose turn it is. `None` in the turns that `close` gives: no task runs any more, and what is reported of
    /// destructors there is told with the task they belong to.
    pub(super) running: HomeCell<Option<TaskRef>>,
    /// The future of `block_on`, while that runs.
    pub(super) root: HomeCell<Option<TaskRef>>,
    pub(super) on_unhandled: LeafCell<Option<OnUnhandled>>,
    pub(super) free: FreeList,
    /// How many tasks destructors may still spawn while the executor closes.
    pub(super) late_spawns: HomeCell<u32>,
    /// How a run is seen: `PLAIN`, `WATCHED` or `OBSERVED`.
    pub(super) seen: HomeCell<u8>,
    pub(super) observers: LeafCell<Vec<Box<dyn Observe>>>,
    /// How many turns were questions of other threads.
    pub(super) questions: HomeCell<u64>,
    /// For observers: what wakes tasks outside of a turn.
    pub(super) cause: HomeCell<Cause>,
    /// For observers: how the turn ends, as far as that is known.
    pub(super) turn_end: HomeCell<TurnEnd>,
    /// What makes the scopes of new tasks.
    #[cfg(feature = "tracing")]
    pub(super) opens: HomeCell<Option<OpenScope>>,
}

/// The hub's away half.
pub(super) struct Away {
    pub(super) count: AwayCount,
    pub(super) inbox: Inbox,
    /// 1 while a `stop` waits to be taken.
    pub(super) stop: AtomicIsize,
    pub(super) pulse: Pulse,
    /// The names of live tasks, by id. Behind a lock, so that other threads may ask; only a task that has a name takes it.
    names: Mutex<BTreeMap<u64, Box<str>>>,
}

/// What only some tasks have. The others pay nothing for it.
#[derive(Default)]
pub(super) struct Note {
    /// In force in each of its turns.
    pub(super) frame: Frame,
    pub(super) request: Option<Rc<CancelRequest>>,
}

/// Called with each failure that no awaiter sees.
pub(super) type OnUnhandled = Rc<dyn Fn(Option<Info>, Box<dyn Error>)>;

/// Destructors may spawn while the executor closes, and so may the destructors of what they spawn. So many tasks are still
/// dropped in order. The futures of later ones are forgotten, so that closing comes to an end.
const LATE_SPAWNS: u32 = 100_000;

/// A hub, from outside: a plain pointer, that may or may not be counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct HubRef(NonNull<Hub>);

impl HubRef {
    /// A new hub, kept by OPEN, which the caller owns.
    pub(super) fn allocate(unparker: Box<dyn Unpark>) -> Self {
        let hub = Hub {
            home: Home {
                count: HomeCount::new(OPEN),
                queue: RunQueue::new(),
                live: LeafCell::new(Live::new()),
                notes: LeafCell::new(BTreeMap::new()),
                all_asked: LeafCell::new(None),
                running: HomeCell::new(None),
                root: HomeCell::new(None),
                on_unhandled: LeafCell::new(None),
                free: FreeList::new(),
                late_spawns: HomeCell::new(LATE_SPAWNS),
                seen: HomeCell::new(PLAIN),
                observers: LeafCell::new(Vec::new()),
                questions: HomeCell::new(0),
                cause: HomeCell::new(Cause::Outside),
                turn_end: HomeCell::new(TurnEnd::Waits),
                #[cfg(feature = "tracing")]
                opens: HomeCell::new(None),
            },
            away: Away {
                count: AwayCount::new(),
                inbox: Inbox::new(unparker),
                stop: AtomicIsize::new(0),
                pulse: Pulse::new(),
                names: Mutex::default(),
            },
            this: Self(NonNull::dangling()),
            #[cfg(all(loom, test))]
            watch: super::watch::Watch::new(),
        };
        let hub = Box::leak(Box::new(hub));
        let this = Self(NonNull::from(&mut *hub));
        // SAFETY: just allocated, and no other place knows it.
        unsafe { (*this.0.as_ptr()).this = this };
        this
    }

    /// # Safety
    ///
    /// (HUB) The caller holds a reference on the hub, or something that does, for as long as it uses what is borrowed.
    /// The thread is the executor's own.
    #[inline]
    pub(super) unsafe fn at_home<'a>(self) -> &'a Hub {
        // SAFETY: (HUB) as the caller promised.
        let hub = unsafe { self.0.as_ref() };
        #[cfg(all(loom, test))]
        hub.watch.touch();
        hub
    }

    /// # Safety
    ///
    /// (HUB) as for [`at_home`](Self::at_home), on any thread.
    #[inline]
    pub(super) unsafe fn away<'a>(self) -> &'a Away {
        #[cfg(all(loom, test))]
        // SAFETY: (HUB) as the caller promised.
        unsafe {
            (*self.0.as_ptr()).watch.touch();
        }
        // SAFETY: (HUB) as the caller promised.
        unsafe { &(*self.0.as_ptr()).away }
    }

    /// Gives up a reference on the hub, on any thread.
    ///
    /// # Safety
    ///
    /// (HUB) The reference is the caller's.
    pub(super) unsafe fn release(self) {
        // SAFETY: (HUB) alive by that reference until it is given up.
        if unsafe { self.away() }.count.dec() == Fate::Free {
            // SAFETY: (LAST) nobody else can reach it. The executor gave OPEN up after it had emptied home's half: no
            // hook, no name, no task, no recycled memory. What is dropped here is the inbox, whose `Unpark` is `Send`.
            unsafe { self.free() };
        }
    }

    /// # Safety
    ///
    /// (LAST) No other place can reach the hub.
    pub(super) unsafe fn free(self) {
        #[cfg(all(loom, test))]
        // SAFETY: (LAST) still there.
        unsafe {
            (*self.0.as_ptr()).watch.bury();
            super::watch::keep(self.0.cast(), std::alloc::Layout::new::<Hub>());
        }
        #[cfg(not(all(loom, test)))]
        // SAFETY: (LAST) as the caller promised; it was allocated as a box. Contained, as the `Unpark` is the user's.
        silence(|| drop(unsafe { Box::from_raw(self.0.as_ptr()) }));
    }
}

impl Away {
    /// Nothing panics under the lock, so it is never poisoned.
    pub(super) fn names(&self) -> MutexGuard<'_, BTreeMap<u64, Box<str>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What reports call a task.
    pub(super) fn name_of(&self, id: u64) -> Option<Box<str>> {
        self.names().get(&id).map(|name| shortened(name).into())
    }

    /// Pushes a task into the inbox. On a closed inbox, takes back POSTED: nothing runs the task any more. Kept out of line, so that
    /// the compiler can inline `wake`; a wake at home never calls this.
    ///
    /// # Safety
    ///
    /// (ALIVE) The caller won POSTED, and holds a reference on the task until this returns.
    #[inline(never)]
    pub(super) unsafe fn push(&self, task: TaskRef) {
        if !self.inbox.push(task) {
            // SAFETY: (ALIVE) as the caller promised.
            unsafe { task.away() }.count.take_back_post();
        }
    }
}

/// Frees a task, on any thread, if giving up a reference has just said so.
///
/// Nothing is left in the cell that needs a drop: a task without a keeper has neither future nor output, and its last turn, or
/// the drop of its handle, has emptied its waiters. So no user code runs, but where the hub goes with its last task: the drop
/// of the driver's `Unpark`, contained.
///
/// # Safety
///
/// `fate` is what giving up a reference or a keeper of this task has just returned.
pub(super) unsafe fn free_anywhere(task: TaskRef, fate: Fate) {
    if fate == Fate::Free {
        // SAFETY: (LAST) the count says so; (HUB) the task's reference on the hub is given up after the task.
        unsafe {
            let hub = task.fixed().hub;
            task.bury().release(task.cell());
            hub.release();
        }
    }
}

/// As [`free_anywhere`], where home has given up a keeper, which is how nearly every task goes: keeps the memory for the next
/// task. (Home may also drop the last *reference* on a task that has retired before, a waker that outlived its task. That
/// is rare, and takes the plain way of `free_anywhere`.)
///
/// # Safety
///
/// `fate` is what giving up a keeper of this task, at home, has just returned.
#[inline]
pub(super) unsafe fn free_at_home(task: TaskRef, fate: Fate) {
    if fate == Fate::Kept {
        return;
    }
    // SAFETY: (LAST) the count says that nothing else can reach the task, which held (HUB) a reference on the hub
    // until now.
    unsafe {
        let hub = task.fixed().hub.at_home();
        if hub.home.count.keepers() == 0 {
            return free_anywhere(task, fate); // the executor is gone, and its free list with it
        }
        // OPEN is held, so this is never the last.
        let _kept = hub.home.count.dec(&hub.away.count);
        hub.home.free.put(task.cell(), task.bury());
    }
}

impl Hub {
    /// Whether the executor is closing, or has closed.
    #[inline]
    pub(super) fn is_closing(&self) -> bool {
        self.home.count.keepers() != OPEN
    }

    pub(super) fn set_closing(&self) {
        self.home.count.set_keepers(OPEN | CLOSING);
    }

    /// What a new task of this hub is made of. Counts the task's reference on the hub.
    #[inline]
    pub(super) fn birth(&self, bits: u32, id: u64, site: &'static Location<'static>) -> Birth {
        self.home.count.inc(&self.away.count);
        Birth { state: TaskState::new(bits), away: AwayCount::new(), hub: self.this, id, site }
    }

    #[inline]
    pub(super) fn next_id(&self) -> u64 {
        let id = self.away.pulse.spawned.get() + 1;
        self.away.pulse.spawned.set(id);
        id
    }

    /// Numbers for other threads.
    #[inline]
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.away.pulse
    }

    /// # Safety
    ///
    /// (ALIVE) A task of this hub.
    pub(super) unsafe fn describe(&self, task: TaskRef) -> Info {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe {
            let (home, id) = (task.home(), task.home().id.get());
            Info {
                id: Id(id),
                name: self.away.name_of(id),
                site: task.fixed().site,
                polls: home.polls.get(),
                state: home.state.reported(home.polls.get(), &task.away().count),
            }
        }
    }

    /// Sets the hook that is called with failures that no awaiter sees, until the executor is dropped.
    pub(crate) fn on_unhandled(&self, hook: OnUnhandled) {
        // SAFETY: (LEAF) a move; the hook before is dropped after it.
        let before = unsafe { self.home.on_unhandled.with(|place| place.replace(hook)) };
        drop(before);
    }

    /// Gives a failure that no awaiter sees to the hook, or prints it.
    pub(crate) fn report(&self, task: Option<Info>, error: Box<dyn Error>) {
        // SAFETY: (LEAF) clones an `Rc`.
        let hook = unsafe { self.home.on_unhandled.with(|hook| hook.clone()) };
        match hook {
            Some(hook) => silence(|| hook(task, error)),
            None => print(task.as_ref(), error),
        }
    }
}
