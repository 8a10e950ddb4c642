//! [`Metrics`]: numbers of a loop, for any thread, whether the loop runs or is stuck.
//!
//! The loop could send its numbers to whoever asks. But a loop that is stuck sends nothing. So it counts in memory that it shares
//! with the threads that ask, by plain stores, and a reading takes what is there. The numbers of one reading are not of one
//! moment.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::histogram::Histogram;
use super::json;
use super::stall::{StallCounts, title_at};
use crate::common::round::round_down;
use crate::executor::observe::LoopState;
use crate::executor::{HubHandle, Id, Sample};

/// What a loop has done so far, and what it has now.
///
/// A [`Handle`](crate::Handle) of any thread reads them by [`metrics`](crate::Handle::metrics), also while the loop is stuck, and
/// also after the runtime has ended. Reading costs the loop nothing, but for a short lock to copy the name of the task that has its turn. The numbers need not be of one moment: `turns` may be one ahead
/// of what `spawned` shows.
///
/// The `Display` is some lines; [`to_json`](Self::to_json) has each number by its name here, times in nanoseconds (`parked_ns`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// What the loop does.
    pub stands: LoopState,
    /// The task that has its turn, if the runtime writes that down: with `Builder::stall_threshold`, `Builder::histograms` or
    /// `Builder::task_slab`. The future of `block_on` has the id 0.
    pub running: Option<Id>,
    /// Its name, if it has one.
    pub running_name: Option<String>,
    /// Where it was spawned, or `block_on` was called.
    pub running_site: Option<&'static Location<'static>>,
    /// Turns that have ended: polls of tasks, and functions that other threads sent.
    pub turns: u64,
    /// Looks outside: at the inbox, the timers, the sources.
    pub looks: u64,
    /// Tasks that were spawned so far, without the futures of `block_on`.
    pub spawned: u64,
    /// Tasks that have not ended.
    pub live: u64,
    /// Tasks in the run queue. The task that has its turn is counted with them where `running` does not tell it.
    pub ready: u64,
    /// The most tasks that a look outside has seen there. (Between two looks there may have been more.)
    pub peak_ready: u64,
    /// Wakes, tasks and functions that other threads have sent. A wake counts also if its task has ended meanwhile.
    pub away_wakes: u64,
    /// How often the loop waited outside.
    pub parks: u64,
    /// How long it waited outside, in all, without the wait that goes on.
    pub parked: Duration,
    /// Timers that were armed at the last look.
    pub timers: u64,
    /// Sources that tasks waited for at the last look, such as sockets.
    pub sources: u64,
    /// The pool for blocking jobs. `None` without the feature `offload`.
    pub jobs: Option<JobCounts>,
    /// The turns that did not end in time. `None` without `Builder::stall_threshold`.
    pub stalls: Option<StallCounts>,
    /// How many deadlocks were reported. `None` without `Builder::report_deadlocks`.
    pub deadlocks: Option<u64>,
    /// How long tasks were ready before their turns, in real time. `None` without `Builder::histograms`.
    pub queue_delay: Option<Histogram>,
    /// How long turns took, in real time. `None` without `Builder::histograms`.
    pub poll_time: Option<Histogram>,
    /// How long the loop gave turns between two looks outside, in real time. So long, at most, what came from a timer, a socket or
    /// another thread was not seen, before its task was ready. `None` without `Builder::histograms`.
    pub look_gap: Option<Histogram>,
}

/// What the pool for blocking jobs has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct JobCounts {
    /// Jobs that wait for a thread. (Jobs that wait for a `Limiter` do not count.)
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
    /// Threads, busy or idle.
    pub threads: usize,
}

impl JobCounts {
    #[allow(dead_code, reason = "used by the part `offload`, which can be taken away")]
    pub(crate) fn new(queued: usize, running: usize, threads: usize) -> Self {
        Self { queued, running, threads }
    }
}

impl Metrics {
    /// What the loop of `hub` has counted.
    pub(crate) fn read(hub: &HubHandle) -> Self {
        let sample = hub.pulse();
        Self::new(&sample, hub.has_closed(), sample.task.and_then(|task| hub.name_of(task)))
    }

    /// `name`: of the task that has its turn.
    pub(super) fn new(sample: &Sample, has_ended: bool, name: Option<Box<str>>) -> Self {
        Self {
            stands: if has_ended { LoopState::Ended } else { sample.stands },
            running: sample.task,
            running_name: name.map(String::from),
            running_site: sample.task.and(sample.site),
            turns: sample.turns,
            looks: sample.looks,
            spawned: sample.spawned,
            live: sample.live,
            ready: sample.ready,
            peak_ready: sample.peak_ready,
            away_wakes: sample.away_wakes,
            parks: sample.parks,
            parked: sample.parked,
            timers: sample.timers,
            sources: sample.sources,
            jobs: None,
            stalls: None,
            deadlocks: None,
            queue_delay: None,
            poll_time: None,
            look_gap: None,
        }
    }

