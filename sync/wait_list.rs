//! [`WaitList`]: the futures that wait for one primitive, in the order in which they came.
//!
//! A primitive could keep a `VecDeque<Waker>`. But a future that is dropped must leave from the middle, and a primitive has
//! to know more of a waiter than its waker: how many permits it asks for, and whether they were granted. A linked list
//! through the futures themselves gives both and needs no memory of its own. But it points to memory that others own, so
//! it needs `unsafe`. So here the waiters are in a slab: a `Vec` of slots, doubly linked by index. Joining, leaving and
//! being let go take constant time. Slots are used again, so a steady state allocates nothing.
//!
//! # The life of a waiter
//!
//! ```text
//!             push_back             pop_front_if, wake_all            poll
//!  no slot  ------------->  in line ----------------------->  let go ------>  no slot
//!                              |                                |
//!                              +------------ remove ------------+---------->  no slot
//! ```
//!
//! A future in line holds the [`Key`] of its slot. When the primitive lets the future go, the slot leaves the line, and the
//! waker leaves the slot to be woken. The slot itself stays the future's until its next poll or its drop. So what it was
//! granted has a place, and a report can name a grant that no task has come for. Only the future gives its slot back, with
//! the key, which cannot be copied. So a key is never stale, and slots need no generations.
//!
//! # Code of others
//!
//! A waker's clone, wake and drop may run any code: release a permit, drop or poll another waiter, panic. So none of them
//! runs while the slots are borrowed. Every method here sees to that by itself: the slots are private to this file, and
//! the closures that its methods take are given a waiter's plain state alone.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;
use std::task::{Context, Poll, Waker};

use crate::common::awaited::Awaited;
use crate::common::explained::let_go;
use crate::common::waits;
use crate::executor::{drop_contained, wake_contained};

/// Waiters in the order in which they came, each with a state `S` of the primitive's.
pub(super) struct WaitList<S> {
    slots: RefCell<Slots<S>>,
    /// How many futures are in line. Beside the slots, so that asking for it borrows nothing.
    in_line: Cell<u32>,
}

/// A future's slot in the list. Dropping it without [`WaitList::remove`] leaks the slot.
#[derive(Debug)]
#[must_use = "only `remove` gives the slot back"]
pub(super) struct Key(NonZeroU32);

/// What [`WaitList::remove`] took out.
#[must_use]
pub(super) struct Removed<S> {
    pub(super) state: S,
    /// Whether the future was still in line. If not, the primitive had let it go.
    pub(super) was_in_line: bool,
    /// For the caller to drop by [`drop_waker`], after its own fields are updated.
    pub(super) waker: Option<Waker>,
}

impl<S: Copy> WaitList<S> {
    pub(super) const fn new() -> Self {
        let slots = Slots { slots: Vec::new(), free: NONE, taken: 0 };
        WaitList { slots: RefCell::new(slots), in_line: Cell::new(0) }
    }

