//! [`Standstill`]: decides from samples of the loop whether a turn stands still, and what is told of it.
//!
//! A watchdog could ask for a sign of life, and cry when none came in time. But then a process that was stopped, by a
//! terminal's ^Z or by a debugger, would look stuck when it goes on; and so would one whose watchdog got no core. So it only
//! counts time that it has seen:
//!
//! * A turn has stood still between two samples if both find the same task in its turn (or none, in a look), and meanwhile
//!   no turn has ended, and no look and no wait has begun.
//! * The time between two samples counts if it is not much longer than it was to be. If it is, the watchdog did not run. It may
//!   have been ready and have waited for a core, or the host of a virtual machine has woken it late. In the first case the system
//!   says for how long the watchdog was ready, in the second for how long the loop's thread ran: a stopped process
//!   does neither, so that time counts. If without it the two samples are as far apart as they were to be, the rest counts
//!   too. If not, the process may have been stopped in the rest. Where the system says nothing, nothing of such a time counts.
//! * A stop that ends before the watchdog's sleep does is not seen by that. `cpulimit` stops a process several times a second. But a
//!   stop wakes every thread, for a moment in which it learns that it is stopped, and its end wakes it again. So if the watchdog was given a core
//!   more than once since the last sample, and the loop's thread is not blocked, then only so much counts as that has run and has waited for its core. It
//!   may also have been blocked for a while, which nothing tells from a stop; so if the watchdog was not woken, all counts.
//!   That a thread was stopped while it is blocked in a system call changes nothing: all counts.
//! * A debugger may stop the loop's thread alone. The time before a sample that finds it stopped, and after that, does not count.
//!
//! So a stall lasts at least as long as is told while it lasts, whatever the system did meanwhile.
//!
//! It knows neither threads nor the clock: a [`Scene`] says how things are, and a test makes one up.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use super::proc::{Act, Schedule, TICK};
use super::stall::{Doing, Obstacle, Stall, StallCounts};
use crate::executor::observe::LoopState;
use crate::executor::{Id, Sample};

/// What the watchdog looks at: the loop's pulse, a clock, and what the system says of two threads.
pub(super) trait Scene {
    /// The time since some moment.
    fn now(&self) -> Duration;
    fn pulse(&self) -> Sample;
    fn name(&self, task: Id) -> Option<String>;
    /// How the watchdog's own thread was scheduled.
    fn own_schedule(&self) -> Option<Schedule>;
    /// How the loop's thread was scheduled.
    fn schedule(&self) -> Option<Schedule>;
    /// What the loop's thread does.
    fn act(&self) -> Option<Act>;
}

/// The watchdog's memory.
pub(super) struct Standstill {
    pub(super) threshold: Duration,
    /// The name of the loop's thread.
    thread: Arc<str>,
    last: Option<Look>,
    stand: Option<Stand>,
    pub(super) counts: StallCounts,
}

/// A sample, and when it was taken.
#[derive(Clone, Copy)]
struct Look {
    begin: Duration,
    /// Read next, so it has all waits of the time before `begin`, and none of those after `end`.
    own_schedule: Option<Schedule>,
    pulse: Sample,
    end: Duration,
}

/// The time between two samples.
struct Gap {
    /// As much of it as counts, as far as the watchdog's own schedule tells.
    certain: Duration,
    /// Whether the watchdog was woken meanwhile, as it is by a stop.
    is_broken: bool,
}

/// What a sample has found.
pub(super) struct News {
    pub(super) stall: Stall,
    /// Not at the end of one that was not told.
    pub(super) is_to_tell: bool,
}

/// A turn that is the same in two samples or more.
struct Stand {
    /// How long it has stood still for certain.
    lasted: Duration,
    /// When to tell of it next.
    next: Duration,
    /// From the threshold on: as it was told last, or would have been told.
    found: Option<Stall>,
    /// Whether it was told.
    is_told: bool,
    act: Option<Act>,
    core: Option<Core>,
}

/// How the loop's thread got a core since the second sample of a stand.
struct Core {
    /// In that sample.
    first: (Duration, Schedule),
    /// In the last one.
    last: (Duration, Schedule),
    /// How long it ran.
    ran: Duration,
    /// For how long it may have been blocked.
    blocked: Duration,
}

impl Standstill {
    /// A turn stands still when it has lasted for `threshold`.
    pub(super) fn new(threshold: Duration, thread: Arc<str>) -> Self {
        Self { threshold, thread, last: None, stand: None, counts: StallCounts::default() }
    }

    /// How long to wait before the next sample: a stall is seen within a quarter of the threshold after its begin, and told
    /// of as soon as it has been seen for the threshold.
    pub(super) fn wait(&self) -> Duration {
        let left = self.stand.as_ref().map(|stand| stand.next.saturating_sub(stand.lasted));
        // Zero: it is overdue, as what was told before is being told yet.
        left.into_iter().filter(|left| !left.is_zero()).fold(self.period(), Duration::min)
    }

