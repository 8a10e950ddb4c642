//! What reports ask: which tasks there are, where they stand, and what awaits them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::task::Waker;

use super::header::TaskRef;
use super::hub::Hub;
use super::waker;
use crate::executor::primitives::ordering;
use crate::executor::{Id, Info, State};

impl Hub {
    /// The task that has its turn now. `None` for the future of `block_on`, and for a function that another thread sent.
    pub(crate) fn current(&self) -> Option<Info> {
        // SAFETY: (ALIVE) its turn holds RUNNING, or OWED, which `begin_turn` is about to trade.
        let task = self.home.running.get().map(|task| unsafe { self.describe(task) });
        task.filter(|task| task.id != Id::ROOT && task.id != Id::SENT)
    }

    /// The same, with the whole of its name.
    pub(crate) fn current_in_full(&self) -> Option<Info> {
        let task = self.current()?;
        Some(Info { name: self.away.names().get(&task.id.0).cloned(), ..task })
    }

    /// Which task has its turn now: of the future of `block_on` the id 0. `None` for a function that another thread sent.
    pub(crate) fn in_turn(&self) -> Option<Id> {
        // SAFETY: (ALIVE) as in `current`.
        let id = self.home.running.get().map(|task| Id(unsafe { task.home() }.id.get()));
        id.filter(|id| *id != Id::SENT)
    }

    /// The memory of the task that has its turn. What is pinned there cannot become another task's. The future of `block_on` is not in
    /// that of its task.
    pub(crate) fn memory_in_turn(&self) -> Option<Range<usize>> {
        let task = self.home.running.get()?;
        let begin = task.cell::<u8>().as_ptr().addr();
        // SAFETY: (ALIVE) as in `current`.
        Some(begin..begin + unsafe { task.fixed() }.vtable.memory.layout.size())
    }

    /// Whether `waker` is the one that the task which has its turn now was polled with.
    pub(crate) fn is_running(&self, waker: &Waker) -> bool {
        waker::task_of(waker, self.this).is_some_and(|task| self.home.running.get() == Some(task))
    }

    /// All tasks that have not ended, the future of `block_on` first; each with the task that awaits its handle.
    pub(crate) fn blocked(&self) -> Vec<(Info, Option<Id>)> {
        // SAFETY: (ALIVE) LISTED is held; the root's handle is further up the stack, in `with_root`.
        let describe = |task| unsafe { self.describe(task) };
        // SAFETY: (ALIVE) as above.
        let awaiter = |task: TaskRef| unsafe { task.home() }.waiters.awaiter(self);
        let all = self.home.root.get().into_iter().chain(self.live_tasks());
        all.map(|task| (describe(task), awaiter(task).map(|by| describe(by).id))).collect()
    }

    /// The tasks whose handle is awaited: by which task, or `None` if the waker is no task's of this hub.
    pub(crate) fn awaited(&self) -> BTreeMap<Id, Option<Id>> {
        // SAFETY: (ALIVE) LISTED is held; a task is kept by the handle that it awaits.
        let awaited = |task: TaskRef| unsafe {
            let home = task.home();
            let by = home.waiters.awaiter(self).map(|by| Id(by.home().id.get()));
            let is_awaited = by.is_some() || home.waiters.is_awaited_elsewhere(self);
            is_awaited.then(|| (Id(home.id.get()), by))
        };
        self.live_tasks().into_iter().filter_map(awaited).collect()
    }

    /// A part of [`blocked`](Self::blocked), in another order: the tasks in the places from `from` on, for as long as `goes_on`.
    /// Each with the task that awaits its handle, and whether that is awaited by a waker that is no task's of this hub. Gives the
    /// place at which the next part begins, if one is left. Place 0 is that of the future of `block_on`. A task keeps its place until it
    /// ends, so it is in one part at most, though tasks come and go between two parts.
    pub(crate) fn blocked_from(
        &self,
        from: usize,
        mut goes_on: impl FnMut() -> bool,
        mut tell: impl FnMut(Info, Option<Id>, bool),
    ) -> Option<usize> {
        // SAFETY: (ALIVE) as in `blocked`.
        let mut tell_of = |task: TaskRef| unsafe {
            let waiters = &task.home().waiters;
            let awaiter = waiters.awaiter(self).map(|by| Id(by.home().id.get()));
            tell(self.describe(task), awaiter, waiters.is_awaited_elsewhere(self));
        };
        if let (0, Some(root)) = (from, self.home.root.get()) {
            tell_of(root);
            if !goes_on() {
                return Some(1);
            }
        }
        // SAFETY: (LEAF) reads a number, and a pointer.
        let places = unsafe { self.home.live.with(|live| live.places()) };
        for place in from.max(1)..=places {
            // SAFETY: (LEAF) as above.
            let task = unsafe { self.home.live.with(|live| live.get(place - 1)) };
            task.into_iter().for_each(&mut tell_of);
            if !goes_on() {
                return Some(place + 1);
            }
        }
        None
    }

    /// Wakes those of the tasks in [`blocked`](Self::blocked) that `chosen` says, in the same order.
    pub(crate) fn wake_blocked(&self, chosen: impl Fn(Id) -> bool) {
        let all = self.home.root.get().into_iter().chain(self.live_tasks());
        // SAFETY: (ALIVE) as in `blocked`.
        let chosen = |task: &TaskRef| chosen(unsafe { self.describe(*task) }.id);
        // SAFETY: (ALIVE) as in `blocked`.
        all.filter(chosen).for_each(|task| unsafe { self.wake(task) });
    }

    /// Whether the run can never end: no waker is left of the root future, or, in `run_forever`, of any live task.
    pub(crate) fn is_stuck(&self) -> bool {
        // SAFETY: (ALIVE) the root's handle is further up the stack, in `with_root`.
        let is_stuck = |root| unsafe { self.describe(root) }.state == State::Stuck;
        self.home.root.get().map_or_else(|| self.are_tasks_stuck(), is_stuck)
    }

    /// Whether no waker is left of any live task.
    pub(crate) fn are_tasks_stuck(&self) -> bool {
        // SAFETY: (ALIVE) LISTED is held.
        let is_stuck = |task: TaskRef| unsafe {
            let home = task.home();
            home.state.reported(home.polls.get(), &task.away().count) == State::Stuck
        };
        // SAFETY: (LEAF) reads counts.
        unsafe { self.home.live.with(|live| live.iter().all(is_stuck)) }
    }

    /// The turn of now is a function that only asks: it wakes no task.
    pub(crate) fn count_question(&self) {
        self.home.questions.set(self.home.questions.get() + 1);
    }

    /// How many turns have ended that may have changed something.
    pub(crate) fn turns_of_work(&self) -> u64 {
        self.pulse().turns() - self.home.questions.get()
    }

    /// Whether something is on its way that no look has seen yet: a wake that has begun, or, in `run_forever`, a `stop` (a
    /// `block_on` ignores that).
    pub(crate) fn expects(&self) -> bool {
        // Ordering: for a report; nothing is read through it.
        let is_stopped = self.away.stop.load(ordering!(stop_expected: Relaxed)) != 0;
        let ends_the_run = is_stopped && self.home.root.get().is_none();
        ends_the_run || self.blocked().iter().any(|(task, _)| task.state == State::Ready)
    }
}