    /// How many futures are in line.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.in_line.get() as usize
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.in_line.get() == 0
    }

    /// Puts a future at the end of the line. Cloning the waker may run any code. So the caller clones it first, then looks
    /// again whether the future has to wait, and calls this if it has.
    #[inline]
    pub(super) fn push_back(&self, state: S, waker: Waker) -> Key {
        self.in_line.set(self.in_line.get() + 1);
        self.slots.borrow_mut().push_back(state, waker)
    }

    /// Lets the future at the front go if `decide` says so, which may change its state too. Returns its waker, for the
    /// caller to wake by [`wake_each`].
    #[inline]
    pub(super) fn pop_front_if(&self, decide: impl FnOnce(&mut S) -> bool) -> Option<Waker> {
        if waits::is_explaining() {
            return self.pop_noted_front_if(decide);
        }
        let waker = self.slots.borrow_mut().pop_front_if(decide)?;
        self.in_line.set(self.in_line.get() - 1);
        Some(waker)
    }

    /// As [`pop_front_if`](Self::pop_front_if), where waits are noted. Apart, so that the other keeps nothing for after a note.
    #[cold]
    #[inline(never)]
    fn pop_noted_front_if(&self, decide: impl FnOnce(&mut S) -> bool) -> Option<Waker> {
        let front = self.slots.borrow().after(LINE);
        let waker = self.slots.borrow_mut().pop_front_if(decide)?;
        self.in_line.set(self.in_line.get() - 1);
        let_go(self.key(front));
        Some(waker)
    }

    /// Lets all futures go that are in line now, and wakes them, both in the order of the line. `change` is called with
    /// each one's state before the first is woken.
    ///
    /// A future that joins the line meanwhile is not let go: a waker that polls again is not woken twice. A future that
    /// another one's waker drops or polls is not woken at all.
    pub(super) fn wake_all(&self, change: impl FnMut(&mut S)) {
        if self.is_empty() {
            return;
        }
        self.in_line.set(0);
        let batch = self.slots.borrow_mut().split_off(change);
        if waits::is_explaining() {
            self.slots.borrow().ring(batch).for_each(|index| let_go(self.key(index)));
        }
        wake_each(|| self.slots.borrow_mut().pop_front_of(batch));
        self.slots.borrow_mut().free(batch);
    }

    /// Polls a future that has a slot. `Ready` if the primitive has let it go: then `place` is `None`, and the slot given
    /// back.
    ///
    /// While it waits, the waker of the latest poll is kept. So a poll with a waker that does nothing makes the list
    /// forget the task, and the future keeps its place in line.
    #[inline]
    pub(super) fn poll(&self, place: &mut Option<Key>, cx: &Context<'_>) -> Poll<S> {
        let index = place.as_ref().expect("it has a slot").0.get();
        let mut slots = self.slots.borrow_mut();
        if !slots.has_left(index) {
            drop(slots);
            if self.waits(index, cx.waker()) {
                return Poll::Pending;
            }
            slots = self.slots.borrow_mut();
        }
        let state = slots.at(index).state;
        slots.free(index);
        *place = None;
        waits::over(self.key(index));
        Poll::Ready(state)
    }

    /// Says what the task waits for whose turn polled this future just now.
    #[inline]
    pub(super) fn note(&self, place: &Option<Key>, what: impl FnOnce() -> Awaited) {
        if let Some(place) = place {
            waits::note(self.key(place.0.get()), what);
        }
    }

    /// Names a wait in this list. The list stays where it is while a future waits, which borrows it, or what owns it.
    #[inline]
    fn key(&self, index: u32) -> waits::Key {
        waits::Key::in_line(self, index.into())
    }

    /// Names the line itself.
    #[inline]
    pub(super) fn line_key(&self) -> waits::Key {
        self.key(LINE)
    }

    /// Whether a future whose waker has not been taken has to wait; then the waker is kept. If not, its slot is out of the
    /// ring. Out of line, as most futures are polled only after they were woken.
    #[inline(never)]
    fn waits(&self, index: u32, waker: &Waker) -> bool {
        let is_in_line = || self.slots.borrow().at(index).kind == Kind::InLine;
        if self.slots.borrow().waits_with(index, waker) {
            return true;
        }
        if is_in_line() {
            let waker = waker.clone();
            let unused = self.slots.borrow_mut().replace_waker(index, waker);
            drop_waker(unused);
        }
        // Cloning the one waker or dropping the other may have let the future go.
        if is_in_line() {
            return true;
        }
        // A `wake_all` that has not come to the future yet must not wake it.
        let unused = self.slots.borrow_mut().take_out(index);
        drop_waker(unused);
        false
    }

    /// Takes a future out that is dropped before it was ready. `None`: it had no slot.
    ///
    /// If it was let go, the caller hands on what it was granted. If it was in line, those behind it may now go on.
    #[inline]
    pub(super) fn remove(&self, place: &mut Option<Key>) -> Option<Removed<S>> {
        let Key(index) = place.take()?;
        let removed = self.slots.borrow_mut().remove(index.get());
        self.in_line.set(self.in_line.get() - u32::from(removed.was_in_line));
        waits::over(self.key(index.get()));
        Some(removed)
    }

    /// How many futures are ahead of this one in line, counted up to `limit`.
    pub(super) fn ahead_of(&self, place: &Key, limit: usize) -> usize {
        let slots = self.slots.borrow();
        let before = |&index: &u32| (index != LINE).then(|| slots.at(index).prev);
        std::iter::successors(before(&place.0.get()), before)
            .take_while(|&at| at != LINE)
            .take(limit)
            .count()
    }

    /// Whether the primitive has let this future go.
    pub(super) fn is_let_go(&self, place: &Key) -> bool {
        self.slots.borrow().at(place.0.get()).kind == Kind::LetGo
    }

    /// Calls `f` with the state of each future that was let go and not polled since. `f` must run no code of
    /// others.
    pub(super) fn for_each_let_go(&self, f: impl FnMut(&S)) {
        let slots = self.slots.borrow();
        let let_go = slots.slots.iter().filter(|slot| slot.kind == Kind::LetGo);
        let_go.map(|slot| &slot.state).for_each(f);
    }

    /// For how many slots there is room.
    #[cfg(all(test, not(loom)))]
    pub(super) fn memory(&self) -> usize {
        self.slots.borrow().slots.capacity()
    }
}

