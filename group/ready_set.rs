//! [`ReadySet`]: which children of one future have been woken, in the order of their wakes.
//!
//! A future that polls a thousand others could poll them all whenever its task is woken. But mostly one of them was woken,
//! and the other 999 polls are wasted. So each child is polled with a waker of its own, which notes the child before it
//! wakes the *parent*, the task that polls the set. The field's answer for that note is `futures::stream::FuturesUnordered`:
//! a list that any thread may push to, with some ten atomic read-modify-writes for each wake, though nearly all wakes
//! come from the thread that polls.
//!
//! Here a set has two halves, as a task has:
//!
//! * **home** is a queue in plain cells, for the thread that made the set. The thread keeps a table of its sets. A child's
//!   waker has the set's place in that table, and looks there first. What it finds there is its own set exactly if this is
//!   the set's thread and the set is still alive.
//! * **away** is a list behind a lock, for every other thread. Home looks at a flag, and takes the list in when it is set.
//!
//! # A turn
//!
//! In one turn of the parent, [`ReadySet::turn`] polls the children that were woken before the turn, each once, in the order
//! of their wakes; what other threads woke comes behind, in their order. A child that is woken during the turn, by itself or
//! by another, waits for the parent's next turn. So the turn has an end, whatever the children do, and other tasks have
//! their turns in between. The children share the turn's budget; when it is used up, the rest of them wait for the next
//! turn too, in their places.
//!
//! # Invariants
//!
//! * **TOLD** While `told` is true the parent has been woken and has not polled since, or is polling now. So no child needs to
//!   wake it. It is set by the wake, and cleared by a turn that leaves no child queued.
//! * **KEY** A child's key is a slot and the slot's generation. The generation grows when the child ends, so a waker that
//!   is kept longer does not wake the slot's next child. (The generation wraps at 2^32. A waker that is kept while its slot
//!   has that many children may wake one for nothing, which any future has to bear.)

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use crate::common::{explained, waits};
use crate::executor::primitives::{AtomicIsize, Mutex, MutexGuard, ordering, thread_cell};
use crate::executor::{budget, contain, is_noop};

/// The children of one future, by their slots. What they are is up to the caller, who keeps them beside it.
pub(crate) struct ReadySet {
    home: Rc<Home>,
    slots: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    waker: Waker,
    /// The same reference that `waker` is, in its own type.
    child: Arc<ChildWaker>,
}

/// What has become of a child in its poll.
pub(crate) enum Step<R> {
    Pending,
    /// It has ended: its slot is free.
    Ended,
    /// The turn is over, and so is what the set was for.
    Finish(R),
}

impl ReadySet {
    pub(crate) fn new() -> Self {
        Self { home: enter_table(), slots: Vec::new(), free: Vec::new() }
    }

    /// Adds a child, which is polled in the parent's next turn, behind those that are queued now. Returns its slot: one
    /// that is free, or the next new one.
    pub(crate) fn add(&mut self) -> usize {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let key = self.home.key(slot);
        let away = &self.home.away;
        match self.slots.get_mut(slot) {
            None => self.slots.push(Slot::new(key, away)),
            Some(slot) => slot.renew(key, away),
        }
        self.home.wake(key);
        slot
    }

    /// Polls the children that were woken before this turn of the parent. `poll` polls the one in a slot.
    pub(crate) fn turn<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(usize, &mut Context<'_>) -> Step<R>,
    ) -> Poll<R> {
        for _ in 0..self.begin(cx.waker()) {
            ready!(budget::poll_ready(cx)); // wakes the parent
            let Some(slot) = self.home.next() else { continue };
            let part = explained::within_part(slot);
            let polled = poll(slot, &mut Context::from_waker(&self.slots[slot].waker));
            drop(part);
            match polled {
                Step::Pending => {}
                Step::Ended => {
                    self.home.retire(slot);
                    self.free.push(slot);
                }
                Step::Finish(result) => return Poll::Ready(result),
            }
        }
        if self.home.end_turn() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// A turn of the parent, whose waker is `parent`. Returns how many children are queued.
    fn begin(&mut self, parent: &Waker) -> usize {
        let (is_new, queued) = self.home.begin_turn(parent);
        if is_new || self.home.away.is_posted() || waits::is_asking() {
            return self.take_in(parent, is_new);
        }
        queued
    }

    /// Queues what other threads woke, and leaves them the parent's waker, which the first of them took. While a report
    /// asks what the parent waits for, queues all children, as each may say it. Returns how many children are queued.
    #[cold]
    fn take_in(&mut self, parent: &Waker, is_new: bool) -> usize {
        // The clones and drops of wakers may be user code: it runs outside of all borrows and locks.
        let keep = || (!is_noop(parent)).then(|| parent.clone());
        if is_new {
            let new = keep().map(Rc::new);
            let old = mem::replace(&mut self.home.queue.borrow_mut().parent, new);
            contain(|| drop(old));
        }
        let buffer = mem::take(&mut self.home.queue.borrow_mut().buffer);
        let (mut posted, old) = self.home.away.take_in(keep(), buffer);
        contain(|| drop(old));
        for key in posted.drain(..) {
            let child = &self.slots[key.slot()].child;
            if child.key == key {
                child.unpost();
            }
            self.home.wake(key);
        }
        if waits::is_asking() {
            self.slots.iter().for_each(|slot| self.home.wake(slot.child.key));
        }
        let mut queue = self.home.queue.borrow_mut();
        queue.buffer = posted;
        queue.woken.len()
    }
}

impl Drop for ReadySet {
    /// Gives the parent's waker back. From here on its children's wakers do nothing.
    fn drop(&mut self) {
        leave_table(self.home.away.place);
        let home = self.home.queue.borrow_mut().parent.take();
        let away = self.home.away.close();
        contain(|| drop(home));
        contain(|| drop(away));
    }
}

impl Slot {
    fn new(key: Key, away: &Arc<Away>) -> Self {
        let child = Arc::new(ChildWaker::new(key, away));
        Self { waker: Arc::clone(&child).into(), child }
    }

