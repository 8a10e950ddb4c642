//! How the hub tells its observers ([`Observe`]). Nothing here is called unless it is observed.

use super::header::TaskRef;
use super::hub::Hub;
use crate::executor::Id;
use crate::executor::observe::{Cause, NO_PLACE, OBSERVED, Observe, PLAIN, Seen, TurnEnd, WATCHED};

impl Hub {
    /// From the next run on, each turn writes which task has it where other threads see it.
    pub(crate) fn watch(&self) {
        self.home.seen.set(self.home.seen.get().max(WATCHED));
    }

    /// From now on `observer` is told of wakes, spawns and ends; from the next run on, of each turn too.
    pub(crate) fn observe(&self, observer: Box<dyn Observe>) {
        // SAFETY: (LEAF) a move.
        unsafe { self.home.observers.with(|observers| observers.push(observer)) };
        self.home.seen.set(OBSERVED);
    }

    /// How a run is seen: `PLAIN`, `WATCHED` or `OBSERVED`.
    #[inline]
    pub(crate) fn seen(&self) -> u8 {
        self.home.seen.get()
    }

    /// Whether other threads see which task has its turn.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.seen() != PLAIN
    }

    #[inline]
    pub(super) fn is_observed(&self) -> bool {
        self.seen() == OBSERVED
    }

    /// What wakes tasks from now on, outside of a turn.
    #[inline]
    pub(crate) fn set_cause(&self, cause: Cause) {
        self.home.cause.set(cause);
    }

    /// Tells the observers, if it is observed.
    #[inline]
    pub(crate) fn tell(&self, told: impl Fn(&dyn Observe)) {
        if self.is_observed() {
            self.tell_observers(told);
        }
    }

    #[inline]
    fn tell_observers(&self, told: impl Fn(&dyn Observe)) {
        // SAFETY: (LEAF) an observer runs no user code, and does not come back here.
        unsafe {
            self.home.observers.with(|all| all.iter().for_each(|observer| told(&**observer)));
        };
    }

    /// # Safety
    ///
    /// (ALIVE) A task of this hub.
    #[inline]
    unsafe fn seen_as(&self, task: TaskRef) -> Seen {
        // SAFETY: (ALIVE) as the caller promised.
        let (home, site) = unsafe { (task.home(), task.fixed().site) };
        let place = if home.state.is_listed() { home.live_place.get() } else { NO_PLACE };
        Seen { id: Id(home.id.get()), place, site }
    }

    /// What goes on now.
    #[inline]
    fn cause(&self) -> Cause {
        // SAFETY: (ALIVE) its turn holds RUNNING.
        match self.home.running.get().map(|task| Id(unsafe { task.home() }.id.get())) {
            None => self.home.cause.get(),
            Some(Id::SENT) => Cause::Thread,
            Some(id) => Cause::Task(id),
        }
    }

    /// Tells of `task`, and of what goes on now.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub.
    #[inline]
    unsafe fn tell_of(&self, task: TaskRef, told: impl Fn(&dyn Observe, &Seen, Cause)) {
        // SAFETY: (ALIVE) as the caller promised.
        let (seen, cause) = (unsafe { self.seen_as(task) }, self.cause());
        self.tell_observers(|observer| told(observer, &seen, cause));
    }

    /// # Safety
    ///
    /// (ALIVE) A task of this hub, which was just listed.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn tell_spawned(&self, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { self.tell_of(task, |observer, task, by| observer.spawned(task, by)) };
    }

    /// # Safety
    ///
    /// (ALIVE) A task of this hub, which has just entered the run queue.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn tell_woken(&self, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { self.tell_of(task, |observer, task, by| observer.woken(task, by)) };
    }

    /// # Safety
    ///
    /// (ALIVE) A task of this hub, which has just ended.
    #[cold]
    pub(super) unsafe fn tell_ended(&self, task: TaskRef) {
        self.home.turn_end.set(TurnEnd::Done);
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { self.tell_of(task, |observer, task, _| observer.ended(task)) };
    }

    /// Gives a turn, and tells of its beginning and end.
    ///
    /// # Safety
    ///
    /// As [`give_turn`](Self::give_turn).
    #[inline(always)]
    pub(super) unsafe fn give_turn_observed(&self, task: TaskRef) {
        // SAFETY: (ALIVE) as the caller promised.
        let (seen, polls) = unsafe { (self.seen_as(task), task.home().polls.get()) };
        self.home.turn_end.set(TurnEnd::Waits);
        self.tell_observers(|observer| observer.begins_turn(&seen, polls.saturating_add(1)));
        // SAFETY: as the caller promised.
        unsafe { self.give_turn::<OBSERVED>(task) };
        self.tell_observers(|observer| observer.ends_turn(&seen, self.home.turn_end.get()));
    }
}