    fn period(&self) -> Duration {
        self.threshold / 4
    }

    /// Takes a sample. Gives the begin and each doubling of a stall, if it may tell of them; and its end in any case.
    pub(super) fn sample(&mut self, scene: &impl Scene, may_tell: bool) -> Option<News> {
        let begin = scene.now();
        let (own_schedule, pulse) = (scene.own_schedule(), scene.pulse());
        let now = Look { begin, own_schedule, pulse, end: scene.now() };
        let last = self.last.replace(now)?;
        let gap = self.gap(&last, &now, scene);
        if stands_still(&last.pulse, &pulse) {
            self.stands(&gap, &pulse, scene, may_tell)
        } else {
            self.moves(&gap, scene)
        }
    }

    fn stands(
        &mut self,
        gap: &Gap,
        pulse: &Sample,
        scene: &impl Scene,
        may_tell: bool,
    ) -> Option<News> {
        let stand = self.stand.get_or_insert_with(|| Stand::new(self.threshold));
        let schedule = scene.schedule();
        let was_stopped = stand.is_stopped();
        stand.act = scene.act();
        if was_stopped || stand.is_stopped() {
            stand.core = None;
        } else {
            stand.lasted += stand.certain(gap, schedule);
            stand.see(schedule);
        }
        if let Some(found) = &mut stand.found {
            found.lasted = found.lasted.max(stand.lasted);
            found.ready = pulse.ready;
            self.counts.longest = self.counts.longest.max(stand.lasted);
        }
        if stand.lasted < stand.next || (stand.found.is_some() && !may_tell) {
            return None;
        }
        let doing = stand.doing(self.threshold);
        while may_tell && stand.next <= stand.lasted {
            stand.next = stand.next.saturating_mul(2);
        }
        let obstacle = match pulse.task {
            Some(id) => {
                // A task that ends in this turn has its name no longer when the turn is told again.
                let known = stand.found.as_ref().and_then(Stall::name).map(str::to_owned);
                let name = known.or_else(|| scene.name(id));
                let (site, part) = (pulse.site, pulse.part);
                Obstacle::Turn { id, name, site, part }
            }
            None => Obstacle::Look,
        };
        let (thread, lasted, ready) = (Arc::clone(&self.thread), stand.lasted, pulse.ready);
        let of_last = stand.found.as_ref().filter(|_| stand.is_told).map(Stall::remedy);
        let tells_remedy = Some(obstacle.remedy(&doing)) != of_last;
        let stall = Stall { thread, obstacle, lasted, ready, doing, tells_remedy, is_over: false };
        if stand.found.replace(stall.clone()).is_none() {
            self.counts.count += 1;
            self.counts.longest = self.counts.longest.max(lasted);
        }
        stand.is_told |= may_tell;
        may_tell.then_some(News { stall, is_to_tell: true })
    }

    /// What stood still, if anything did, went on during the gap.
    fn moves(&mut self, gap: &Gap, scene: &impl Scene) -> Option<News> {
        let stand = self.stand.take()?;
        stand.found.as_ref()?;
        let gap = match stand.is_stopped() {
            true => Duration::ZERO,
            false => stand.certain(gap, scene.schedule()),
        };
        let found = stand.found?;
        // It may have gone on at any time of the gap. In the middle of a long one is the best guess.
        let lasted = stand.lasted + if self.is_long(gap) { gap / 2 } else { gap };
        self.counts.longest = self.counts.longest.max(lasted);
        let stall = Stall { lasted, tells_remedy: false, is_over: true, ..found };
        Some(News { stall, is_to_tell: stand.is_told })
    }

    /// The stall that goes on, as the last sample has seen it, and that sample.
    #[cfg(feature = "inspect")]
    pub(super) fn goes_on(&self) -> Option<(Sample, Stall)> {
        let stand = self.stand.as_ref()?;
        let stall = Stall { doing: stand.doing(self.threshold), ..stand.found.clone()? };
        Some((self.last.as_ref()?.pulse, stall))
    }

    fn gap(&self, last: &Look, now: &Look, scene: &impl Scene) -> Gap {
        let certain = self.certain_time(last, now, scene);
        let own = last.own_schedule.zip(now.own_schedule);
        Gap { certain, is_broken: own.is_some_and(|(last, now)| now.slices > last.slices + 1) }
    }