    /// For the next child of the slot. The allocation is used again, unless a waker of the child before is still out.
    fn renew(&mut self, key: Key, away: &Arc<Away>) {
        self.waker = Waker::noop().clone();
        match Arc::get_mut(&mut self.child) {
            Some(child) => *child = ChildWaker::new(key, away),
            None => self.child = Arc::new(ChildWaker::new(key, away)),
        }
        self.waker = Arc::clone(&self.child).into();
    }
}

/// Which child. See KEY.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    slot: u32,
    generation: u32,
}

impl Key {
    fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The half for the thread that made the set.
struct Home {
    away: Arc<Away>,
    queue: RefCell<Queue>,
}

/// Borrowed for plain moves alone.
#[derive(Default)]
struct Queue {
    woken: VecDeque<Key>,
    marks: Vec<Mark>,
    /// Counted, so that a wake neither clones it nor runs under the borrow.
    parent: Option<Rc<Waker>>,
    /// See TOLD.
    told: bool,
    /// The memory of the away half's list, while that has the other one.
    buffer: Vec<Key>,
}

/// What home knows of a slot.
#[derive(Clone, Copy, Default)]
struct Mark {
    generation: u32,
    is_queued: bool,
}

impl Home {
    /// The key of the next child of a slot, which may be a new one.
    fn key(&self, slot: usize) -> Key {
        let marks = &mut self.queue.borrow_mut().marks;
        if slot == marks.len() {
            marks.push(Mark::default());
        }
        let generation = marks[slot].generation;
        Key { slot: slot.try_into().expect("fewer than 4 billion children"), generation }
    }

    /// Queues a child, unless it is queued already or has ended, and wakes the parent.
    fn wake(&self, key: Key) {
        let parent = self.queue.borrow_mut().mark(key); // woken outside of the borrow
        if let Some(parent) = parent {
            parent.wake_by_ref();
        }
    }

    /// The slot of the child at the head of the queue, which is then no longer queued. `None`: it has ended.
    fn next(&self) -> Option<usize> {
        let mut queue = self.queue.borrow_mut();
        let key = queue.woken.pop_front()?;
        let mark = &mut queue.marks[key.slot()];
        if mark.generation != key.generation {
            return None;
        }
        mark.is_queued = false;
        Some(key.slot())
    }

    /// The child in a slot has ended.
    fn retire(&self, slot: usize) {
        let mark = &mut self.queue.borrow_mut().marks[slot];
        *mark = Mark { generation: mark.generation.wrapping_add(1), is_queued: false };
    }

    /// Returns whether `parent` is another waker than the one that is kept, and how many children are queued.
    fn begin_turn(&self, parent: &Waker) -> (bool, usize) {
        let mut queue = self.queue.borrow_mut();
        queue.told = true;
        let is_kept = queue.parent.as_ref().is_some_and(|kept| kept.will_wake(parent));
        (!is_kept, queue.woken.len())
    }