impl<S: Copy> Default for WaitList<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// Wakes every waker that `next` returns, one after the other, until that is `None`. A panic of a waker ends here, is
/// reported, and keeps no other from its wake.
#[inline]
pub(super) fn wake_each(mut next: impl FnMut() -> Option<Waker>) {
    while let Some(waker) = next() {
        wake_contained(waker);
    }
}

/// Drops a waker. A panic of that drop ends here, and is reported.
#[inline]
pub(super) fn drop_waker(waker: Option<Waker>) {
    if let Some(waker) = waker {
        drop_contained(waker);
    }
}

/// The slab. The line is a ring through the slots: from the slot [`LINE`], which holds no future, and back to it. So no
/// link is ever missing, and linking has no special cases. A batch of [`WaitList::wake_all`] is such a ring too.
struct Slots<S> {
    slots: Vec<Slot<S>>,
    /// The first of the free slots, which are linked by `next`.
    free: u32,
    /// How many slots are neither free nor [`LINE`].
    taken: u32,
}

struct Slot<S> {
    prev: u32,
    next: u32,
    kind: Kind,
    /// `Some` while the slot is in a ring.
    waker: Option<Waker>,
    state: S,
}

impl<S> Slot<S> {
    #[inline]
    fn new(state: S) -> Self {
        Slot { prev: LINE, next: LINE, kind: Kind::NoFuture, waker: None, state }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Free, or where a ring begins and ends.
    NoFuture,
    InLine,
    LetGo,
}

/// Where the line begins and ends. Made with the first slot.
const LINE: u32 = 0;

/// No slot: [`LINE`] is never free.
const NONE: u32 = LINE;

/// Room for so many waiters is always kept.
const SMALL: usize = 64;

impl<S: Copy> Slots<S> {
    #[inline]
    fn at(&self, index: u32) -> &Slot<S> {
        &self.slots[index as usize]
    }

    #[inline]
    fn at_mut(&mut self, index: u32) -> &mut Slot<S> {
        &mut self.slots[index as usize]
    }

    /// Whether the future was let go, and its waker taken.
    #[inline]
    fn has_left(&self, index: u32) -> bool {
        let slot = self.at(index);
        slot.kind == Kind::LetGo && slot.waker.is_none()
    }

    /// Whether the future is in line, with a waker that wakes the same task.
    fn waits_with(&self, index: u32, waker: &Waker) -> bool {
        let slot = self.at(index);
        slot.kind == Kind::InLine && slot.waker.as_ref().is_some_and(|kept| kept.will_wake(waker))
    }

    /// The next in the ring. [`LINE`] also where no slot was made yet.
    #[inline]
    fn after(&self, index: u32) -> u32 {
        self.slots.get(index as usize).map_or(LINE, |slot| slot.next)
    }

    #[inline]
    fn push_back(&mut self, state: S, waker: Waker) -> Key {
        let index = self.allocate(state);
        let last = self.at(LINE).prev;
        let slot = self.at_mut(index);
        slot.kind = Kind::InLine;
        slot.waker = Some(waker);
        self.link(last, index);
        self.link(index, LINE);
        Key(NonZeroU32::new(index).expect("LINE is never allocated"))
    }