    /// The numbers as a JSON object. `stands` is `"outside"`, `"runs"`, `"parked"` or `"ended"`; a histogram is an array of
    /// pairs: the longest time of a bucket in nanoseconds, and how many are in it.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|object| self.write(object))
    }

    pub(crate) fn write(&self, object: &mut json::Object<'_>) {
        object.field("stands", self.stands.word()).field("running", self.running);
        object.field("running_name", self.running_name.as_deref());
        object.field("running_site", self.running_site);
        object.field("turns", self.turns).field("looks", self.looks);
        object.field("spawned", self.spawned).field("live", self.live);
        object.field("ready", self.ready).field("peak_ready", self.peak_ready);
        object.field("away_wakes", self.away_wakes);
        object.field("parks", self.parks).field("parked_ns", self.parked);
        object.field("timers", self.timers).field("sources", self.sources);
        match &self.jobs {
            Some(jobs) => object.object("jobs", |object| {
                object.field("queued", jobs.queued).field("running", jobs.running);
                object.field("threads", jobs.threads);
            }),
            None => object.field("jobs", None::<u64>),
        };
        match &self.stalls {
            Some(stalls) => object.object("stalls", |object| {
                object.field("count", stalls.count).field("longest_ns", stalls.longest);
            }),
            None => object.field("stalls", None::<u64>),
        };
        object.field("deadlocks", self.deadlocks);
        for (key, histogram) in [
            ("queue_delay_ns", &self.queue_delay),
            ("poll_time_ns", &self.poll_time),
            ("look_gap_ns", &self.look_gap),
        ] {
            match histogram {
                Some(histogram) => object.array(key, |buckets| {
                    for (longest, count) in histogram.buckets() {
                        buckets.array(|bucket| {
                            bucket.item(longest).item(count);
                        });
                    }
                }),
                None => object.field(key, None::<u64>),
            };
        }
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.stands, self.running) {
            (LoopState::Runs, Some(id)) => {
                let task = title_at(id, self.running_name.as_deref(), self.running_site);
                write!(f, "the loop is in the turn of {task}")
            }
            (LoopState::Runs, None) => f.write_str("the loop runs"),
            (LoopState::Outside, _) => f.write_str("the loop is not in a run"),
            (LoopState::Parked, _) => f.write_str("the loop waits outside"),
            (LoopState::Ended, _) => f.write_str("the runtime has ended"),
        }?;
        let (turns, looks) = (Many(self.turns, "turn"), Many(self.looks, "look"));
        let (waits, parked) = (Many(self.parks, "wait"), round_down(self.parked));
        write!(f, ": {turns}, {looks} outside, {waits} there of {parked:?} in all")?;
        let Self { live, spawned, ready, peak_ready, .. } = self;
        write!(f, "\ntasks: {live} live of {spawned} spawned; {ready} in the run queue, ")?;
        write!(f, "at most {peak_ready} seen there")?;
        let (timers, sources) = (Many(self.timers, "timer"), Many(self.sources, "source"));
        let wakes = Many(self.away_wakes, "wake");
        write!(f, "\noutside: {timers}, {sources}; {wakes} from other threads")?;
        if let Some(JobCounts { queued, running, threads }) = self.jobs {
            let threads = Many(threads as u64, "thread");
            write!(f, "\nblocking jobs: {running} running, {queued} queued, {threads}")?;
        }
        if let Some(StallCounts { count, longest, .. }) = self.stalls {
            write!(f, "\nthe watchdog: {}", Many(count, "stall"))?;
            if count > 0 {
                write!(f, ", of {:?} at most", round_down(longest))?;
            }
        }
        if let Some(reports) = self.deadlocks {
            write!(f, "\n{} reported", Many(reports, "deadlock"))?;
        }
        if let Some(delay) = &self.queue_delay {
            write!(f, "\nfrom ready to turn: {delay}")?;
        }
        if let Some(time) = &self.poll_time {
            write!(f, "\nturns: {time}")?;
        }
        if let Some(gap) = &self.look_gap {
            write!(f, "\nfrom look to look: {gap}")?;
        }
        Ok(())
    }
}

/// So many of them: "1 turn", "2 turns".
struct Many(u64, &'static str);

impl fmt::Display for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, what) = self;
        write!(f, "{count} {what}{}", if *count == 1 { "" } else { "s" })
    }
}