    /// Returns whether a child is queued, for which the parent must be woken.
    fn end_turn(&self) -> bool {
        let mut queue = self.queue.borrow_mut();
        queue.told = !queue.woken.is_empty();
        queue.told
    }
}

impl Queue {
    /// Queues a child, unless it is queued already or has ended. Returns the parent's waker if that must be woken.
    fn mark(&mut self, key: Key) -> Option<Rc<Waker>> {
        let mark = &mut self.marks[key.slot()];
        if mark.generation != key.generation || mem::replace(&mut mark.is_queued, true) {
            return None;
        }
        self.woken.push_back(key);
        if mem::replace(&mut self.told, true) { None } else { self.parent.clone() }
    }
}

/// The half for every other thread.
struct Away {
    /// Where the set is in its thread's table.
    place: usize,
    /// [`POSTED`] while the list is not empty. It changes under the lock.
    posted: AtomicIsize,
    list: Mutex<List>,
}

struct List {
    woken: Vec<Key>,
    /// Taken by the thread that wakes it.
    parent: Option<Waker>,
    is_closed: bool,
}

const POSTED: isize = 1;

impl Away {
    fn new(place: usize) -> Arc<Self> {
        let list = List { woken: Vec::new(), parent: None, is_closed: false };
        Arc::new(Self { place, posted: AtomicIsize::new(0), list: Mutex::new(list) })
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a child, and wakes the parent.
    fn post(&self, key: Key) {
        let mut list = self.lock();
        if list.is_closed {
            return;
        }
        list.woken.push(key);
        // Ordering: set before the parent is woken, whose poll therefore sees it; the list is read under the lock.
        self.posted.fetch_or(POSTED, ordering!(set_posted: Relaxed));
        let parent = list.parent.take();
        drop(list);
        if let Some(parent) = parent {
            parent.wake();
        }
    }

    fn is_posted(&self) -> bool {
        // Ordering: a post that is missed here wakes the parent; nothing is read through it.
        self.posted.load(ordering!(set_posted_look: Relaxed)) != 0
    }

    /// Exchanges the list for an empty one, and the parent's waker for `parent`. Returns both.
    fn take_in(&self, parent: Option<Waker>, empty: Vec<Key>) -> (Vec<Key>, Option<Waker>) {
        let mut list = self.lock();
        // Ordering: under the lock, as the list itself.
        self.posted.fetch_and(!POSTED, ordering!(set_taken_in: Relaxed));
        (mem::replace(&mut list.woken, empty), mem::replace(&mut list.parent, parent))
    }

    fn close(&self) -> Option<Waker> {
        let mut list = self.lock();
        list.is_closed = true;
        list.woken = Vec::new();
        list.parent.take()
    }
}

/// What a child is polled with.
struct ChildWaker {
    key: Key,
    away: Arc<Away>,
    /// [`POSTED`] while another thread's wake is on its way, so that a child is in the list once.
    posted: AtomicIsize,
}

impl ChildWaker {
    fn new(key: Key, away: &Arc<Away>) -> Self {
        Self { key, away: Arc::clone(away), posted: AtomicIsize::new(0) }
    }

    /// Home has it from the list.
    fn unpost(&self) {
        // Ordering: pairs with every `child_post`: what was written before the wake, also by a caller that lost, is seen by
        // the poll.
        self.posted.fetch_and(!POSTED, ordering!(child_unpost: Acquire));
    }
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(parent) = at_home(&self.away, |queue| queue.mark(self.key)) {
            return parent.iter().for_each(|parent| parent.wake_by_ref());
        }
        // Ordering: gives what was written before to `child_unpost`.
        if self.posted.fetch_or(POSTED, ordering!(child_post: Release)) & POSTED == 0 {
            self.away.post(self.key);
        }
    }
}

/// The sets of one thread, by their places.
#[derive(Default)]
struct Table {
    sets: Vec<Option<Rc<Home>>>,
    free: Vec<usize>,
}

thread_cell! {
    /// `None` while there is no set, so that a thread that ends leaves no memory behind; and while it is in use.
    static TABLE: ManuallyDrop<Option<Box<Table>>> = ManuallyDrop::new(None);
}

/// Takes the table out while `f` runs, which is a few plain moves.
fn with_table<R>(f: impl FnOnce(&mut Option<Box<Table>>) -> R) -> R {
    TABLE.with(|place| {
        let mut table = ManuallyDrop::into_inner(place.replace(ManuallyDrop::new(None)));
        let result = f(&mut table);
        place.set(ManuallyDrop::new(table));
        result
    })
}

/// Uses the queue of a set, if this is the set's thread and the set is alive.
fn at_home<R>(away: &Arc<Away>, f: impl FnOnce(&mut Queue) -> R) -> Option<R> {
    with_table(|table| {
        let home = table.as_ref()?.sets.get(away.place)?.as_ref()?;
        Arc::ptr_eq(&home.away, away).then(|| f(&mut home.queue.borrow_mut()))
    })
}

/// A new set in this thread's table.
fn enter_table() -> Rc<Home> {
    with_table(|table| {
        let Table { sets, free } = &mut **table.get_or_insert_default();
        let place = free.pop().unwrap_or(sets.len());
        let home = Rc::new(Home { away: Away::new(place), queue: RefCell::default() });
        if place == sets.len() {
            sets.push(None);
        }
        sets[place] = Some(Rc::clone(&home));
        home
    })
}

fn leave_table(place: usize) {
    let _emptied = with_table(|whole| {
        let table = whole.as_mut().expect("the set is in it");
        table.sets[place] = None; // the set holds it too, so nothing is dropped here
        table.free.push(place);
        if table.free.len() == table.sets.len() { whole.take() } else { None }
    });
}
