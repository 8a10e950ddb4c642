//! [`Pulse`]: what other threads may see of a loop while it runs, or while it is stuck.
//!
//! Another thread could be told by messages. But a loop that is stuck sends none, and that is when it is asked. So home
//! writes numbers into a block of shared memory, by plain stores, and any thread reads them at any time. They say nothing of each other: a reader that
//! sees a new turn may see an old task. What stood still between two readings is sure, and that is what a watchdog is about.
//!
//! No pointer to a task is here, as it could be gone when it is followed. A place in the source is never gone.

use std::panic::Location;
use std::ptr;
use std::time::Duration;

use crate::executor::Id;
use crate::executor::observe::LoopState;
use crate::executor::primitives::{Gauge, PtrGauge};

/// Written at home alone. It begins a cache line, as what lies before it is written by other threads.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Pulse {
    /// Turns that have ended.
    turns: Gauge,
    /// How often a task has entered the run queue.
    pushed: Gauge,
    /// The task that has its turn, if the hub is watched.
    task: Gauge,
    /// Where it was spawned.
    site: PtrGauge<Location<'static>>,
    looks: Gauge,
    stands: Gauge,
    /// The longest run queue that a look has seen.
    peak_ready: Gauge,
    pub(super) spawned: Gauge,
    pub(super) live: Gauge,
    pub(super) away_wakes: Gauge,
    parks: Gauge,
    parked_nanos: Gauge,
    timers: Gauge,
    sources: Gauge,
    /// Where the part of the program was named that the turn is in.
    part: PtrGauge<Location<'static>>,
}

/// A part of the program that a turn was in before it entered another.
#[derive(Clone, Copy)]
pub(crate) struct PartBefore(*mut Location<'static>);

/// One reading of a [`Pulse`]. Its numbers need not be of one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Never `Ended`: see [`HubHandle::has_closed`](super::HubHandle::has_closed).
    pub(crate) stands: LoopState,
    /// Turns that have ended.
    pub(crate) turns: u64,
    pub(crate) looks: u64,
    /// The task that has its turn. `None`: the loop looks outside, or is not watched.
    pub(crate) task: Option<Id>,
    /// Where that was spawned, or the call of `block_on`.
    pub(crate) site: Option<&'static Location<'static>>,
    /// Where the part of the program was named that the turn is in, if the loop is watched.
    pub(crate) part: Option<&'static Location<'static>>,
    /// How many tasks are in the run queue.
    pub(crate) ready: u64,
    /// The most that a look has seen there.
    pub(crate) peak_ready: u64,
    pub(crate) spawned: u64,
    pub(crate) live: u64,
    /// Wakes that came from other threads.
    pub(crate) away_wakes: u64,
    pub(crate) parks: u64,
    /// In all, without the wait that goes on.
    pub(crate) parked: Duration,
    /// At the last look.
    pub(crate) timers: u64,
    /// At the last look.
    pub(crate) sources: u64,
}

/// In place of a task's id: none has its turn, or a function that another thread has sent.
const NO_TASK: u64 = Id::SENT.0;

impl Pulse {
    pub(super) fn new() -> Self {
        let pulse = Self::default();
        pulse.task.set(NO_TASK);
        pulse
    }

    #[inline]
    pub(crate) fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// A turn has ended; `turns` have now.
    #[inline]
    pub(crate) fn set_turns(&self, turns: u64) {
        self.turns.set(turns);
    }

    /// A task has entered the run queue.
    #[inline]
    pub(super) fn count_push(&self) {
        self.pushed.add(1);
    }

    /// The executor has closed, and has taken out of the run queue what was there.
    pub(super) fn empty(&self) {
        self.pushed.set(self.turns.get());
    }

    /// This task has its turn.
    #[inline]
    pub(crate) fn show(&self, id: u64, site: &'static Location<'static>) {
        self.task.set(id);
        self.site.set(ptr::from_ref(site).cast_mut());
    }

    /// The turn is in a part of the program that was named there.
    #[inline]
    pub(crate) fn enter_part(&self, named_at: &'static Location<'static>) -> PartBefore {
        let before = self.part.get();
        self.part.set(ptr::from_ref(named_at).cast_mut());
        PartBefore(before)
    }

    #[inline]
    pub(crate) fn leave_part(&self, before: PartBefore) {
        self.part.set(before.0);
    }

    /// The loop looks outside; no task has its turn.
    pub(crate) fn begin_look(&self) {
        self.task.set(NO_TASK);
        self.looks.add(1);
    }

    /// The look has taken in what there is.
    pub(crate) fn end_look(&self) {
        self.peak_ready.set(self.peak_ready.get().max(self.ready()));
    }

    /// The loop waits outside.
    pub(crate) fn park(&self) {
        self.parks.add(1);
        self.stands.set(LoopState::Parked as u64);
    }

    pub(crate) fn unpark(&self, waited: Duration) {
        self.parked_nanos.add(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX));
        self.stands.set(LoopState::Runs as u64);
    }

    /// The loop begins, or ends, to look out for work in place of a wait.
    pub(crate) fn set_lingers(&self, lingers: bool) {
        self.stands.set(if lingers { LoopState::Parked } else { LoopState::Runs } as u64);
    }

    /// A run begins. Gives what [`leave`](Self::leave) puts back.
    pub(crate) fn enter(&self) -> u64 {
        let before = self.stands.get();
        self.stands.set(LoopState::Runs as u64);
        before
    }

    pub(crate) fn leave(&self, before: u64) {
        self.task.set(NO_TASK);
        self.stands.set(before);
    }

    /// What the driver waits for on behalf of tasks.
    pub(crate) fn set_pending(&self, timers: usize, sources: usize) {
        self.timers.set(timers as u64);
        self.sources.set(sources as u64);
    }

    /// Turns are counted when they end, so the task that has its turn is not in this number.
    fn ready(&self) -> u64 {
        let has_turn = u64::from(self.task.get() != NO_TASK);
        self.pushed.get().saturating_sub(self.turns.get() + has_turn)
    }

    pub(super) fn sample(&self) -> Sample {
        let task = self.task.get();
        // SAFETY: (SITE) null, or the address of a `&'static Location`.
        let place = |gauge: &PtrGauge<Location<'static>>| unsafe { gauge.get().as_ref() };
        let of_task = |gauge| place(gauge).filter(|_| task != NO_TASK);
        Sample {
            stands: match self.stands.get() {
                0 => LoopState::Outside,
                1 => LoopState::Runs,
                _ => LoopState::Parked,
            },
            turns: self.turns.get(),
            looks: self.looks.get(),
            task: (task != NO_TASK).then_some(Id(task)),
            site: of_task(&self.site),
            part: of_task(&self.part),
            ready: self.ready(),
            peak_ready: self.peak_ready.get(),
            spawned: self.spawned.get(),
            live: self.live.get(),
            away_wakes: self.away_wakes.get(),
            parks: self.parks.get(),
            parked: Duration::from_nanos(self.parked_nanos.get()),
            timers: self.timers.get(),
            sources: self.sources.get(),
        }
    }
}