    /// How much of the time between two samples counts.
    fn certain_time(&self, last: &Look, now: &Look, scene: &impl Scene) -> Duration {
        // A new turn may have begun just before the last look ended. One that stood still before it has stood still in it too.
        let since = if self.stand.is_some() { last.begin } else { last.end };
        let gap = now.begin.saturating_sub(since);
        if !self.is_long(gap) {
            return gap;
        }
        let own = last.own_schedule.zip(now.own_schedule);
        let waited =
            own.map_or(Duration::ZERO, |(last, now)| now.waited.saturating_sub(last.waited));
        let ran = self.stand.as_ref().and_then(|stand| stand.ran_since(&scene.schedule()?));
        let certain = waited.max(ran.unwrap_or_default()).min(gap);
        if self.is_long(gap - certain) { certain } else { gap }
    }

    fn is_long(&self, gap: Duration) -> bool {
        gap > 2 * self.period()
    }
}

/// Whether nothing has happened between two samples, although the loop was not waiting.
pub(super) fn stands_still(before: &Sample, now: &Sample) -> bool {
    let runs = |pulse: &Sample| pulse.stands == LoopState::Runs;
    let steps = |pulse: &Sample| (pulse.task, pulse.turns, pulse.looks, pulse.parks);
    runs(before) && runs(now) && steps(before) == steps(now)
}

impl Stand {
    fn new(threshold: Duration) -> Self {
        Self {
            lasted: Duration::ZERO,
            next: threshold,
            found: None,
            is_told: false,
            act: None,
            core: None,
        }
    }

    /// How much of a gap counts. `now` is the schedule of the loop's thread at its end.
    fn certain(&self, gap: &Gap, now: Option<Schedule>) -> Duration {
        if !gap.is_broken || self.act != Some(Act::Runs) {
            return gap.certain;
        }
        let last = self.core.as_ref().map(|core| core.last.1);
        let Some((last, now)) = last.zip(now) else { return Duration::ZERO };
        if last == now {
            return gap.certain; // it has waited for a core all the time: see `starved`
        }
        let times = |schedule: Schedule| schedule.ran + schedule.waited;
        times(now).saturating_sub(times(last)).min(gap.certain)
    }

    fn see(&mut self, schedule: Option<Schedule>) {
        let Some(now) = schedule.map(|schedule| (self.lasted, schedule)) else { return };
        let is_blocked = self.act != Some(Act::Runs);
        match &mut self.core {
            Some(core) => core.see(now, is_blocked),
            None => self.core = Some(Core::new(now)),
        }
    }

    /// How long the loop's thread ran for certain since the last sample.
    fn ran_since(&self, now: &Schedule) -> Option<Duration> {
        let (_, last) = &self.core.as_ref()?.last;
        // Of what it ran before, the kernel may have booked up to a tick since.
        Some(now.ran.saturating_sub(last.ran).saturating_sub(TICK))
    }

    /// A debugger has stopped the loop's thread, and leaves others running.
    fn is_stopped(&self) -> bool {
        self.act == Some(Act::Stopped)
    }

    fn doing(&self, threshold: Duration) -> Doing {
        match &self.act {
            Some(Act::Runs) => self
                .core
                .as_ref()
                .and_then(|core| core.starved(threshold))
                .unwrap_or(Doing::Computing),
            Some(Act::Blocked(place)) => Doing::Blocked(place.clone()),
            Some(Act::Stopped) | None => Doing::Unknown,
        }
    }
}

impl Core {
    fn new(first: (Duration, Schedule)) -> Self {
        Self { first, last: first, ran: Duration::ZERO, blocked: Duration::ZERO }
    }

    fn see(&mut self, now: (Duration, Schedule), is_blocked: bool) {
        let (since, before) = self.last;
        let (at, schedule) = now;
        self.last = now;
        let gap = at.saturating_sub(since);
        // When the host of a virtual machine has kept the core for a while, the kernel may book that as time in which the thread ran. In
        // this gap it ran no longer than that is; what is more was in a gap in which it was not seen to run.
        let ran = schedule.ran.saturating_sub(before.ran).min(gap.max(TICK));
        self.ran += ran;
        if is_blocked || schedule.slices != before.slices {
            let waited = schedule.waited.saturating_sub(before.waited);
            self.blocked += gap.saturating_sub(ran + waited);
        }
    }

    /// `Some`: the thread, which is ready, was kept from a core for at least a quarter of the time, and would not have reached the
    /// threshold by what it ran.
    fn starved(&self, threshold: Duration) -> Option<Doing> {
        let Self { first: (begin, first), last: (end, last), ran, blocked } = *self;
        let of = end.saturating_sub(begin);
        let waited = last.waited.saturating_sub(first.waited);
        // The kernel has not booked a wait that goes on, and does not know of what the host took. It shows by this: the thread has
        // not run either, but for a tick that is not booked.
        let unbooked = of.saturating_sub(ran + waited + blocked + TICK);
        let is_starved = !of.is_zero() && waited + unbooked >= of / 4 && ran < threshold;
        is_starved.then_some(Doing::NotScheduled { ran, of })
    }
}

#[cfg(all(test, not(loom)))]
#[path = "standstill_tests.rs"]
mod tests;