    #[inline]
    fn pop_front_if(&mut self, decide: impl FnOnce(&mut S) -> bool) -> Option<Waker> {
        let front = self.after(LINE);
        if front == LINE || !decide(&mut self.at_mut(front).state) {
            return None;
        }
        self.at_mut(front).kind = Kind::LetGo;
        self.take_out(front)
    }

    /// The slots of a ring.
    fn ring(&self, begin: u32) -> impl Iterator<Item = u32> {
        let after = move |&at: &u32| Some(self.after(at)).filter(|&next| next != begin);
        std::iter::successors(after(&begin), after)
    }

    /// Moves the whole line into a ring of its own, which it returns.
    fn split_off(&mut self, mut change: impl FnMut(&mut S)) -> u32 {
        let mut at = self.after(LINE);
        let batch = self.allocate(self.at(at).state);
        let (first, last) = (self.after(LINE), self.at(LINE).prev);
        self.link(LINE, LINE);
        self.link(batch, first);
        self.link(last, batch);
        while at != batch {
            let slot = self.at_mut(at);
            slot.kind = Kind::LetGo;
            change(&mut slot.state);
            at = slot.next;
        }
        batch
    }

    fn pop_front_of(&mut self, batch: u32) -> Option<Waker> {
        match self.after(batch) {
            front if front == batch => None,
            front => self.take_out(front),
        }
    }

    /// Returns the waker that is not needed: the one before, or `waker` if the future was let go.
    fn replace_waker(&mut self, index: u32, waker: Waker) -> Option<Waker> {
        let slot = self.at_mut(index);
        if slot.kind == Kind::InLine { slot.waker.replace(waker) } else { Some(waker) }
    }

    #[inline]
    fn remove(&mut self, index: u32) -> Removed<S> {
        let waker = self.take_out(index);
        let Slot { kind, state, .. } = *self.at(index);
        self.free(index);
        Removed { state, was_in_line: kind == Kind::InLine, waker }
    }

    /// Takes the waker out, and with it the slot out of its ring. `None`: it was out already.
    #[inline]
    fn take_out(&mut self, index: u32) -> Option<Waker> {
        let slot = self.at_mut(index);
        let waker = slot.waker.take()?;
        let (prev, next) = (slot.prev, slot.next);
        self.link(prev, next);
        Some(waker)
    }

    #[inline]
    fn link(&mut self, prev: u32, next: u32) {
        self.at_mut(prev).next = next;
        self.at_mut(next).prev = prev;
    }

    #[inline]
    fn allocate(&mut self, state: S) -> u32 {
        self.taken += 1;
        if self.free == NONE {
            return self.grow(Slot::new(state));
        }
        let index = self.free;
        let slot = self.at_mut(index);
        slot.state = state;
        self.free = slot.next;
        index
    }

    /// It is given a whole slot, not the state: a state that may be passed to a call is built on the stack, and copying it
    /// from there to a free slot would wait for that.
    #[inline(never)]
    fn grow(&mut self, slot: Slot<S>) -> u32 {
        if self.slots.is_empty() {
            self.slots.push(Slot::new(slot.state));
        }
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 futures wait");
        self.slots.push(slot);
        index
    }

    #[inline]
    fn free(&mut self, index: u32) {
        let free = self.free;
        let slot = self.at_mut(index);
        slot.kind = Kind::NoFuture;
        slot.next = free;
        self.free = index;
        self.taken -= 1;
        if self.taken == 0 && self.slots.capacity() > SMALL {
            self.give_memory_back();
        }
    }

    /// No slot is taken. Memory that was not needed since the last such moment goes back: a crowd that returns finds its
    /// room again, and a crowd that came only once does not keep it.
    #[inline(never)]
    fn give_memory_back(&mut self) {
        let needed = self.slots.len();
        self.slots.truncate(1);
        self.free = NONE;
        if needed < self.slots.capacity() / 4 {
            self.slots.shrink_to(needed.max(SMALL));
        }
    }
}
